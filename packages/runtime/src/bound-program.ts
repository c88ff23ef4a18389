import { RuntimeError } from "./errors.js";
import type { Executable } from "./executable.js";
import {
  CELL,
  CONTEXT_BASE,
  MAX_PACKET_SIZE,
  MAX_TAIL_CALLS,
  PACKET_BASE,
  PACKET_BUFFER,
  STACK_LIMIT,
  STACK_TOP,
} from "./layout.js";
import { prepareInput } from "./run-input.js";
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
      ({ op, imm }) => op.family === "call" && (op.target !== "helper" || helpers.get(imm)?.mayMovePacket === true),
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
   * Runs the program on packets.
   *
   * @param results takes the low 32 bits of r0 for each packet; at least as long as `packets`
   * @throws RuntimeError `BAD_INPUT` for a program that takes no packets, a packet that is too long, or too few results
   * @throws RuntimeFault as `run`
   */
  runPackets(packets: readonly Uint8Array[], results: Uint32Array): void {
    const [first] = packets;
    if (results.length < packets.length) {
      throw new RuntimeError("BAD_INPUT", `${packets.length} packets have no room in ${results.length} results`);
    }
    if (first === undefined) return;
    // Everything that doesn't depend on the packet is put in place once.
    prepareInput(this.#runtime, this.#program.spec, { packet: first });
    const { bytes } = this.#runtime.memory;
    const { packet: buffer } = this.#runtime;
    const runOnPacket = this.#program.runOnPacket ?? ((length: number) => this.#describeAndRun(length));
    for (let index = 0; index < packets.length; index++) {
      const packet = packets[index]!;
      if (packet.length > MAX_PACKET_SIZE) throw tooLong(packet);
      if (this.#clearStack) bytes.fill(0, STACK_LIMIT, STACK_TOP);
      if (this.#movesPacket) bytes.fill(0, PACKET_BUFFER, PACKET_BASE);
      bytes.set(packet, PACKET_BASE);
      buffer.redirect = undefined;
      results[index] = runOnPacket(packet.length);
    }
  }

  /** `runOnPacket` for a program that has none. */
  #describeAndRun(length: number): number {
    this.#runtime.packet.replace(length);
    return this.run(CONTEXT_BASE);
  }
}

const tooLong = ({ length }: Uint8Array): RuntimeError =>
  new RuntimeError("BAD_INPUT", `a packet has ${length} bytes, and there is room for ${MAX_PACKET_SIZE}`);

const preparedRun = (runtime: Runtime, program: Executable, clearStack: boolean): ((r1: number) => number) => {
  const { bytes, words } = runtime.memory;
  return (r1) => {
    words[CELL.budget >>> 2] = program.budget;
    words[CELL.tailCalls >>> 2] = MAX_TAIL_CALLS;
    if (clearStack) bytes.fill(0, STACK_LIMIT, STACK_TOP);
    return program.enter(r1, 0, STACK_TOP);
  };
};
