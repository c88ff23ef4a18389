import { FuzzError } from "../errors.js";
import { type CaseJson, caseFromJson, type FuzzCase } from "../fuzz-case.js";
import type { Outcome } from "../oracle/outcome.js";
import { caseAt } from "./batch.js";
import { CAMPAIGNS } from "./campaigns.js";
import { readCases } from "./corpus.js";

/**
 * Judges one case again.
 *
 * @param what a file with a case, or `SEED:INDEX` as reports give it
 * @param seeds the cases that were mutated in the run that named `SEED:INDEX`
 * @throws FuzzError `BAD_OPTION` when it is neither, `BAD_CASE` when the file holds no case
 */
export const replay = async (
  oracle: string,
  what: string,
  seeds: readonly CaseJson[] = [],
): Promise<{ readonly case: FuzzCase; readonly outcome: Outcome }> => {
  const campaign = CAMPAIGNS[oracle]?.(seeds.map(caseFromJson));
  if (campaign === undefined) throw new FuzzError("BAD_OPTION", `there is no oracle ${oracle}`);
  const [, seed, index] = /^(-?\d+):(\d+)$/.exec(what) ?? [];
  const stored = seed === undefined ? readCases(what)[0] : undefined;
  if (seed === undefined && stored === undefined)
    throw new FuzzError("BAD_OPTION", `${what} is no file and no SEED:INDEX`);
  const fuzzCase = stored ? caseFromJson(stored) : caseAt(campaign.cases, { seed: Number(seed), index: Number(index) });
  return { case: fuzzCase, outcome: (await campaign.open())(fuzzCase) };
};
