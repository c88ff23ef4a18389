import { bytesToHex } from "@ebpf/core";
import { compile, type FinishOptions, type Tier } from "@ebpf/jit";
import { linux } from "@ebpf/platform";
import { interpret, RuntimeFault } from "@ebpf/runtime";
import type { Report } from "@ebpf/verifier";
import type { FuzzCase } from "../fuzz-case.js";
import { judge } from "./judge.js";
import { type Engine, type Observation, observe } from "./machine.js";
import { agree, crashOf, found, type Oracle, type Outcome, skip } from "./outcome.js";
import { readsWhatCallsLeave } from "./undefined-reads.js";

const NAME = "engines";

/** The end of a run in one line; faults by code and place, since engines word some messages differently. */
const endOf = ({ end }: Observation): string => {
  if (end.kind === "returned") return `r0 = 0x${end.result.returnValue.toString(16)}`;
  return end.error instanceof RuntimeFault ? `${end.error.code} at ${end.error.pc}` : end.error.code;
};

const hex = (bytes: Uint8Array | undefined): string => (bytes === undefined ? "none" : bytesToHex(bytes));

const firstDifference = (a: Uint8Array, b: Uint8Array): number => {
  const length = Math.max(a.length, b.length);
  for (let index = 0; index < length; index++) if (a[index] !== b[index]) return index;
  return -1;
};

/** The first thing in which two runs differ: what it is, and both sides of it. */
const difference = (a: Observation, b: Observation): { readonly what: string; readonly detail: string } | undefined => {
  const compare = (what: string, left: string, right: string) =>
    left === right ? undefined : { what, detail: `${what}: ${left} and ${right}` };
  const results = (side: Observation) => (side.end.kind === "returned" ? side.end.result : undefined);
  const [left, right] = [results(a), results(b)];
  const heap = firstDifference(a.heap, b.heap);
  return (
    compare("end", endOf(a), endOf(b)) ??
    compare("packet", hex(left?.packet), hex(right?.packet)) ??
    compare("context", hex(left?.context ?? new Uint8Array()), hex(right?.context ?? new Uint8Array())) ??
    compare("trace", a.trace.join("\n"), b.trace.join("\n")) ??
    compare("redirect", describeRedirect(left), describeRedirect(right)) ??
    (heap < 0 ? undefined : compare("maps", `byte ${heap} is ${a.heap[heap]}`, `${b.heap[heap]}`))
  );
};

const describeRedirect = (
  result:
    | { readonly redirect?: { readonly target: number; readonly flags: bigint; readonly map?: string } }
    | undefined,
): string => {
  const { target, flags, map } = result?.redirect ?? {};
  return `${target} ${flags} ${map}`;
};

/** Ends that say nothing of the program: what the runtime does not have. */
const NOT_RUN: ReadonlySet<string> = new Set([
  "UNSUPPORTED_MAP",
  "UNKNOWN_MAP",
  "BAD_MAP",
  "BAD_INPUT",
  "BAD_PROGRAM",
  "LIMIT",
]);

/** Helpers that read any memory on the program's behalf: without checks they find more of it. */
const READS_ANYTHING = /^bpf_(probe_read|copy_from_user|trace_)/;

const readsAnything = ({ spec }: FuzzCase): boolean =>
  spec.instructions.some(
    ({ op, imm }) => op.name === "call" && READS_ANYTHING.test(linux.helpers.get(imm)?.name ?? ""),
  );

/** The sides without checks must do what checked ones do; only for programs that a verifier accepted. */
const compareUnchecked = (
  fuzzCase: FuzzCase,
  reference: Observation,
  facts: Report["facts"],
  finish: FinishOptions,
): Outcome | undefined => {
  const tiered =
    (tier: Tier): Engine =>
    (spec, runtime, options) =>
      compile(spec, runtime, { ...options, ...finish, tier, facts });
  for (const [name, engine] of [
    ["interpreter", interpret],
    ["baseline", tiered("baseline")],
    ["optimized", tiered("optimized")],
  ] as const) {
    const differs = difference(reference, observe(fuzzCase, { engine, checked: false }));
    if (differs) return found(NAME, `${name} without checks differs: ${differs.what}`, differs.detail);
  }
  return undefined;
};

/**
 * Interpreted and compiled, a program does the same: r0 or fault, packet, context, all bytes of maps, what it prints, where
 * it sends packets. Any program in checked mode; and one that the verifier accepts also without checks, where it must not
 * fault.
 *
 * @param finish what the compiler is to do with its modules
 */
export const enginesOracle =
  (finish: FinishOptions): Oracle =>
  (fuzzCase) => {
    try {
      const compiled: Engine = (spec, runtime, options) => compile(spec, runtime, { ...options, ...finish });
      const reference = observe(fuzzCase, { engine: interpret, checked: true });
      const { end } = reference;
      if (end.kind === "threw" && NOT_RUN.has(end.error.code)) return skip(end.error.code);
      const differs = difference(reference, observe(fuzzCase, { engine: compiled, checked: true }));
      if (differs && readsWhatCallsLeave(fuzzCase)) return skip("reads what calls leave undefined");
      if (differs) return found(NAME, `engines differ: ${differs.what}`, `${differs.detail} (interpreter, compiled)`);
      if (end.kind === "threw") return agree(end.error.code);
      const { verdict, facts } = judge(fuzzCase.spec);
      const accepted = verdict === "accept" && !readsAnything(fuzzCase);
      const unchecked = accepted ? compareUnchecked(fuzzCase, reference, facts, finish) : undefined;
      return unchecked ?? agree(accepted ? "accepted" : "checked");
    } catch (thrown) {
      const { key, detail } = crashOf(thrown);
      return found(NAME, key, detail);
    }
  };

/** `enginesOracle` of the compiler as it is by default. */
export const engines: Oracle = enginesOracle({});
