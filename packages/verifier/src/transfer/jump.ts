import { type Comparison, FLIPPED, type Instruction, type JumpOperation, targetOf } from "@ebpf/asm";
import { invariant } from "@ebpf/core";
import { compute } from "../domain/arithmetic.js";
import { decide, refine, refineSelf } from "../domain/compare.js";
import * as S from "../domain/scalar.js";
import type { Place } from "../prune/history.js";
import { widen } from "../prune/widen.js";
import {
  isNeverNull,
  isNull,
  isPacketPointer,
  isPointer,
  isScalar,
  RANGE,
  type Register,
  unlinked,
} from "../state/register.js";
import { FRAME_POINTER, type State } from "../state/state.js";
import type { Walk } from "../walk.js";
import { settleNullness, withoutNull } from "./nullness.js";
import { boundPacket } from "./packet-range.js";

/** A comparison with its operands as registers; an immediate is a register that holds it. */
interface Compared {
  readonly comparison: Comparison;
  readonly width: 32 | 64;
  readonly left: Register;
  readonly right: Register;
}

/** A comparison with the places of the numbers that learn from it. */
interface Linking extends Compared {
  readonly linked: readonly Place[];
}

/** A packet pointer compared with the packet's end, where an earlier comparison settled the order. */
const decidePacket = ({ comparison, left, right }: Compared): boolean | undefined => {
  const flipped = left.kind === "pkt_end";
  const pointer = flipped ? right : left;
  if ((flipped ? left : right).kind !== "pkt_end" || !isPacketPointer(pointer) || pointer.range >= 0) return undefined;
  const order = flipped ? FLIPPED[comparison] : comparison;
  const beyond = pointer.range === RANGE.beyondEnd;
  if (order === "gt" && beyond) return true;
  if (order === "le" && beyond) return false;
  if (order === "ge") return true;
  return order === "lt" ? false : undefined;
};

/** Whether the bits that are compared are known to be zero. */
const isZero = ({ bits: { mask, value } }: S.Scalar, width: 32 | 64): boolean =>
  (mask.lo | value.lo) === 0 && (width === 32 || (mask.hi | value.hi) === 0);

const decideOutcome = (compared: Compared): boolean | undefined => {
  const { comparison, width, left, right } = compared;
  if (isScalar(left) && isScalar(right)) return decide(comparison, left.value, right.value, width);
  if (isPointer(left) && isPointer(right)) return width === 32 ? undefined : decidePacket(compared);
  const pointer = isPointer(left) ? left : right;
  const number = isPointer(left) ? right : left;
  if (!isZero(number.value, width) || !isNeverNull(pointer)) return undefined;
  if (comparison === "eq") return false;
  return comparison === "ne" ? true : undefined;
};

/** Numbers that learn from one another at a time; more lose their link. */
const MAX_LINKED = 6;

/** Adds the places of the numbers with an id; registers that aren't read any more are left out. */
const collectLinked = ({ state, pc, program }: Walk, id: number, places: Place[]): void => {
  const found = (register: Register | undefined, place: Place): Register | undefined => {
    if (register === undefined || !isScalar(register) || register.id !== id) return register;
    if (places.length === MAX_LINKED) return unlinked(register);
    places.push(place);
    return register;
  };
  for (const frame of state.frames.toReversed()) {
    const live = program.live[state.frames[frame.index + 1]?.callSite ?? pc]!;
    for (let index = 0; index < FRAME_POINTER; index++) {
      if ((live & (1 << index)) === 0) continue;
      const register = frame.registers[index]!;
      frame.registers[index] = found(register, { frame: frame.index, kind: "register", index })!;
    }
    frame.stack.forEach(({ bytes, spilled }, index) => {
      const kept = found(spilled, { frame: frame.index, kind: "slot", index });
      if (kept !== spilled) frame.setSlot(index, { bytes, spilled: kept });
    });
  }
};

/** What is equal to `known` up to a constant, learned from it. */
const learnedFrom = (known: Register, register: Register): Register => {
  if (!isScalar(register) || register.id !== known.id || register === known) return register;
  const bits = register.deltaBits | known.deltaBits;
  // A sum of 32 bits tells nothing of one of 64.
  if (bits === (32 | 64)) return register;
  const difference = register.delta - known.delta;
  if (difference === 0) return known;
  return register.withValue(compute("add", bits === 32 ? 32 : 64, known.value, S.constantOf(difference)));
};

/** The numbers at `places` that are equal to the one in a register up to a constant learn what it learned. */
const spread = (state: State, from: number, places: readonly Place[]): void => {
  const known = state.register(from);
  if (!isScalar(known) || known.id === 0) return;
  for (const { frame: index, kind, index: at } of places) {
    const frame = state.frames[index]!;
    if (kind === "register") {
      frame.registers[at] = learnedFrom(known, frame.registers[at]!);
      continue;
    }
    const { bytes, spilled } = frame.slot(at);
    if (spilled !== undefined) frame.setSlot(at, { bytes, spilled: learnedFrom(known, spilled) });
  }
};

/** Numbers that a comparison is about to tell from each other's ranges: later, they are precise together. */
const noteLinked = (walk: Walk, { left, right }: Compared): readonly Place[] => {
  const places: Place[] = [];
  for (const { kind, id } of [right, left]) {
    if (kind === "scalar" && id !== 0) collectLinked(walk, id, places);
  }
  if (places.length > 1) walk.noteHistory().linked = places;
  return places;
};

const comparesRegisters = ({ op }: Instruction): boolean => op.family === "jump" && op.operand === "reg";

/** What both numbers learn from the outcome. */
const learnNumbers = (state: State, slot: Instruction, compared: Compared, outcome: boolean): void => {
  const { comparison, width, left, right } = compared;
  const twoRegisters = comparesRegisters(slot);
  const self = twoRegisters && slot.src === slot.dst ? refineSelf(comparison, left.value, width, outcome) : undefined;
  const [a, b] = self === undefined ? refine(comparison, left.value, right.value, width, outcome) : [self, self];
  // The registers themselves may have lost their link when too many were found.
  if (a !== left.value) state.setRegister(slot.dst, state.register(slot.dst).withValue(a));
  if (twoRegisters && b !== right.value) state.setRegister(slot.src, state.register(slot.src).withValue(b));
};

/** A pointer that equals one that is never NULL isn't either. Copies of it aren't told, as in Linux. */
const learnFromEqualPointer = (walk: Walk, state: State, { dst, src }: Instruction): void => {
  const [left, right] = [state.register(dst), state.register(src)];
  if (left.kind === "ptr" || right.kind === "ptr" || left.nullable === right.nullable) return;
  if (left.nullable) state.setRegister(dst, withoutNull(walk, left));
  else state.setRegister(src, withoutNull(walk, right));
};

const learnPointers = (walk: Walk, state: State, { comparison, left, right }: Compared, outcome: boolean): void => {
  const slot = walk.instruction;
  const equality = comparison === "eq" || comparison === "ne";
  const holds = outcome === (comparison === "eq");
  if (!comparesRegisters(slot)) {
    if (equality && left.nullable && isNull(right)) settleNullness(walk, state, left, holds);
    return;
  }
  if (!isPointer(left) || !isPointer(right)) return;
  if (equality && holds) learnFromEqualPointer(walk, state, slot);
  boundPacket(state, { comparison, left: slot.dst, right: slot.src, outcome });
};

const learn = (walk: Walk, state: State, compared: Linking, outcome: boolean): void => {
  const slot = walk.instruction;
  const { width, left, right, linked } = compared;
  const areNumbers = isScalar(left) && isScalar(right);
  if (areNumbers) learnNumbers(state, slot, compared, outcome);
  // Those that are linked to the right one learn first. A number that is compared with a pointer passes on what it knows too.
  if (comparesRegisters(slot)) spread(state, slot.src, linked);
  spread(state, slot.dst, linked);
  if (!areNumbers && width === 64) learnPointers(walk, state, compared, outcome);
};

const conditional = (walk: Walk, slot: Instruction, op: JumpOperation, target: number): void => {
  const left = walk.read(slot.dst);
  const right = op.operand === "reg" ? walk.read(slot.src) : walk.immediate(op.width);
  const compared: Compared = { comparison: op.operator as Comparison, width: op.width, left, right };
  if (op.operand === "reg" && right.kind === "fp") walk.noteHistory().sourceIsStack = true;
  if (left.kind === "fp") walk.noteHistory().destinationIsStack = true;
  const outcome = decideOutcome(compared);
  if (outcome !== undefined) {
    walk.markPrecise(slot.dst);
    if (op.operand === "reg") walk.markPrecise(slot.src);
  }
  if (outcome === true) {
    walk.facts.goes(walk.pc, "taken");
    walk.pc = target;
    return;
  }
  walk.facts.goes(walk.pc, "not_taken");
  if (outcome === undefined) {
    walk.facts.goes(walk.pc, "taken");
    const linked = noteLinked(walk, compared);
    const linking: Linking = { comparison: compared.comparison, width: op.width, left, right, linked };
    const taken = walk.state.fork();
    learn(walk, taken, linking, true);
    walk.branchTo(target, taken);
    learn(walk, walk.state, linking, false);
    walk.path = { from: walk.pc, to: walk.pc + 1, before: walk.path };
  }
  walk.pc++;
};

/** The jump that a hidden counter ends: both ways are possible, and going on counts. */
const mayGoto = (walk: Walk, target: number): void => {
  const onward = walk.state.fork();
  onward.mayGotoDepth++;
  // The state of this round was stored when the walk came here.
  const previous = walk.explored.earlierRound(walk.pc, onward, onward.parent?.depth ?? 0);
  if (previous !== undefined) widen(previous, onward);
  walk.branchTo(walk.pc + 1, onward);
  walk.pc = target;
};

export const stepJump = (walk: Walk, slot: Instruction, op: JumpOperation): void => {
  invariant(op.operator !== "gotox", "program/encoding.ts refuses jumps through registers before the walk");
  const target = targetOf(slot, walk.pc)!;
  if (op.operator === "always") walk.pc = target;
  else if (op.operator === "may_goto") mayGoto(walk, target);
  else {
    const { pc } = walk;
    conditional(walk, slot, op, target);
    if (walk.emit !== undefined) {
      walk.emit({ kind: "compared", pc, state: walk.state, touched: walk.touched });
      walk.touched.clear();
    }
  }
};
