import {
  at,
  type Instruction,
  type MemoryOperand,
  ProgramBuilder,
  R0,
  R1,
  R6,
  R7,
  R8,
  R9,
  R10,
  type Register,
  slotsOf,
  targetOf,
} from "@ebpf/asm";
import {
  type AttachType,
  type HelperPrototype,
  helperFor,
  type MapSpec,
  type Platform,
  type ProgramTypeName,
  type ProgramTypeRules,
} from "@ebpf/platform";
import { FUZZ_MAPS } from "./maps.js";

/*
 * Programs are lists of snippets, each of which can be left out without making another one invalid. So they agree on
 * what a register holds between two of them:
 *
 *   r6           the context, where the function has it
 *   r7, r8, r9   numbers
 *   r0 to r5     nothing
 *
 * and on places of the stack frame:
 *
 *   fp-32  .. fp-1    slots for spilling
 *   fp-64  .. fp-33   a buffer with variable offsets
 *   fp-96  .. fp-65   memory for a helper, initialised
 *   fp-128 .. fp-97   the same
 *   fp-152 .. fp-129  loop counters by depth
 */

/** Appends a piece of a program. */
export type Snippet = (code: Lowering) => void;

/** Registers that hold numbers between snippets. */
export const LIVE: readonly Register[] = [R7, R8, R9];

/** Places in the stack frame, from the frame pointer. */
export const FRAME = { spill: -32, buffer: -64, first: -96, second: -128, counters: -136 } as const;

/** Bytes of each of `buffer`, `first` and `second`. */
export const AREA = 32;

/** How deep loops may nest. */
export const MAX_LOOPS = 3;

/** What kind of program is made. */
export interface Target {
  readonly type: ProgramTypeName;
  readonly attachType?: AttachType | undefined;
}

interface PendingFunction {
  readonly label: string;
  readonly body: Snippet;
}

/** A program while it is put together. */
export class Lowering {
  readonly target: Target;
  readonly platform: Platform;
  readonly rules: ProgramTypeRules;
  readonly code = new ProgramBuilder();
  /** The maps that the program uses, by handle. */
  readonly maps = new Map<number, MapSpec>();
  /** Whether r6 holds the context in the current function. */
  hasContext = true;
  /** Loops around the current place, in the current function. */
  loops = 0;
  /** Calls around the current function. */
  depth = 0;
  readonly #functions: PendingFunction[] = [];
  #labels = 0;
  #out = "out";
  #hasCallbacks = false;

  constructor(target: Target, platform: Platform) {
    this.target = target;
    this.platform = platform;
    this.rules = platform.programTypes[target.type]!;
  }

  /** A label that nobody has yet. */
  label(): string {
    this.#labels++;
    return `l${this.#labels}`;
  }

  /** The label of the current function's end. */
  get out(): string {
    return this.#out;
  }

  /** Puts the address of a map into a register. */
  loadMap(dst: Register, handle: number): void {
    this.maps.set(handle, FUZZ_MAPS.get(handle)!);
    this.code.loadWide("map", dst, { low: handle });
  }

  /** Puts the address of a place in a map's only value into a register. */
  loadMapValue(dst: Register, handle: number, offset: number): void {
    this.maps.set(handle, FUZZ_MAPS.get(handle)!);
    this.code.loadWide("map_value", dst, { low: handle, high: offset });
  }

  /** Puts the address of a function into a register, to be called back by a helper. */
  loadCallback(dst: Register, body: Snippet): void {
    this.#hasCallbacks = true;
    this.code.loadFunction(dst, this.#enqueue(body));
  }

  callFunction(body: Snippet): void {
    this.code.callLocal(this.#enqueue(body));
  }

  #enqueue(body: Snippet): string {
    const label = this.label();
    const depth = this.depth + 1;
    this.#functions.push({
      label,
      body: (code) => {
        code.depth = depth;
        body(code);
      },
    });
    return label;
  }

  /** Puts the address of a place in the stack frame into a register. */
  loadFrameAddress(dst: Register, offset: number): void {
    this.code.mov(dst, R10).alu("add", dst, offset);
  }

  /** Writes numbers to `AREA` bytes of the stack frame. */
  initialise(offset: number, value = 0): void {
    for (let place = offset; place < offset + AREA; place += 8) this.code.store(8, at(R10, place), value);
  }

  /** Loads a number that nobody knows anything of. */
  load(size: 1 | 2 | 4 | 8, dst: Register, from: MemoryOperand, signed = false): void {
    if (signed && size !== 8) this.code.loadSigned(size, dst, from);
    else this.code.load(size, dst, from);
  }

  /** The helper as the program may call it, or `undefined`. */
  helper(id: number): HelperPrototype | undefined {
    const prototype = this.platform.helpers.get(id);
    return prototype && helperFor(prototype, this.target);
  }

  /** Names the helper by what it is called without `bpf_`; does nothing when this program may not call it. */
  callHelper(name: string): boolean {
    for (const [id, prototype] of this.platform.helpers) {
      if (prototype.name !== `bpf_${name}` || this.helper(id) === undefined) continue;
      this.code.call(id);
      return true;
    }
    return false;
  }

  /** The current function: its entry has run, `body` follows, and its result is whatever `end` leaves in r0. */
  #function(out: string, body: Snippet, end: Snippet): void {
    this.#out = out;
    this.loops = 0;
    body(this);
    this.code.label(out);
    end(this);
    this.code.exit();
  }

  /** Puts everything together. */
  finish(body: Snippet, end: Snippet): { readonly instructions: Instruction[]; readonly functionStarts?: number[] } {
    this.code.mov(R6, R1).mov(R7, 1).mov(R8, 2).mov(R9, 3);
    this.#function("out", body, end);
    for (let next = this.#functions.shift(); next !== undefined; next = this.#functions.shift()) {
      this.code.label(next.label);
      this.#function(`${next.label}_out`, next.body, ({ code }) => code.mov(R0, 0));
    }
    const instructions = this.code.build();
    return { instructions, ...(this.#hasCallbacks && { functionStarts: startsOf(instructions) }) };
  }
}

/** Where functions begin, sorted. */
const startsOf = (instructions: readonly Instruction[]): number[] => {
  const starts = new Set([0]);
  for (let pc = 0; pc < instructions.length; pc += slotsOf(instructions[pc]!)) {
    const { op } = instructions[pc]!;
    const target = targetOf(instructions[pc]!, pc);
    if (target !== undefined && op.family !== "jump") starts.add(target);
  }
  return [...starts].sort((a, b) => a - b);
};
