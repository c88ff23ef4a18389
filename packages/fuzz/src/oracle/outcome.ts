import { FuzzError } from "../errors.js";
import { describeCase, type FuzzCase } from "../fuzz-case.js";

/** A mistake that an oracle found. */
export interface Finding {
  /** The oracle's name. */
  readonly oracle: string;
  /** Which rule is broken, without the numbers and registers of this case: findings with one key are one mistake. */
  readonly key: string;
  /** What differs, in this case. */
  readonly detail: string;
}

/** What an oracle says of a case: the sides agree, a finding, or that it can't tell; with a word for statistics. */
export type Outcome =
  | { readonly kind: "agree"; readonly note: string }
  | { readonly kind: "skip"; readonly note: string }
  | { readonly kind: "finding"; readonly finding: Finding };

/** Compares two sides on one case. Throws nothing that the case could cause. */
export type Oracle = (fuzzCase: FuzzCase) => Outcome;

export const agree = (note: string): Outcome => ({ kind: "agree", note });

export const skip = (note: string): Outcome => ({ kind: "skip", note });

export const found = (oracle: string, key: string, detail: string): Outcome => ({
  kind: "finding",
  finding: { oracle, key, detail },
});

/**
 * For properties of your own: `fc.property(programs(), (c) => assertAgreement(engines(c), c))`.
 *
 * @throws FuzzError `FINDING`
 */
export const assertAgreement = (outcome: Outcome, fuzzCase: FuzzCase): void => {
  if (outcome.kind !== "finding") return;
  const { oracle, key, detail } = outcome.finding;
  throw new FuzzError("FINDING", `${oracle}: ${key}\n${detail}\n${describeCase(fuzzCase)}`);
};

/** A message without its numbers and registers, for keys. */
export const withoutNumbers = (message: string): string =>
  message
    .replace(/\b0x[0-9a-f]+\b/gi, "N")
    .replace(/\b([rRwW])(10|[0-9])\b/g, "$1_")
    .replace(/-?\d+/g, "N")
    .slice(0, 160);

/** What a thrown value says, with the place in our code for keys. */
export const crashOf = (thrown: unknown): { readonly key: string; readonly detail: string } => {
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  const stack = error.stack ?? error.message;
  const place = /at (\S+) /.exec(stack.slice(stack.indexOf("\n")))?.[1] ?? "";
  return { key: `crash: ${error.name} ${withoutNumbers(error.message)} in ${place}`, detail: stack };
};
