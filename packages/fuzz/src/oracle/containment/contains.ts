import { FRAME_SIZE, type RuntimeMap } from "@ebpf/runtime";
import type { FrameView, NumberView, RegisterView, SlotView, StateView } from "@ebpf/verifier";
import { mapsByName, valueAddresses } from "./memory.js";
import { type ConcreteFrame, contextOf, type Snapshot, type Trace } from "./trace.js";

/*
 * Whether a concrete state is one of those that an abstract state stands for. Every function returns the first reason
 * why not, or undefined.
 */

type Reason = string | undefined;

const u64 = (value: bigint): bigint => BigInt.asUintN(64, value);
const s64 = (value: bigint): bigint => BigInt.asIntN(64, value);

const within = (value: bigint, min: bigint | number, max: bigint | number): boolean =>
  value >= BigInt(min) && value <= BigInt(max);

/** Which of the views of a number the value contradicts. */
export const numberReason = (value: bigint, view: NumberView): Reason => {
  const low = BigInt.asUintN(32, value);
  if ((value & ~view.tnum.mask & ((1n << 64n) - 1n)) !== view.tnum.value) return "known bits";
  if (!within(value, view.umin, view.umax)) return "unsigned range";
  if (!within(s64(value), view.smin, view.smax)) return "signed range";
  if (!within(low, view.u32min, view.u32max)) return "unsigned 32-bit range";
  if (!within(BigInt.asIntN(32, low), view.s32min, view.s32max)) return "signed 32-bit range";
  return undefined;
};

/** The same for a number of which only some low bytes are there. */
const lowBytesReason = (value: bigint, bytes: number, view: NumberView): Reason => {
  const kept = (1n << BigInt(8 * bytes)) - 1n;
  if ((value & ~view.tnum.mask & kept) !== (view.tnum.value & kept)) return "known bits";
  if (bytes < 4) return undefined;
  const low = BigInt.asUintN(32, value);
  if (!within(low, view.u32min, view.u32max)) return "unsigned 32-bit range";
  return within(BigInt.asIntN(32, low), view.s32min, view.s32max) ? undefined : "signed 32-bit range";
};

/** What the addresses of a run stand for. */
export class World {
  readonly #trace: Trace;
  readonly #maps: ReadonlyMap<string, readonly RuntimeMap[]>;

  constructor(trace: Trace) {
    this.#trace = trace;
    this.#maps = mapsByName(trace);
  }

  /** Where the object begins that a pointer of this kind points into; several when it may be any of them. */
  #bases(view: RegisterView, { frames, packet }: Snapshot): readonly number[] | undefined {
    const maps = view.map === undefined ? [] : (this.#maps.get(view.map) ?? []);
    switch (view.kind) {
      case "ctx":
        return [contextOf(this.#trace.runtime)];
      case "fp":
        return frames[view.frame] === undefined ? [] : [frames[view.frame]!.end];
      case "pkt":
        return [packet.data];
      case "pkt_meta":
        return [packet.meta];
      case "pkt_end":
        return [packet.end];
      case "map_ptr":
        return maps.map(({ handle }) => handle);
      case "map_value":
        return maps.flatMap((map) => valueAddresses(map, this.#trace.runtime));
      default:
        return undefined;
    }
  }

  registerReason(value: bigint, view: RegisterView, snapshot: Snapshot): Reason {
    if (view.kind === "not_init") return undefined;
    if (view.kind === "scalar") return numberReason(value, view.value);
    if (value === 0n && view.nullable) return undefined;
    const bases = this.#bases(view, snapshot);
    if (bases === undefined || (bases.length === 0 && view.kind.startsWith("map"))) return undefined;
    if (value === 0n) return `${view.kind} is null`;
    const reasons = bases.map((base) => numberReason(this.variablePart(value, view, base), view.value));
    if (!reasons.includes(undefined)) return `${view.kind} offset: ${reasons[0]}`;
    return this.#rangeReason(value, view, snapshot);
  }

  /** What is left of an address without its object's place and the fixed offset. */
  variablePart(value: bigint, view: RegisterView, base: number): bigint {
    return u64(value - BigInt(base) - BigInt(view.offset));
  }

  /** Packet bytes that the verifier lets a program access are there. */
  #rangeReason(value: bigint, view: RegisterView, { packet }: Snapshot): Reason {
    if ((view.kind !== "pkt" && view.kind !== "pkt_meta") || view.range <= 0) return undefined;
    const end = view.kind === "pkt" ? packet.end : packet.data;
    const proven = value - BigInt(view.offset) + BigInt(view.range);
    return proven <= BigInt(end) ? undefined : "packet range";
  }
}

/** Where each id was met first, with what all others of that id must equal. */
type Links = Map<string, bigint>;

/** What all values of an id have in common, by names that tell apart what is. */
const sharedParts = (value: bigint, view: RegisterView, snapshot: Snapshot): readonly (readonly [string, bigint])[] => {
  switch (view.kind) {
    case "scalar": {
      const base = u64(value - BigInt(view.delta));
      // A sum of 32 bits has the low half of the number in common with the others.
      const low = [`low half ${view.id}`, BigInt.asUintN(32, base)] as const;
      return view.deltaBits === 32 ? [low] : [[`scalar ${view.id}`, base], low];
    }
    case "pkt":
    case "pkt_meta": {
      const start = view.kind === "pkt" ? snapshot.packet.data : snapshot.packet.meta;
      return [[`${view.kind} ${view.id}`, u64(value - BigInt(view.offset) - BigInt(start))]];
    }
    default:
      return view.nullable ? [[`null ${view.id}`, value === 0n ? 0n : 1n]] : [];
  }
};

/** Equal ids: equal numbers up to their delta, equal variable parts of packet pointers, or equal nullness. */
const linkReason = (value: bigint, view: RegisterView, snapshot: Snapshot, links: Links): Reason => {
  if (view.id === 0) return undefined;
  for (const [name, part] of sharedParts(value, view, snapshot)) {
    const first = links.get(name);
    if (first === undefined) links.set(name, part);
    else if (first !== part) return `${view.kind} id`;
  }
  return undefined;
};

const readBytes = (stack: Uint8Array, at: number, count: number): bigint => {
  let value = 0n;
  for (let byte = count - 1; byte >= 0; byte--) value = (value << 8n) | BigInt(stack[at + byte]!);
  return value;
};

const slotReason = (slot: SlotView, frame: ConcreteFrame, world: World, snapshot: Snapshot, links: Links): Reason => {
  const at = FRAME_SIZE + slot.offset;
  const zero = slot.bytes.findIndex((kind, byte) => kind === "zero" && frame.stack[at + byte] !== 0);
  if (zero >= 0) return "zero byte";
  const { spilled } = slot;
  if (spilled === undefined) return undefined;
  const count = slot.bytes.filter((kind) => kind === "spill").length;
  const from = slot.bytes.indexOf("spill");
  if (count === 0) return undefined;
  const value = readBytes(frame.stack, at + from, count);
  if (count < 8)
    return spilled.kind === "scalar" && from === 0 ? lowBytesReason(value, count, spilled.value) : undefined;
  return world.registerReason(value, spilled, snapshot) ?? linkReason(value, spilled, snapshot, links);
};

const frameReason = (
  view: FrameView,
  frame: ConcreteFrame,
  {
    world,
    snapshot,
    links,
    isTop,
  }: { readonly world: World; readonly snapshot: Snapshot; readonly links: Links; readonly isTop: boolean },
): Reason => {
  for (let index = isTop ? 0 : 6; index < 11; index++) {
    const value = frame.registers[index]!;
    const register = view.registers[index]!;
    const reason = world.registerReason(value, register, snapshot) ?? linkReason(value, register, snapshot, links);
    if (reason !== undefined) return `register, ${reason} (r${index} is ${s64(value)})`;
  }
  for (const slot of view.stack) {
    const reason = slotReason(slot, frame, world, snapshot, links);
    if (reason !== undefined) return `stack slot, ${reason} (fp${slot.offset})`;
  }
  return undefined;
};

/** Frames of the same calls. */
const isSameChain = (state: StateView, { frames }: Snapshot): boolean =>
  state.frames.length === frames.length &&
  state.frames.every(({ callSite }, index) => callSite === frames[index]!.callSite);

/** Why the concrete state is none of those that the abstract one stands for; `undefined` when it is one. */
export const containmentReason = (state: StateView, snapshot: Snapshot, world: World): Reason => {
  if (!isSameChain(state, snapshot)) return "call chain";
  const links: Links = new Map();
  const last = state.frames.length - 1;
  for (const [index, view] of state.frames.entries()) {
    const reason = frameReason(view, snapshot.frames[index]!, { world, snapshot, links, isTop: index === last });
    if (reason !== undefined) return reason;
  }
  return undefined;
};
