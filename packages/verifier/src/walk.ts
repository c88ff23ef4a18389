import type { Instruction } from "@ebpf/asm";
import type { MapSpec, Platform } from "@ebpf/platform";
import { type SpecialField, specialFields } from "./access/map-fields.js";
import * as S from "./domain/scalar.js";
import * as W from "./domain/word.js";
import type { Program } from "./program/program.js";
import { Explored, type Pruning } from "./prune/explored.js";
import { addHistory, type HistoryEntry } from "./prune/history.js";
import { Precision } from "./prune/precision.js";
import { StackLiveness } from "./prune/stack-liveness.js";
import type { WalkEmit } from "./report/events.js";
import { FactTable } from "./report/facts.js";
import { reject } from "./report/reject.js";
import { checkState } from "./state/invariants.js";
import { Marks } from "./state/marks.js";
import { isScalar, type Register, scalarRegister } from "./state/register.js";
import { FRAME_POINTER, type State } from "./state/state.js";

/** A branch that is taken up later. */
export interface Branch {
  readonly state: State;
  readonly pc: number;
  /** The pc of the jump that made it. */
  readonly from: number;
  readonly path: Path | undefined;
}

/** The branch decisions that led somewhere, newest first: a list that paths share. */
export interface Path {
  readonly from: number;
  readonly to: number;
  readonly before: Path | undefined;
}

export interface WalkOptions {
  readonly state: State;
  readonly pruning?: Pruning | undefined;
  readonly maxStates?: number | undefined;
  readonly onEvent?: WalkEmit | undefined;
}

/**
 * The walk over all paths of a program: the one object that changes while verifying. Rules get it to look things up, to
 * change the current state, and to queue branches.
 */
export class Walk {
  readonly program: Program;
  readonly platform: Platform;
  /** Facts about each instruction, joined over all paths. */
  readonly facts: FactTable;
  /** Global functions that some path calls. */
  readonly globalsToVerify = new Set<number>();
  /** Bytes of stack that each subprogram uses. */
  readonly stackDepth: number[];
  /** Branches to take up, the last one first. */
  readonly pending: Branch[] = [];
  state: State;
  pc = 0;
  /** The instruction that the path walked before. */
  previousPc = -1;
  path: Path | undefined;
  /** Registers and slots that instructions read or changed since the log last told of them, as marks of frame 0. */
  readonly touched = new Marks(1);
  /** What happens to be told, where someone listens. */
  readonly emit: WalkEmit | undefined;
  readonly precision: Precision;
  readonly stackLiveness: StackLiveness;
  readonly explored: Explored;
  /** The current instruction's entry in the path's history, once it has one. */
  private entry: HistoryEntry | undefined;
  /** Instructions walked, on all paths. */
  processed = 0;
  /** Jumps walked, on all paths. */
  jumps = 0;
  peakBranches = 0;
  private lastId = 0;
  private readonly fields = new Map<MapSpec, readonly SpecialField[]>();
  /** Functions that run later, by themselves: they have a stack of their own. */
  readonly asyncCallbacks = new Set<number>();
  /** By slot; made when an instruction is first walked. */
  private readonly immediates: (Register | undefined)[];

  constructor(program: Program, platform: Platform, options: WalkOptions) {
    this.program = program;
    this.platform = platform;
    this.state = options.state;
    this.emit = options.onEvent;
    this.precision = new Precision(this);
    this.stackLiveness = new StackLiveness(program, options.onEvent);
    this.explored = new Explored(
      program.instructions.length,
      options.pruning ?? "linux",
      options.maxStates ?? Number.POSITIVE_INFINITY,
    );
    this.immediates = new Array<Register | undefined>(program.instructions.length).fill(undefined);
    this.facts = new FactTable(program.instructions.length);
    this.stackDepth = program.subprograms.map(() => 0);
  }

  get instruction(): Instruction {
    return this.program.instructions[this.pc]!;
  }

  /** The current instruction's entry in the path's history: made when it is needed. */
  noteHistory(): HistoryEntry {
    this.entry ??= addHistory(this.state, this.pc, this.previousPc);
    return this.entry;
  }

  /** A new instruction begins. */
  beginInstruction(): void {
    this.entry = undefined;
  }

  /** Starts anew at `pc`: nothing that was stored before says anything about it. */
  begin(state: State, pc: number): void {
    this.explored.clear();
    this.goTo({ state, pc, from: -1, path: undefined });
  }

  /** Goes on with a branch that was put off. */
  takeUp(branch: Branch): void {
    this.goTo(branch);
  }

  private goTo({ state, pc, from, path }: Branch): void {
    this.state = state;
    this.pc = pc;
    this.previousPc = from;
    this.path = path;
    this.touched.clear();
    this.stackLiveness.forgetCurrent();
  }

  /** A spilled value was stored to or loaded from a slot of the stack: the way on which its precision is followed. */
  followsSlot(frame: number, slot: number): void {
    this.noteHistory().slot = { frame, kind: "slot", index: slot };
  }

  /** A rule relies on the number in a register of the running function. */
  markPrecise(register: number): void {
    this.precision.markRegister(register);
  }

  /** The instruction shows or changes what a slot holds. */
  touchesSlot(slot: number): void {
    this.touched.addSlot(0, slot);
  }

  /** The instruction may read bytes of a stack slot. */
  readsSlot(frame: number, slot: number): void {
    this.stackLiveness.read(this.state, this.pc, frame, slot);
  }

  /** The instruction writes all eight bytes of a stack slot. */
  writesSlot(frame: number, slot: number): void {
    this.stackLiveness.write(frame, slot);
  }

  /** The parts of a map's values that belong to the kernel. */
  fieldsOf(map: MapSpec): readonly SpecialField[] {
    let fields = this.fields.get(map);
    if (fields === undefined) {
      fields = specialFields(map);
      this.fields.set(map, fields);
    }
    return fields;
  }

  /** Whether a map's values have a lock in them, which tells them apart. */
  hasLock(map: MapSpec): boolean {
    return this.fieldsOf(map).some(({ name }) => name === "bpf_spin_lock" || name === "bpf_res_spin_lock");
  }

  /** An id that no value has yet. */
  newId(): number {
    this.lastId++;
    return this.lastId;
  }

  /** Asserts what holds of every state. @throws InvariantError */
  checkState(): void {
    const { pc, platform, program, lastId } = this;
    checkState(this.state, { pc, limits: platform.limits, subprograms: program.subprograms, newestId: lastId });
  }

  /** The value of a register that an instruction reads. */
  read(index: number): Register {
    this.touched.addRegister(0, index);
    const register = this.state.register(index);
    if (register.kind === "not_init") reject("UNINITIALIZED_REGISTER", `R${index} !read_ok`, index);
    return register;
  }

  /** The immediate operand of the current instruction: sign-extended to 64 bits, the low half of it at 32. */
  immediate(width: 32 | 64): Register {
    let register = this.immediates[this.pc];
    if (register === undefined) {
      const { imm } = this.instruction;
      register = scalarRegister(S.constant(width === 64 ? W.fromInt32(imm) : W.fromUint32(imm)));
      this.immediates[this.pc] = register;
    }
    return register;
  }

  /** Sets the register that an instruction writes. */
  write(index: number, value: Register): void {
    this.checkWritable(index);
    this.state.setRegister(index, value);
  }

  /**
   * The value of a register that is about to be copied. A number gets an id, so that both copies learn from comparisons
   * of either. A number that is another one plus a constant begins anew: constants don't add up.
   */
  shareable(index: number): Register {
    const register = this.read(index);
    if (!isScalar(register) || (register.id !== 0 && register.deltaBits === 0)) return register;
    const id = S.isConstant(register.value) ? 0 : this.newId();
    if (id === register.id) return register;
    const linked = register.withLink(id, 0, 0);
    this.state.setRegister(index, linked);
    return linked;
  }

  checkWritable(index: number): void {
    this.touched.addRegister(0, index);
    if (index === FRAME_POINTER) reject("FRAME_POINTER_WRITE", "frame pointer is read only", index);
  }

  /** Queues a branch to be taken after the current path has ended. */
  branchTo(pc: number, state: State): void {
    this.pending.push({
      state,
      pc,
      from: this.pc,
      path: { from: this.pc, to: pc, before: this.path },
    });
    this.emit?.({ kind: "put off" });
    if (state.parent !== undefined) state.parent.branches++;
    this.peakBranches = Math.max(this.peakBranches, this.pending.length);
    if (this.pending.length > this.platform.limits.pendingBranches) {
      reject("TOO_MANY_BRANCHES", `The sequence of ${this.pending.length} jumps is too complex.`);
    }
  }

  mapHandle(map: MapSpec): number | undefined {
    return this.program.handles.get(map);
  }
}
