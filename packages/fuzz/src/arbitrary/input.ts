import {
  type ContextLayout,
  linux,
  type MapEntry,
  type MapSpec,
  type ProgramTypeName,
  takesPackets,
} from "@ebpf/platform";
import type { RunInput } from "@ebpf/runtime";
import fc from "fast-check";
import { AREA, type Target } from "./lowering.js";

/** Packets: an Ethernet header, often of IPv4, and up to a hundred bytes behind it. */
export const packets = (): fc.Arbitrary<Uint8Array> =>
  fc
    .tuple(
      fc.oneof(
        { weight: 3, arbitrary: fc.uint8Array({ minLength: 60, maxLength: 110 }) },
        { weight: 1, arbitrary: fc.uint8Array({ minLength: 14, maxLength: 60 }) },
      ),
      fc.constantFrom<readonly number[]>([8, 0], [0x86, 0xdd], []),
    )
    .map(([bytes, protocol]) => {
      const packet = Uint8Array.from(bytes);
      packet.set(protocol, 12);
      return packet;
    });

const bytesOf = (length: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength: length, maxLength: length });

const MAX_CONTEXT = 4096;
const SMALL_CONTEXT = 192;

const contextOf = (type: ProgramTypeName): ContextLayout => linux.programTypes[type]!.context;

/** Bytes of a type's context; of those that may have any size, as many as programs look at. */
const contextSize = (type: ProgramTypeName): number => {
  const { size } = contextOf(type);
  return size > MAX_CONTEXT ? SMALL_CONTEXT : size;
};

/** What a program of this kind may be run on: a packet, or the bytes of its context. */
export const inputs = ({ type }: Target): fc.Arbitrary<RunInput> =>
  takesPackets(contextOf(type))
    ? packets().map((packet) => ({ packet }))
    : bytesOf(contextSize(type)).map((context) => ({ context }));

/** A packet or context of zeros. */
export const plainInput = (type: ProgramTypeName): RunInput =>
  takesPackets(contextOf(type)) ? { packet: new Uint8Array(64) } : { context: new Uint8Array(contextSize(type)) };

/** Values that maps hold when the program starts; lowered to the entries of the maps that a program uses. */
export interface MapFill {
  readonly keys: readonly number[];
  readonly bytes: Uint8Array;
}

export const mapFills = (): fc.Arbitrary<MapFill> =>
  fc.record({ keys: fc.uniqueArray(fc.nat({ max: 5 }), { maxLength: 4 }), bytes: bytesOf(64 + AREA) });

/** Types of maps whose entries the host can write as bytes. */
const FILLED: ReadonlySet<string> = new Set(["array", "hash", "lru_hash"]);

/** The entries with which a map starts; none for maps that can't be filled, or that the program alone may change. */
export const entriesOf = (spec: MapSpec, { keys, bytes }: MapFill): readonly MapEntry[] => {
  if (!FILLED.has(spec.type) || spec.frozen) return [];
  const room = spec.type === "array" ? spec.maxEntries : keys.length;
  return keys
    .filter((key) => key < room || spec.type !== "array")
    .map((key, index) => {
      const encoded = new Uint8Array(spec.keySize);
      encoded[0] = key;
      return { key: encoded, value: bytes.slice(index, index + spec.valueSize) };
    });
};
