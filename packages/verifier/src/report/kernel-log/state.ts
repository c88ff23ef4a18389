import type { Marks } from "../../state/marks.js";
import type { Register } from "../../state/register.js";
import { BYTE, byteKind, SLOT_BYTES, type Slot } from "../../state/stack.js";
import type { Frame, State } from "../../state/state.js";
import { formatRegister } from "./register.js";

/*
 * A frame as Linux 6.18 prints it: ` frame1: R1=ctx() R10=fp0 fp-8=mmmm???? refs=2 cb`.
 */

/** What to print of a state. */
export interface StateParts {
  /** Only these registers and slots, as marks of frame 0; all of them without. */
  readonly only?: Marks | undefined;
  /** The precise numbers of a stored state. */
  readonly precise?: Marks | undefined;
}

const BYTE_LETTERS: Readonly<Record<number, string>> = {
  [BYTE.invalid]: "?",
  [BYTE.spill]: "r",
  [BYTE.misc]: "m",
  [BYTE.zero]: "0",
  [BYTE.dynptr]: "d",
};

/** The highest byte first, as the letters stand. */
const lettersOf = (slot: Slot): string => {
  let letters = "";
  for (let byte = SLOT_BYTES - 1; byte >= 0; byte--) letters += BYTE_LETTERS[byteKind(slot, byte)] ?? "?";
  return letters;
};

/** Only the first of a dynptr's two slots is shown; what Linux prints as `dynptr_id` is that it is the first. */
const formatDynptr = ({ firstSlot, dynptr, id, reference }: Register): string | undefined =>
  firstSlot ? `dynptr_${dynptr}(id=${id}${reference === 0 ? "" : `,ref_id=${reference}`},dynptr_id=1)` : undefined;

const formatSlot = (slot: Slot, frame: number, precise: boolean): string | undefined => {
  const letters = lettersOf(slot);
  if (letters === "????????") return undefined;
  if (slot.spilled === undefined) return letters;
  if (slot.spilled.kind === "dynptr") return formatDynptr(slot.spilled);
  return letters.slice(0, letters.indexOf("r")) + formatRegister(slot.spilled, frame, precise);
};

const formatFrame = (frame: Frame, { only, precise }: StateParts): string => {
  const { index } = frame;
  let text = index === 0 ? "" : ` frame${index}:`;
  frame.registers.forEach((register, number) => {
    if (register.kind === "not_init" || only?.hasRegister(0, number) === false) return;
    text += ` R${number}=${formatRegister(register, index, precise?.hasRegister(index, number) === true)}`;
  });
  frame.stack.forEach((slot, number) => {
    if (only?.hasSlot(0, number) === false) return;
    const content = formatSlot(slot, index, precise?.hasSlot(index, number) === true);
    if (content !== undefined) text += ` fp${-SLOT_BYTES * (number + 1)}=${content}`;
  });
  return text;
};

/** One frame of a state, and what is held across frames. Begins with a space. */
export const formatState = (state: State, frame: number, parts: StateParts = {}): string => {
  const shown = state.frames[frame]!;
  const { references } = state;
  const held = references.length === 0 ? "" : ` refs=${references.map(({ id }) => id).join(",")}`;
  const role = `${shown.callback ? " cb" : ""}${shown.asyncEntries > 0 ? " async_cb" : ""}`;
  return `${formatFrame(shown, parts)}${held}${role}`;
};
