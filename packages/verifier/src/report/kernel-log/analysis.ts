import { assertNever } from "@ebpf/core";
import { SLOT_BYTES } from "../../state/stack.js";
import type { LivenessEvent, PrecisionEvent } from "../events.js";
import { formatState } from "./state.js";

/*
 * The lines of level 2 that tell how precision and liveness were found out.
 */

const formatRegisters = (registers: number): string => {
  const names: string[] = [];
  for (let register = 0; register <= 10; register++) if (registers & (1 << register)) names.push(`r${register}`);
  return names.join(",");
};

const formatSlots = (slots: readonly number[], before = ""): string =>
  slots.map((slot) => `${before}${-SLOT_BYTES * (slot + 1)}`).join(",");

const formatWanted = ({
  registers,
  slots,
}: {
  readonly registers: number;
  readonly slots: readonly number[];
}): string => `regs=${formatRegisters(registers)} stack=${formatSlots(slots)}`;

/** The line of a step on the way back of a number. */
export const formatPrecision = (event: PrecisionEvent, instructionText: (pc: number) => string): string => {
  const mark = `mark_precise: frame${event.frame}:`;
  switch (event.step) {
    case "propagate": {
      const names = [formatRegisters(event.registers), formatSlots(event.slots, "fp")].filter((name) => name !== "");
      return `frame ${event.frame}: propagating ${names.join(",")}`;
    }
    case "search":
      return `${mark} last_idx ${event.last} first_idx ${event.first} subseq_idx ${event.next} `;
    case "back":
      return `${mark} ${formatWanted(event)} before ${event.pc}: ${instructionText(event.pc)}`;
    case "stored": {
      const { state, precise } = event.stored;
      return `${mark} parent state ${formatWanted(event)}: ${formatState(state, event.frame, { precise })}`;
    }
    case "all":
      return `${mark} falling back to forcing all scalars precise`;
    case "force":
      return `force_precise: frame${event.frame}: forcing ${event.name} to be precise`;
    default:
      return assertNever(event);
  }
};

/** The line of what became known about stack slots, with the chain of calls before it. */
export const formatLiveness = (event: LivenessEvent): string => {
  const chain = `(${[...event.callSites, event.start].join(",")})`;
  if (event.kind === "liveness") return `${chain} live stack update done in ${event.rounds} iterations`;
  const { name, frame, pc, added, removed } = event;
  const more = added.length === 0 ? "" : `+${name} ${formatSlots(added)} `;
  const less = removed.length === 0 ? "" : `-${name} ${formatSlots(removed)}`;
  return `${chain} frame ${frame} insn ${pc} ${more}${less}`;
};
