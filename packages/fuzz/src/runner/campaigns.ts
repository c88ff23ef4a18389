import fc from "fast-check";
import { programs } from "../arbitrary/program.js";
import { wellFormedPrograms } from "../arbitrary/well-formed.js";
import type { FuzzCase } from "../fuzz-case.js";
import { engines } from "../oracle/engines.js";
import type { Oracle } from "../oracle/outcome.js";

/** What is fuzzed: cases of a kind, and the oracle that judges them. */
export interface Campaign {
  readonly cases: fc.Arbitrary<FuzzCase>;
  /** Makes the oracle ready; throws a typed error when the machine lacks what it needs. */
  readonly open: () => Promise<Oracle>;
}

/** The campaigns by the name of their oracle. */
export const CAMPAIGNS: Readonly<Record<string, () => Campaign>> = {
  engines: () => ({
    cases: fc.oneof({ weight: 3, arbitrary: programs() }, { weight: 1, arbitrary: wellFormedPrograms() }),
    open: async () => engines,
  }),
};
