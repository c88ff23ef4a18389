import fc from "fast-check";
import { describeCase, type FuzzCase } from "../fuzz-case.js";

/** The same cases, which a failing property prints as a listing instead of a heap of fields. */
export const readable = (cases: fc.Arbitrary<FuzzCase>): fc.Arbitrary<FuzzCase> =>
  cases.map((fuzzCase) => Object.assign({ ...fuzzCase }, { [fc.toStringMethod]: () => describeCase(fuzzCase) }));
