import { formatInstruction } from "@ebpf/asm";
import type { LineInfo, Platform, ProgramSpec } from "@ebpf/platform";
import type { Program } from "../program/program.js";
import type { State } from "../state/state.js";
import type { Path } from "../walk.js";
import { CODES } from "./codes.js";
import { originOf } from "./origins.js";
import type { Rejection } from "./reject.js";
import { type CodePlace, type Diagnostic, PATH_LIMIT, type PathStep, type Provenance } from "./report.js";

/** The source line that an instruction comes from. */
export const lineAt = (spec: ProgramSpec, pc: number): LineInfo | undefined =>
  spec.lines.findLast((line) => line.pc <= pc);

/** Where a rejection happened. */
export interface Place {
  readonly pc: number;
  readonly state: State;
  readonly path: Path | undefined;
  readonly program: Program;
  readonly platform: Platform;
}

/** What stands at a slot. */
const slotAt = ({ program, platform }: Place, pc: number): CodePlace => {
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

const historyOf = (place: Place, { registers, held }: Rejection): Provenance[] => {
  const told = (subject: string, pcs: readonly number[], truncated: boolean): Provenance => ({
    subject,
    steps: pcs.map((pc) => ({ pc, ...slotAt(place, pc) })),
    truncated,
  });
  const ofRegisters = registers.map((register) => {
    const { pcs, truncated } = originOf(place.program, place.state, place.pc, register);
    return told(`R${register}`, pcs, truncated);
  });
  const ofHeld = held.map(({ kind, id, pc }) => told(`${kind === "lock" ? "lock" : "reference"} ${id}`, [pc], false));
  return [...ofRegisters, ...ofHeld].filter(({ steps }) => steps.length > 0);
};

/** The diagnostic of a rejection; `place` is absent when the program as a whole is at fault. */
export const diagnose = (rejection: Rejection, place?: Place): Diagnostic => {
  const { code, message, registers } = rejection;
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
    history: place ? historyOf(place, rejection) : [],
    path: steps,
    pathTruncated: truncated,
  };
};
