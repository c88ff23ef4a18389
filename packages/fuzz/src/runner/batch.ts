import fc from "fast-check";
import { caseToJson, type FuzzCase } from "../fuzz-case.js";
import { minimise } from "../minimise/minimise.js";
import type { Oracle, Outcome } from "../oracle/outcome.js";
import type { BatchReport, CaseFinding, Origin } from "./protocol.js";

/** Cases of a batch. */
export const BATCH = 50;
/** Milliseconds that making a finding small may take. */
const SHRINK_TIME = 4000;

/** The seed of a batch: the same for the same run, worker and number, and unlike that of any neighbour. */
export const batchSeed = (seed: number, worker: number, batch: number): number => {
  let hash = 0x811c_9dc5;
  for (const part of [seed, worker, batch]) {
    hash = Math.imul(hash ^ part, 0x0100_0193);
    hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b_3c6d);
  }
  return hash | 0;
};

/** The case with a number in a batch. */
export const caseAt = (cases: fc.Arbitrary<FuzzCase>, { seed, index }: Origin): FuzzCase => {
  let found: FuzzCase | undefined;
  const take = fc.property(cases, (fuzzCase) => {
    found ??= fuzzCase;
  });
  fc.check(take, { seed, path: String(index), numRuns: 1 });
  return found!;
};

/** Smaller cases with the same key: first as their arbitrary shrinks, then instruction by instruction. */
const shrink = (
  cases: fc.Arbitrary<FuzzCase>,
  origin: Origin,
  failsAlike: (fuzzCase: FuzzCase) => boolean,
): FuzzCase => {
  const deadline = Date.now() + SHRINK_TIME;
  let smallest = caseAt(cases, origin);
  const property = fc.property(cases, (fuzzCase) => {
    if (Date.now() > deadline || !failsAlike(fuzzCase)) return true;
    smallest = fuzzCase;
    return false;
  });
  fc.check(property, { seed: origin.seed, path: String(origin.index), numRuns: 1 });
  return minimise(smallest, failsAlike, deadline + SHRINK_TIME);
};

const keyOf = (outcome: Outcome): string | undefined => (outcome.kind === "finding" ? outcome.finding.key : undefined);

export interface BatchOptions {
  readonly cases: fc.Arbitrary<FuzzCase>;
  readonly oracle: Oracle;
  readonly seed: number;
  /** Keys of findings that need no shrinking any more; grows. */
  readonly known: Set<string>;
  /** What has been seen of programs and outcomes; grows. */
  readonly seen: Set<string>;
  /** Called before each case. */
  readonly beat: (index: number) => void;
}

/** What is new about a case: an operation that met an outcome for the first time. */
const isInteresting = ({ spec }: FuzzCase, note: string, seen: Set<string>): boolean => {
  const before = seen.size;
  for (const { op } of spec.instructions) seen.add(`${op.name} ${note}`);
  return seen.size > before;
};

/** Checks the cases of a batch, and makes what it finds small. */
export const runBatch = ({ cases, oracle, seed, known, seen, beat }: BatchOptions): Omit<BatchReport, "batch"> => {
  const notes: Record<string, number> = {};
  const findings = new Map<string, CaseFinding>();
  const interesting: FuzzCase[] = [];
  let index = 0;
  const check = (fuzzCase: FuzzCase): Outcome => {
    beat(index);
    return oracle(fuzzCase);
  };
  const record = (fuzzCase: FuzzCase): void => {
    const outcome = check(fuzzCase);
    const note = outcome.kind === "finding" ? "finding" : `${outcome.kind}: ${outcome.note}`;
    notes[note] = (notes[note] ?? 0) + 1;
    if (outcome.kind === "finding") {
      const { finding } = outcome;
      const count = (findings.get(finding.key)?.count ?? 0) + 1;
      const first = findings.get(finding.key);
      findings.set(
        finding.key,
        first ? { ...first, count } : { ...finding, origin: { seed, index }, count, case: caseToJson(fuzzCase) },
      );
    }
    if (isInteresting(fuzzCase, note, seen)) interesting.push(fuzzCase);
    index++;
  };
  fc.check(fc.property(cases, record), { seed, numRuns: BATCH });
  const runs = index;
  const small = [...findings.values()].map((finding): CaseFinding => {
    if (known.has(finding.key)) return finding;
    known.add(finding.key);
    index = finding.origin.index;
    const smallest = shrink(cases, finding.origin, (candidate) => keyOf(check(candidate)) === finding.key);
    const outcome = check(smallest);
    return { ...finding, ...(outcome.kind === "finding" && outcome.finding), case: caseToJson(smallest) };
  });
  return { runs, notes, findings: small, interesting: interesting.map(caseToJson) };
};
