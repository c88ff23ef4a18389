import type { WideMeaning } from "@ebpf/asm";
import { invariant, joinHalves } from "@ebpf/core";
import { type ProgramSpec, placeOfLine, type ReturnClass } from "@ebpf/platform";
import { type FaultCode, RuntimeError, RuntimeFault } from "./errors.js";
import { DEFAULT_BUDGET, type ExecutionOptions } from "./executable.js";
import { entryCost, functionStarts } from "./functions.js";
import {
  type FunctionImplementation,
  type HelperImplementation,
  type WordFunction,
  wordsOf,
} from "./helpers/implementation.js";
import {
  CELL,
  EMPTY_OBJECT,
  EMPTY_OBJECT_SIZE,
  FRAME_SIZE,
  MAX_FRAMES,
  PAGE_SIZE,
  STACK_LIMIT,
  STACK_TOP,
} from "./layout.js";
import type { RuntimeMap } from "./maps/runtime-map.js";
import type { Runtime } from "./runtime.js";

/** What a call instruction reaches. */
export type Callee =
  | { readonly kind: "function"; readonly implementation: FunctionImplementation; readonly returnClass: ReturnClass }
  | { readonly kind: "tail_call" }
  | { readonly kind: "missing"; readonly code: FaultCode; readonly message: string };

/** How an engine calls a subprogram: in the frame that ends at `frame`, with halves of r1, r2, …; result as of `enter`. */
export type Callback = (pc: number, frame: number, words: readonly number[]) => number;

/**
 * What a loaded program has to do with its surroundings, in both engines: its maps, the functions it may call, the
 * memory it may touch.
 */
export class ProgramHost {
  readonly runtime: Runtime;
  readonly spec: ProgramSpec;
  readonly checked: boolean;
  /** Instructions that a run may take. */
  readonly budget: number;
  /** Where the program's functions begin. */
  readonly functionStarts: readonly number[];
  readonly #maps: ReadonlyMap<number, RuntimeMap>;
  readonly #bound = new Map<FunctionImplementation, WordFunction>();
  #callback: Callback | undefined;

  /** @throws RuntimeError `BAD_PROGRAM` for a program that no engine can take; what creating the maps throws. */
  constructor(runtime: Runtime, spec: ProgramSpec, options: ExecutionOptions) {
    requireRunnable(spec);
    this.runtime = runtime;
    this.spec = spec;
    this.checked = options.checked;
    this.budget = Math.min(options.budget ?? DEFAULT_BUDGET, 0x7fff_ffff);
    this.functionStarts = functionStarts(spec.instructions);
    this.#maps =
      options.maps ?? new Map([...spec.maps].map(([handle, map]) => [handle, runtime.createMap(map)] as const));
  }

  /** The engine tells how it calls a subprogram back. */
  setCallback(callback: Callback): void {
    this.#callback = callback;
  }

  /**
   * Calls the subprogram at `pc` from a helper that runs in `frame`.
   *
   * @param words r1, r2 and so on: a low and a high half each
   * @returns the low word of what it returns; its high word is in `CELL.resultHigh`
   * @throws RuntimeFault `BAD_CALL` when no function begins there, `CALL_DEPTH`, and what the function does wrong
   */
  callback(pc: number, frame: number, words: readonly number[]): number {
    invariant(this.#callback !== undefined, "the engine takes callbacks");
    if (!this.functionStarts.includes(pc)) throw this.fault("BAD_CALL", `no function begins at pc ${pc}`);
    if (frame - 2 * FRAME_SIZE < STACK_LIMIT) throw this.fault("CALL_DEPTH", "more nested calls than stack frames");
    if (this.checked) {
      const { memory } = this.runtime;
      this.runtime.charge(entryCost(this.functionStarts, pc, this.spec.instructions.length), memory.cell(CELL.pc));
    }
    return this.#callback(pc, frame - FRAME_SIZE, words);
  }

  /** The fault of an instruction, with its line of the source; without a pc, that of the one that calls the helper. */
  fault(code: FaultCode, message: string, pc?: number): RuntimeFault {
    const at = pc ?? (this.checked ? this.runtime.memory.cell(CELL.pc) : undefined);
    const source = at === undefined ? undefined : this.spec.lines.findLast((line) => line.pc <= at);
    return new RuntimeFault(code, message, at, source && { place: placeOfLine(source) });
  }

  /** The fault of a call with a pointer argument that has high bits. */
  pointerFault(pc?: number): RuntimeFault {
    return this.fault("MEMORY_FAULT", "an argument of the call is no address", pc);
  }

  /** The value of the LD_IMM64 at `pc`, low and high half; `undefined` when it refers to what the runtime lacks. */
  wideValue(pc: number, meaning: WideMeaning): readonly [number, number] | undefined {
    const slot = this.spec.instructions[pc]!;
    const tail = this.spec.instructions[pc + 1]!;
    switch (meaning) {
      case "value":
        return [slot.imm, tail.imm];
      case "map":
        return [this.#mapAt(slot.imm).handle, 0];
      case "map_value":
        return [this.#mapAt(slot.imm).valuesAddress + tail.imm, 0];
      case "map_index":
        return [this.#mapAtIndex(slot.imm).handle, 0];
      case "map_index_value":
        return [this.#mapAtIndex(slot.imm).valuesAddress + tail.imm, 0];
      case "function":
        return [pc + 1 + slot.imm, 0];
      case "ksym":
        return undefined;
    }
  }

  /** The map with this handle of the program's description. */
  mapOf(handle: number): RuntimeMap | undefined {
    return this.#maps.get(handle);
  }

  #mapAt(handle: number): RuntimeMap {
    const map = this.#maps.get(handle);
    if (map === undefined) throw new RuntimeError("UNKNOWN_MAP", `${this.spec.name} has no map ${handle}`);
    return map;
  }

  /** The file-descriptor array of a program is the list of its maps. */
  #mapAtIndex(index: number): RuntimeMap {
    const handle = [...this.spec.maps.keys()][index];
    if (handle === undefined) throw new RuntimeError("UNKNOWN_MAP", `${this.spec.name} has no map with index ${index}`);
    return this.#mapAt(handle);
  }

  /** What the helper with this number is on the runtime's platform. */
  helper(id: number): Callee {
    const { platform, implementations } = this.runtime;
    const prototype = platform.helpers.get(id);
    if (prototype === undefined) {
      return { kind: "missing", code: "BAD_CALL", message: `${platform.name} has no helper ${id}` };
    }
    const implementation: HelperImplementation | undefined = implementations[prototype.name];
    if (implementation === undefined) {
      const message = `helper ${prototype.name} (${id}) has no implementation`;
      return { kind: "missing", code: "UNSUPPORTED_HELPER", message };
    }
    if (implementation.kind === "tail_call") return { kind: "tail_call" };
    return { kind: "function", implementation, returnClass: prototype.returnClass };
  }

  /** What a call of the kernel function with this BTF id reaches. */
  kfunc(id: number): Callee {
    const kfunc = this.runtime.kfuncs.get(id);
    if (kfunc !== undefined) return { kind: "function", ...kfunc };
    return { kind: "missing", code: "UNSUPPORTED_HELPER", message: `kernel function ${id} has no implementation` };
  }

  /** The implementation made for this program; always the same function for the same implementation. */
  bind(implementation: FunctionImplementation): WordFunction {
    const known = this.#bound.get(implementation);
    if (known !== undefined) return known;
    const bound = implementation.bind(this);
    this.#bound.set(implementation, bound);
    return bound;
  }

  /**
   * Calls the helper whose number a register holds (`callx`), with all ten words of r1..r5.
   *
   * @returns the low word of r0; the high word is in its cell
   */
  callByNumber(low: number, high: number, registers: ArrayLike<number>, frame: number): number {
    const callee = high === 0 ? this.helper(low >>> 0) : undefined;
    if (callee?.kind === "missing") throw this.fault(callee.code, callee.message);
    if (callee?.kind !== "function") throw this.fault("BAD_CALL", "callx needs the number of a helper that returns");
    const { implementation, returnClass } = callee;
    this.requirePointers(implementation, registers);
    const words = wordsOf(implementation.parameters).map((word) => (word === "frame" ? frame : registers[word]!));
    const result = this.bind(implementation)(...words) | 0;
    if (returnClass !== "full64") {
      this.runtime.memory.setCell(CELL.resultHigh, returnClass === "signed32" ? result >> 31 : 0);
    }
    return returnClass === "void" ? 0 : result;
  }

  /** In checked mode, refuses pointer arguments with high bits. */
  requirePointers({ parameters }: FunctionImplementation, registers: ArrayLike<number>): void {
    if (!this.checked) return;
    for (let index = 0; index < parameters.length; index++) {
      if (parameters[index] === "pointer" && registers[2 * index + 1] !== 0) throw this.pointerFault();
    }
  }

  /** In checked mode, requires that the program may read `size` bytes at `address`. */
  requireReadable(address: number, size: number): void {
    if (this.checked) this.#require(address, size, false);
  }

  /** In checked mode, requires that the program may write `size` bytes at `address`. */
  requireWritable(address: number, size: number): void {
    if (this.checked) this.#require(address, size, true);
  }

  #require(address: number, size: number, write: boolean): void {
    if (this.accessible(address, size, write, this.runtime.memory.cell(CELL.frame))) return;
    throw this.fault("MEMORY_FAULT", describeAccess(0, address, size, write));
  }

  /** The maps that the program can reach: its own, and those in its maps of maps. */
  *maps(): Iterable<RuntimeMap> {
    for (const map of this.#maps.values()) {
      yield map;
      yield* map.innerMaps();
    }
  }

  /**
   * Memory that a helper reads on the program's behalf without a pointer of its own, such as for `bpf_probe_read`.
   *
   * @returns a view of at most `size` bytes at `address`, as far as they can be read; `undefined` when none can
   */
  readableBytes(address: bigint, size: number): Uint8Array | undefined {
    const { memory } = this.runtime;
    if (address < PAGE_SIZE || address >= memory.heapEnd) return undefined;
    const start = Number(address);
    let end = Math.min(start + size, memory.heapEnd);
    if (this.checked) {
      const frame = memory.cell(CELL.frame);
      const limit = end;
      end = start;
      while (end < limit && this.accessible(end, 1, false, frame)) end++;
    }
    return end === start ? undefined : memory.bytes.subarray(start, end);
  }

  /** The map that a helper's argument refers to; in checked mode only one that the program can reach. */
  map(address: number): RuntimeMap {
    const map = this.runtime.mapAt(address);
    const reachable = map !== undefined && (!this.checked || [...this.maps()].includes(map));
    if (!reachable) throw this.fault("BAD_CALL", `0x${(address >>> 0).toString(16)} is no map`);
    return map;
  }

  /**
   * Decides a `bpf_tail_call` and counts it.
   *
   * @returns the number of the program to go on with, or 0 when the call fails
   */
  tailCallTarget(context: number, map: number, index: number): number {
    const { runtime } = this;
    if (this.checked && context >>> 0 !== runtime.memory.cell(CELL.context)) {
      throw this.fault("BAD_CALL", "bpf_tail_call needs the program's own context");
    }
    const target = this.map(map).programAt(index >>> 0);
    const left = runtime.memory.cell(CELL.tailCalls);
    if (target === 0 || left === 0) return 0;
    runtime.memory.setCell(CELL.tailCalls, left - 1);
    return target;
  }

  /**
   * The check before every access in checked mode, on the full 64-bit address.
   *
   * @throws RuntimeFault `MEMORY_FAULT`
   */
  checkAccess(
    [low, high]: readonly [number, number],
    { size, write }: { readonly size: number; readonly write: boolean },
    { pc, frame }: { readonly pc: number; readonly frame: number },
  ): void {
    if (high === 0 && this.accessible(low, size, write, frame)) return;
    throw this.fault("MEMORY_FAULT", describeAccess(high, low, size, write), pc);
  }

  /**
   * Whether the program may touch `size` bytes at `address` while it runs in `frame`: its own and its callers' frames,
   * the context and the object that it may point to, the packet with its metadata, and the values of its maps.
   */
  accessible(address: number, size: number, write: boolean, frame: number): boolean {
    if (size === 0) return true;
    const { memory } = this.runtime;
    const start = address >>> 0;
    const end = start + size;
    const within = (low: number, high: number): boolean => start >= low && end <= high;
    if (within(frame - FRAME_SIZE, STACK_TOP)) return true;
    if (within(memory.cell(CELL.context), memory.cell(CELL.contextEnd))) return true;
    if (within(memory.cell(CELL.packetMeta), memory.cell(CELL.packetEnd))) return true;
    if (!write && within(CELL.callbackKeys, CELL.callbackKeys + 8 * MAX_FRAMES)) return true;
    if (!write && within(EMPTY_OBJECT, EMPTY_OBJECT + EMPTY_OBJECT_SIZE)) return true;
    for (const map of this.maps()) if (map.permits(start, size, write)) return true;
    return false;
  }
}

const describeAccess = (high: number, low: number, size: number, write: boolean): string =>
  `${write ? "write" : "read"} of ${size} bytes at 0x${joinHalves(low, high).toString(16)}, which the program was not given`;

const requireRunnable = ({ name, byteOrder, instructions }: ProgramSpec): void => {
  if (byteOrder !== "little") {
    throw new RuntimeError("BAD_PROGRAM", `${name} is big-endian, and WebAssembly memory is little-endian`);
  }
  if (instructions.length === 0) throw new RuntimeError("BAD_PROGRAM", `${name} has no instructions`);
  for (let pc = 0; pc < instructions.length; pc++) {
    const { op, dst, src } = instructions[pc]!;
    if (op.family === "lddw" && instructions[pc + 1]?.op.family !== "lddw-tail") {
      throw new RuntimeError("BAD_PROGRAM", `${name} has half of a 64-bit load at pc ${pc}`);
    }
    if ((dst > 10 || src > 10) && op.family !== "raw") {
      throw new RuntimeError("BAD_PROGRAM", `${name} names a register above r10 at pc ${pc}`);
    }
  }
};
