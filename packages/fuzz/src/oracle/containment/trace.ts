import type { Instruction } from "@ebpf/asm";
import { CELL, FRAME_SIZE, interpret, type Runtime, type RuntimeMap, STACK_TOP, type StepState } from "@ebpf/runtime";
import type { FuzzCase } from "../../fuzz-case.js";
import { prepare, steadyRuntime } from "../machine.js";

/** What a function's activation holds at one moment of a run. */
export interface ConcreteFrame {
  /** The pc of the call; -1 for the entry. */
  readonly callSite: number;
  /** r0..r10. Of a frame that waits for its callee only r6..r10 mean something. */
  readonly registers: readonly bigint[];
  /** Address behind the frame's last byte: what r10 holds. */
  readonly end: number;
  /** The 512 bytes of the frame. */
  readonly stack: Uint8Array;
}

/** The state of a run before an instruction. */
export interface Snapshot {
  readonly pc: number;
  readonly frames: readonly ConcreteFrame[];
  readonly packet: { readonly meta: number; readonly data: number; readonly end: number };
  /** The pc of the instruction that ran next, once it is known. */
  next?: number;
}

/** A run with everything that was seen on its way. */
export interface Trace {
  readonly snapshots: readonly Snapshot[];
  /** True when the run had more steps than were kept. */
  readonly truncated: boolean;
  readonly maps: ReadonlyMap<number, RuntimeMap>;
  readonly runtime: Runtime;
  /** The error that ended the run, if one did. */
  readonly error?: unknown;
}

/** Snapshots of a run that are kept. */
const MAX_SNAPSHOTS = 400;

/** Follows a run: its frames, and what they hold before each instruction. */
class Recorder {
  readonly snapshots: Snapshot[] = [];
  truncated = false;
  readonly #runtime: Runtime;
  /** Frames that wait for their callee, outermost first, as they were when they called. */
  readonly #waiting: ConcreteFrame[] = [];
  #last: Snapshot | undefined;

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  onStep(pc: number, state: StepState): void {
    const last = this.#last;
    if (last !== undefined) last.next = pc;
    if (this.snapshots.length >= MAX_SNAPSHOTS) {
      this.truncated = true;
      this.#last = undefined;
      return;
    }
    const { memory, packet } = this.#runtime;
    this.#followFrames(state.frame, last);
    const current: ConcreteFrame = {
      callSite: this.#waiting.length === 0 ? -1 : this.#callSites[this.#waiting.length - 1]!,
      registers: Array.from({ length: 11 }, (_, index) => state.register(index)),
      end: state.frame,
      stack: memory.copyOut(state.frame - FRAME_SIZE, FRAME_SIZE),
    };
    // Callees may write to the frames of their callers.
    const callers = this.#waiting.map((frame) => ({
      ...frame,
      stack: memory.copyOut(frame.end - FRAME_SIZE, FRAME_SIZE),
    }));
    const { meta, data, end } = packet;
    this.#last = { pc, frames: [...callers, current], packet: { meta, data, end } };
    this.snapshots.push(this.#last);
  }

  readonly #callSites: number[] = [];

  #followFrames(end: number, last: Snapshot | undefined): void {
    const depth = (STACK_TOP - end) / FRAME_SIZE;
    while (this.#waiting.length > depth) {
      this.#waiting.pop();
      this.#callSites.pop();
    }
    if (this.#waiting.length < depth && last !== undefined) {
      this.#waiting.push(last.frames.at(-1)!);
      this.#callSites.push(last.pc);
    }
  }
}

/** Runs a case in the checked interpreter and keeps the state before every instruction. */
export const traceRun = (fuzzCase: FuzzCase): Trace => {
  const runtime = steadyRuntime();
  const recorder = new Recorder(runtime);
  const { program, maps } = prepare(fuzzCase, runtime, {
    engine: (spec, where, options) =>
      interpret(spec, where, { ...options, onStep: (pc, state) => recorder.onStep(pc, state) }),
    checked: true,
    tailCalls: false,
  });
  const rest = () => ({ snapshots: recorder.snapshots, truncated: recorder.truncated, maps, runtime });
  try {
    runtime.run(program, fuzzCase.input);
    return rest();
  } catch (error) {
    return { ...rest(), error };
  }
};

/** The address that a load, store or atomic operation accesses, and how many bytes; `undefined` for others. */
export const accessOf = (
  slot: Instruction,
  { frames }: Snapshot,
): { readonly address: bigint; readonly size: number } | undefined => {
  const { op } = slot;
  const isLoad =
    (op.family === "load" && op.mode === "mem") || (op.family === "atomic" && op.operator === "load_acquire");
  if (!isLoad && op.family !== "store" && op.family !== "atomic") return undefined;
  const base = frames.at(-1)!.registers[isLoad ? slot.src : slot.dst]!;
  return { address: BigInt.asUintN(64, base + BigInt(slot.offset)), size: op.size };
};

/** Where the context begins. */
export const contextOf = (runtime: Runtime): number => runtime.memory.cell(CELL.context);
