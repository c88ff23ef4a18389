import { type ContextLayout, type ProgramSpec, takesPackets } from "@ebpf/platform";
import { RuntimeError } from "./errors.js";
import { CELL, CONTEXT_BASE, MAX_CONTEXT_SIZE, MAX_PACKET_SIZE, PACKET_BASE, PACKET_BUFFER } from "./layout.js";
import type { LinearMemory } from "./linear-memory.js";
import type { PendingRedirect } from "./packet.js";
import type { Runtime } from "./runtime.js";

/** What a program is run on. */
export type RunInput =
  /** A packet as the program sees it, and fields of the context by name (those of the packet are set from it). */
  | { readonly packet: Uint8Array; readonly fields?: Readonly<Record<string, number | bigint>> }
  /** The bytes of the context structure itself. */
  | { readonly context: Uint8Array }
  /** Raw memory: r1 is its address (0 when it is empty), r2 its length. */
  | { readonly memory: Uint8Array };

/** What a run left behind. */
export interface RunResult {
  /** r0, unsigned 64 bits; what it means depends on the program's type. */
  readonly returnValue: bigint;
  /** The packet after the run, for a run on a packet. */
  readonly packet?: Uint8Array;
  /** The context structure or raw memory after the run. */
  readonly context: Uint8Array;
  /** Where the program last asked to send the packet. */
  readonly redirect?: PendingRedirect;
}

/** Input in place: what the program gets in r1 and r2, and how to collect what it leaves. */
export interface PreparedInput {
  readonly r1: number;
  readonly r2: number;
  readonly collect: () => Omit<RunResult, "returnValue">;
}

/**
 * Puts the input of a run into memory.
 *
 * @throws RuntimeError `BAD_INPUT`
 */
export const prepareInput = (runtime: Runtime, spec: ProgramSpec, input: RunInput): PreparedInput => {
  runtime.packet.clear();
  if ("packet" in input) return preparePacket(runtime, spec, input.packet, input.fields ?? {});
  const raw = "memory" in input;
  const bytes = raw ? input.memory : input.context;
  const address = prepareContext(runtime.memory, bytes.length);
  runtime.memory.bytes.set(bytes, address);
  return {
    r1: raw && bytes.length === 0 ? 0 : address,
    r2: raw ? bytes.length : 0,
    collect: () => ({ context: runtime.memory.copyOut(address, bytes.length) }),
  };
};

/** Sets the bounds of a context of `size` bytes and returns its address. */
const prepareContext = (memory: LinearMemory, size: number): number => {
  requireSize("the context", size, MAX_CONTEXT_SIZE);
  memory.setCell(CELL.context, CONTEXT_BASE);
  memory.setCell(CELL.contextEnd, CONTEXT_BASE + size);
  return CONTEXT_BASE;
};

const requireSize = (what: string, size: number, limit: number): void => {
  if (size <= limit) return;
  throw new RuntimeError("BAD_INPUT", `${what} has ${size} bytes, and there is room for ${limit}`);
};

const preparePacket = (
  runtime: Runtime,
  spec: ProgramSpec,
  packet: Uint8Array,
  fields: Readonly<Record<string, number | bigint>>,
): PreparedInput => {
  const { memory } = runtime;
  const layout = packetContext(runtime, spec);
  requireSize("the packet", packet.length, MAX_PACKET_SIZE);
  const context = prepareContext(memory, layout.size);
  memory.bytes.fill(0, PACKET_BUFFER, PACKET_BASE);
  memory.bytes.set(packet, PACKET_BASE);
  runtime.packet.place(layout, packet.length);
  for (const [name, value] of Object.entries(fields)) writeField(memory, layout, name, value);
  return {
    r1: context,
    r2: 0,
    collect: () => ({
      packet: runtime.packet.copy(),
      context: memory.copyOut(context, layout.size),
      ...(runtime.packet.redirect && { redirect: runtime.packet.redirect }),
    }),
  };
};

/**
 * Puts in place what all runs on packets have in common.
 *
 * @throws RuntimeError `BAD_INPUT` for a program that takes no packets
 */
export const preparePackets = (runtime: Runtime, spec: ProgramSpec): void => {
  const layout = packetContext(runtime, spec);
  prepareContext(runtime.memory, layout.size);
  runtime.packet.place(layout, 0);
};

const packetContext = ({ platform }: Runtime, { name, type }: ProgramSpec): ContextLayout => {
  const layout = platform.programTypes[type]?.context;
  if (layout !== undefined && takesPackets(layout)) return layout;
  throw new RuntimeError("BAD_INPUT", `${name}: a program of type ${type} takes no packet`, {
    hint: "give it the bytes of its context instead",
  });
};

const writeField = (memory: LinearMemory, layout: ContextLayout, name: string, value: number | bigint): void => {
  const field = layout.fields.find((candidate) => candidate.name === name);
  if (field === undefined || field.value !== "scalar" || field.size > 8 || field.holds === "packet_length") {
    throw new RuntimeError("BAD_INPUT", `${layout.name} has no field ${name} that can be set`);
  }
  const integer = typeof value === "bigint" || Number.isInteger(value) ? BigInt(value) : undefined;
  if (integer === undefined) throw new RuntimeError("BAD_INPUT", `field ${name} needs a whole number, not ${value}`);
  for (let byte = 0; byte < field.size; byte++) {
    memory.bytes[CONTEXT_BASE + field.offset + byte] = Number(BigInt.asUintN(8, integer >> BigInt(8 * byte)));
  }
};
