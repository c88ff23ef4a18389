import { BtfError } from "../errors.js";

/** Comparisons of two types, members or names that a relocation may cost with one candidate; real ones take thousands. */
const MAX_STEPS = 1 << 20;

/** Ends comparisons that circles of types would make without end. */
export class MatchBudget {
  #left = MAX_STEPS;

  /** @throws BtfError `LIMIT` when the steps are used up. */
  spend(steps = 1): void {
    this.#left -= steps;
    if (this.#left < 0) throw new BtfError("LIMIT", `more than ${MAX_STEPS} steps to compare two types`);
  }
}
