import { formatInstruction } from "@ebpf/asm";
import type { LineInfo, Platform, ProgramSpec } from "@ebpf/platform";
import type { Program } from "../program/program.js";
import type { Path } from "../walk.js";
import { CODES } from "./codes.js";
import type { Rejection } from "./reject.js";
import { type Diagnostic, PATH_LIMIT, type PathStep } from "./report.js";

/** The source line that an instruction comes from. */
export const lineAt = (spec: ProgramSpec, pc: number): LineInfo | undefined =>
  spec.lines.findLast((line) => line.pc <= pc);

/** Where a rejection happened. */
export interface Place {
  readonly pc: number;
  readonly path: Path | undefined;
  readonly program: Program;
  readonly platform: Platform;
}

/** What stands at a slot. */
const slotAt = ({ program, platform }: Place, pc: number): { instruction: string; source?: LineInfo } => {
  const source = lineAt(program.spec, pc);
  return {
    instruction: formatInstruction(program.instructions, pc, {
      dialect: "kernel-log",
      helperName: (id) => platform.helpers.get(id)?.name,
    }),
    ...(source && { source }),
  };
};

const stepsOf = (place: Place): { steps: PathStep[]; truncated: boolean } => {
  const steps: PathStep[] = [];
  let step = place.path;
  for (; step !== undefined && steps.length < PATH_LIMIT; step = step.before) {
    steps.unshift({ from: step.from, to: step.to, ...slotAt(place, step.from) });
  }
  return { steps, truncated: step !== undefined };
};

/** The diagnostic of a rejection; `place` is absent when the program as a whole is at fault. */
export const diagnose = ({ code, message, registers }: Rejection, place?: Place): Diagnostic => {
  const [rule, hint] = CODES[code];
  const { steps, truncated } = place ? stepsOf(place) : { steps: [], truncated: false };
  const name = place?.program.subprogramAt[place.pc]?.name;
  return {
    code,
    message,
    rule,
    hint,
    ...(place && { pc: place.pc, ...slotAt(place, place.pc) }),
    ...(name !== undefined && { function: name }),
    registers,
    path: steps,
    pathTruncated: truncated,
  };
};
