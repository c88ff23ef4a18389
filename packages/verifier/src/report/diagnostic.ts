import { formatInstruction } from "@ebpf/asm";
import type { LineInfo, ProgramSpec } from "@ebpf/platform";
import type { Program } from "../program/program.js";
import type { Path } from "../walk.js";
import { CODES } from "./codes.js";
import type { Rejection } from "./reject.js";
import { type Diagnostic, PATH_LIMIT, type PathStep } from "./report.js";

/** The source line that an instruction comes from. */
export const lineAt = (spec: ProgramSpec, pc: number): LineInfo | undefined =>
  spec.lines.findLast((line) => line.pc <= pc);

const stepsOf = (path: Path | undefined): { steps: PathStep[]; truncated: boolean } => {
  const steps: PathStep[] = [];
  let step = path;
  for (; step !== undefined && steps.length < PATH_LIMIT; step = step.before) {
    steps.unshift({ from: step.from, to: step.to });
  }
  return { steps, truncated: step !== undefined };
};

/** Where a rejection happened. */
export interface Place {
  readonly pc: number;
  readonly path: Path | undefined;
  readonly program: Program;
}

/** The diagnostic of a rejection; `place` is absent when the program as a whole is at fault. */
export const diagnose = ({ code, message, registers }: Rejection, place?: Place): Diagnostic => {
  const [rule, hint] = CODES[code];
  const { steps, truncated } = stepsOf(place?.path);
  const source = place && lineAt(place.program.spec, place.pc);
  const name = place?.program.subprogramAt[place.pc]?.name;
  return {
    code,
    message,
    rule,
    hint,
    ...(place && {
      pc: place.pc,
      instruction: formatInstruction(place.program.instructions, place.pc, { dialect: "kernel-log" }),
    }),
    ...(name !== undefined && { function: name }),
    ...(source && { source }),
    registers,
    path: steps,
    pathTruncated: truncated,
  };
};
