import type { Instruction } from "@ebpf/asm";
import type { MapSpec, Platform } from "@ebpf/platform";
import { isConstant } from "./domain/scalar.js";
import type { Program } from "./program/program.js";
import { FactTable } from "./report/facts.js";
import { reject } from "./report/reject.js";
import { isScalar, type Register } from "./state/register.js";
import { FRAME_POINTER, type State } from "./state/state.js";

/** A branch that is taken up later. */
export interface Branch {
  readonly state: State;
  readonly pc: number;
  /** The pc of the jump that made it. */
  readonly from: number;
  readonly path: Path | undefined;
  /** The stored state that the branch descends from. */
  readonly parent: StoredState | undefined;
}

/** The branch decisions that led somewhere, newest first: a list that paths share. */
export interface Path {
  readonly from: number;
  readonly to: number;
  readonly before: Path | undefined;
}

/** A state kept at a prune point. */
export interface StoredState {
  readonly pc: number;
  readonly state: State;
  readonly parent: StoredState | undefined;
  /** Paths through it that are not at their end yet. While there are any, the state proves nothing. */
  branches: number;
  hits: number;
  misses: number;
  /** The walk's counters when it was stored. */
  readonly processed: number;
  readonly jumps: number;
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
  path: Path | undefined;
  parent: StoredState | undefined;
  /** Instructions walked, on all paths. */
  processed = 0;
  /** Jumps walked, on all paths. */
  jumps = 0;
  peakBranches = 0;
  private lastId = 0;

  constructor(program: Program, platform: Platform, state: State) {
    this.program = program;
    this.platform = platform;
    this.state = state;
    this.facts = new FactTable(program.instructions.length);
    this.stackDepth = program.subprograms.map(() => 0);
  }

  get instruction(): Instruction {
    return this.program.instructions[this.pc]!;
  }

  /** An id that no value has yet. */
  newId(): number {
    this.lastId++;
    return this.lastId;
  }

  /** The value of a register that an instruction reads. */
  read(index: number): Register {
    const register = this.state.register(index);
    if (register.kind === "not_init") reject("UNINITIALIZED_REGISTER", `R${index} !read_ok`, index);
    return register;
  }

  /** Sets the register that an instruction writes. */
  write(index: number, value: Register): void {
    this.checkWritable(index);
    this.state.setRegister(index, value);
  }

  /**
   * The value of a register that is about to be copied. A number gets an id, so that both copies learn from comparisons
   * of either.
   */
  shareable(index: number): Register {
    const register = this.read(index);
    if (!isScalar(register) || register.id !== 0 || isConstant(register.value)) return register;
    const linked = { ...register, id: this.newId(), delta: 0 };
    this.state.setRegister(index, linked);
    return linked;
  }

  checkWritable(index: number): void {
    if (index === FRAME_POINTER) reject("FRAME_POINTER_WRITE", "frame pointer is read only", index);
  }

  /** Queues a branch to be taken after the current path has ended. */
  branchTo(pc: number, state: State): void {
    this.pending.push({
      state,
      pc,
      from: this.pc,
      path: { from: this.pc, to: pc, before: this.path },
      parent: this.parent,
    });
    if (this.parent !== undefined) this.parent.branches++;
    this.peakBranches = Math.max(this.peakBranches, this.pending.length);
    if (this.pending.length > this.platform.limits.pendingBranches) {
      reject("TOO_MANY_BRANCHES", `The sequence of ${this.pending.length} jumps is too complex.`);
    }
  }

  mapHandle(map: MapSpec): number | undefined {
    return this.program.handles.get(map);
  }
}
