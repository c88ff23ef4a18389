import type { HelperPrototype } from "@ebpf/platform";
import { RuntimeError } from "./errors.js";
import type { Executable } from "./executable.js";
import {
  CELL,
  CONTEXT_BASE,
  MAX_TAIL_CALLS,
  PACKET_BASE,
  PACKET_BUFFER,
  PACKET_WORDS,
  STACK_LIMIT,
  STACK_TOP,
} from "./layout.js";
import { type PacketBatch, stagePackets } from "./packet-batch.js";
import { preparePackets } from "./run-input.js";
import type { Runtime } from "./runtime.js";

/** What a bound program has to put in order before each run. */
export interface BindOptions {
  /** The stack is cleared: needed when the program may read bytes of it that it never wrote. Default: true. */
  readonly clearStack?: boolean;
}

/** A program bound to its runtime, to be run again and again: no run allocates anything or makes a bigint. */
export class BoundProgram {
  readonly #runtime: Runtime;
  readonly #program: Executable;
  readonly #clearStack: boolean;
  /** What a run is, where it is more than the program's own `run`. */
  readonly #prepared: ((r1: number) => number) | undefined;
  /** The program may have moved the packet's start, and written in front of it. */
  readonly #movesPacket: boolean;

  /** @internal made by `Runtime.bind` */
  constructor(runtime: Runtime, program: Executable, { clearStack = true }: BindOptions) {
    this.#runtime = runtime;
    this.#program = program;
    this.#clearStack = clearStack;
    this.#prepared = clearStack || program.run === undefined ? preparedRun(runtime, program, clearStack) : undefined;
    const { helpers } = runtime.platform;
    this.#movesPacket = program.spec.instructions.some(
      ({ op, imm }) => op.family === "call" && (op.target !== "helper" || mayMovePacket(helpers.get(imm))),
    );
  }

  /**
   * Runs the program on what lies in the runtime's memory: takes the address of the context (for a verified program one
   * that `verifiedContext` made), returns the low 32 bits of r0 as a signed number (`>>> 0` makes it unsigned). Of a
   * compiled program this is the WebAssembly function itself.
   *
   * @throws RuntimeFault when a program that runs unverified does what it must not
   */
  get run(): (r1: number) => number {
    // Asked for each time: a program that is compiled again changes it.
    return this.#prepared ?? this.#program.run!;
  }

  /**
   * Runs the program on packets, one after the other; `packets` don't show what it does to them.
   *
   * @param packets those of a `PacketBatch` are copied much faster
   * @param results takes the low 32 bits of r0 for each packet; at least as long as there are packets
   * @throws RuntimeError `BAD_INPUT` for a program that takes no packets, a packet that is too long, or too few results
   * @throws RuntimeFault as `run`
   */
  runPackets(packets: readonly Uint8Array[] | PacketBatch, results: Uint32Array): void {
    const batch = "groups" in packets ? packets : undefined;
    const single = "groups" in packets ? packets.packets : packets;
    if (results.length < single.length) {
      throw new RuntimeError("BAD_INPUT", `${single.length} packets have no room in ${results.length} results`);
    }
    // Everything that doesn't depend on the packet is put in place once.
    preparePackets(this.#runtime, this.#program.spec);
    const { memory } = this.#runtime;
    const needsOrder = this.#clearStack || this.#movesPacket;
    let done = 0;
    if (batch !== undefined && !needsOrder) {
      for (const { count, bytes, words } of batch.groups) {
        memory.bytes.set(bytes, PACKET_BASE);
        this.#runOnStaged(count, words, results, done);
        done += count;
      }
      return;
    }
    while (done < single.length) {
      const count = stagePackets(memory, single, done, needsOrder ? 1 : single.length);
      if (this.#clearStack) memory.bytes.fill(0, STACK_LIMIT, STACK_TOP);
      if (this.#movesPacket) memory.bytes.fill(0, PACKET_BUFFER, PACKET_BASE);
      this.#runOnStaged(count, PACKET_WORDS, results, done);
      done += count;
    }
  }

  /** Runs the program on packets as `Executable.runOnPackets` takes them, and puts the results where `at` says. */
  #runOnStaged(count: number, address: number, results: Uint32Array, at: number): void {
    const { packet, memory } = this.#runtime;
    const { words } = memory;
    const first = address >>> 2;
    if (this.#program.runOnPackets !== undefined) {
      this.#program.runOnPackets(count, address);
      for (let index = 0; index < count; index++) results[at + index] = words[first + index]!;
      return;
    }
    let start = PACKET_BASE;
    for (let index = 0; index < count; index++) {
      const length = words[first + index]!;
      packet.replace(start, length);
      results[at + index] = this.run(CONTEXT_BASE);
      start += length;
    }
  }
}

/** A program that is called at the tail may do everything. */
const mayMovePacket = (helper: HelperPrototype | undefined): boolean =>
  helper?.mayMovePacket === true || helper?.name === "bpf_tail_call";

const preparedRun = (runtime: Runtime, program: Executable, clearStack: boolean): ((r1: number) => number) => {
  const { bytes, words } = runtime.memory;
  return (r1) => {
    words[CELL.budget >>> 2] = program.budget;
    words[CELL.tailCalls >>> 2] = MAX_TAIL_CALLS;
    if (clearStack) bytes.fill(0, STACK_LIMIT, STACK_TOP);
    return program.enter(r1, 0, STACK_TOP);
  };
};
