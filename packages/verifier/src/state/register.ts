import type { MapSpec } from "@ebpf/platform";
import type { Scalar } from "../domain/scalar.js";
import * as S from "../domain/scalar.js";
import { isZero } from "../domain/word.js";

/** What a pointer points to. */
export type PointerKind =
  | "ctx"
  | "map_ptr" // a map itself
  | "map_value"
  | "map_key"
  | "fp" // a stack frame
  | "pkt"
  | "pkt_meta"
  | "pkt_end"
  | "mem" // memory of a known size
  | "sock"
  | "sock_common"
  | "tcp_sock"
  | "xdp_sock"
  | "flow_keys"
  | "func"
  | "dynptr" // what slots of the stack hold; no register does
  | "dynptr_ptr" // a dynptr that the program didn't make
  | "arena"
  | "tp_buffer" // what a writable tracepoint may change
  | "ptr"; // an object of a kernel type

/** What a dynptr stands for: memory that the program gave, or a record of a ring buffer. */
export type DynptrType = "local" | "ringbuf";

export type RegisterKind = "not_init" | "scalar" | PointerKind;

/**
 * What is known of a register or of a stack slot.
 *
 * The concrete values are, by kind: any number of `value` (`scalar`); the object's address plus `offset` plus a number
 * of `value` (pointers); and 0 as well when `nullable`.
 */
export interface RegisterFields {
  readonly kind: RegisterKind;
  /** Flags that go with any kind of pointer. */
  readonly nullable: boolean;
  readonly readOnly: boolean;
  /** Memory that a helper handed out and that must be given back whole. */
  readonly allocated: boolean;
  /** An object that is valid for as long as the program runs. */
  readonly trusted: boolean;
  /** Equal ids mean equal values (scalars, up to `delta`), equal variable parts (packet pointers) or equal nullness. */
  readonly id: number;
  /** The acquired reference that the pointer stands for, or 0. */
  readonly reference: number;
  /** Fixed part of a pointer's offset. */
  readonly offset: number;
  /** The number, or the variable part of a pointer's offset. */
  readonly value: Scalar;
  /** Packet pointers: bytes from the object's start that may be accessed, or one of `RANGE`. */
  readonly range: number;
  /** `map_ptr`, `map_value`, `map_key`. */
  readonly map: MapSpec | undefined;
  /** Tells inner maps from different look-ups apart; 0 for maps that the program names. */
  readonly mapId: number;
  /** `mem`: bytes. */
  readonly size: number;
  /** `fp`: the frame's number. */
  readonly frame: number;
  /** `func`: the index of the subprogram. */
  readonly subprogram: number;
  /** `scalar` with an id: what is to be added to the value that the id stands for. */
  readonly delta: number;
  /** The bits to which it is added: a sum of the low 32 is zero-extended. 0 for the value itself. */
  readonly deltaBits: 0 | 32 | 64;
  /** `dynptr`, `dynptr_ptr`. */
  readonly dynptr: DynptrType | undefined;
  /** `dynptr`: the upper one of its two slots, which alone stands for it. */
  readonly firstSlot: boolean;
  /**
   * `mem`: the id of what ends its validity besides `reference`, or 0: the dynptr that it is a slice of, or the object that it is
   * a pointer into without standing for it.
   */
  readonly diesWith: number;
}

/** Ranges of packet pointers that comparisons with the packet's end give. */
export const RANGE = { atEnd: -1, beyondEnd: -2 } as const;

type Mutable = { -readonly [Field in keyof RegisterFields]: RegisterFields[Field] };

/**
 * The abstract value of a register or of a stack slot; immutable.
 *
 * A class, and not a literal that is spread: all registers have the same hidden class then, and a changed copy costs no
 * more than its fields.
 */
export class Register implements RegisterFields {
  readonly kind: RegisterKind;
  readonly nullable: boolean;
  readonly readOnly: boolean;
  readonly allocated: boolean;
  readonly trusted: boolean;
  readonly id: number;
  readonly reference: number;
  readonly offset: number;
  readonly value: Scalar;
  readonly range: number;
  readonly map: MapSpec | undefined;
  readonly mapId: number;
  readonly size: number;
  readonly frame: number;
  readonly subprogram: number;
  readonly delta: number;
  readonly deltaBits: 0 | 32 | 64;
  readonly dynptr: DynptrType | undefined;
  readonly firstSlot: boolean;
  readonly diesWith: number;

  constructor(from: RegisterFields) {
    this.kind = from.kind;
    this.nullable = from.nullable;
    this.readOnly = from.readOnly;
    this.allocated = from.allocated;
    this.trusted = from.trusted;
    this.id = from.id;
    this.reference = from.reference;
    this.offset = from.offset;
    this.value = from.value;
    this.range = from.range;
    this.map = from.map;
    this.mapId = from.mapId;
    this.size = from.size;
    this.frame = from.frame;
    this.subprogram = from.subprogram;
    this.delta = from.delta;
    this.deltaBits = from.deltaBits;
    this.dynptr = from.dynptr;
    this.firstSlot = from.firstSlot;
    this.diesWith = from.diesWith;
  }

  /** The same but for some fields. What changes often has a method of its own, because this one is slow. */
  with(change: Partial<RegisterFields>): Register {
    return Object.assign(new Register(this), change);
  }

  withValue(value: Scalar): Register {
    if (value === this.value) return this;
    const copy: Mutable = new Register(this);
    copy.value = value;
    return copy as Register;
  }

  withOffset(offset: number): Register {
    if (offset === this.offset) return this;
    const copy: Mutable = new Register(this);
    copy.offset = offset;
    return copy as Register;
  }

  withRange(range: number): Register {
    if (range === this.range) return this;
    const copy: Mutable = new Register(this);
    copy.range = range;
    return copy as Register;
  }

  /** The same pointer, which doesn't stand for the acquired object any more, but is valid for as long. */
  withoutReference(): Register {
    if (this.reference === 0) return this;
    const copy: Mutable = new Register(this);
    copy.reference = 0;
    if (this.diesWith === 0) copy.diesWith = this.reference;
    return copy as Register;
  }

  /** A number that is the one that `id` stands for, plus `delta`. */
  withLink(id: number, delta: number, deltaBits: 0 | 32 | 64): Register {
    if (id === this.id && delta === this.delta && deltaBits === this.deltaBits) return this;
    const copy: Mutable = new Register(this);
    copy.id = id;
    copy.delta = delta;
    copy.deltaBits = deltaBits;
    return copy as Register;
  }
}

export const NOT_INIT = new Register({
  kind: "not_init",
  nullable: false,
  readOnly: false,
  allocated: false,
  trusted: false,
  id: 0,
  reference: 0,
  offset: 0,
  value: S.UNKNOWN,
  range: 0,
  map: undefined,
  mapId: 0,
  size: 0,
  frame: 0,
  subprogram: 0,
  delta: 0,
  deltaBits: 0,
  dynptr: undefined,
  firstSlot: false,
  diesWith: 0,
});

export const UNKNOWN_SCALAR = NOT_INIT.with({ kind: "scalar" });

export const scalarRegister = (value: Scalar): Register => UNKNOWN_SCALAR.withValue(value);

export const ZERO_SCALAR = scalarRegister(S.ZERO);

/** A pointer to the start of an object, without variable part. */
export const pointerRegister = (kind: PointerKind, more: Partial<RegisterFields> = {}): Register =>
  NOT_INIT.with({ kind, value: S.ZERO, ...more });

export const isScalar = (r: Register): boolean => r.kind === "scalar";

export const isPointer = (r: Register): boolean => r.kind !== "scalar" && r.kind !== "not_init";

export const isPacketPointer = (r: Register): boolean => r.kind === "pkt" || r.kind === "pkt_meta";

/** True for the number 0 and nothing else. */
export const isNull = (r: Register): boolean => {
  if (r.kind !== "scalar") return false;
  const value = S.constantValue(r.value);
  return value !== undefined && isZero(value);
};

const NEVER_NULL: ReadonlySet<RegisterKind> = new Set([
  "map_ptr",
  "map_value",
  "map_key",
  "mem",
  "sock",
  "sock_common",
  "tcp_sock",
]);

/** True for pointers that comparisons with 0 are known to tell from it. */
export const isNeverNull = (r: Register): boolean =>
  (NEVER_NULL.has(r.kind) || (r.kind === "ptr" && r.trusted)) && !r.nullable;

/** The kind in the words of kernel logs, such as `map_value_or_null`. */
export const kindName = (r: Register): string => {
  if (r.kind === "not_init") return "?";
  const prefix = r.trusted
    ? "trusted_"
    : r.kind !== "mem"
      ? ""
      : r.allocated
        ? "ringbuf_"
        : r.readOnly
          ? "rdonly_"
          : "";
  return `${prefix}${r.kind === "ptr" ? "ptr_" : r.kind}${r.nullable ? "_or_null" : ""}`;
};

/** The same value without its link to others of the same id. */
export const unlinked = (r: Register): Register => r.withLink(0, 0, 0);

const sameObject = (a: Register, b: Register): boolean =>
  a.kind === b.kind &&
  a.nullable === b.nullable &&
  a.readOnly === b.readOnly &&
  a.allocated === b.allocated &&
  a.offset === b.offset &&
  a.map === b.map &&
  a.size === b.size &&
  a.diesWith === b.diesWith &&
  a.frame === b.frame &&
  a.subprogram === b.subprogram &&
  a.trusted === b.trusted &&
  a.dynptr === b.dynptr &&
  a.firstSlot === b.firstSlot;

/** Equal in everything but ids, which the caller compares. */
export const sameButIds = (a: Register, b: Register): boolean =>
  a === b ||
  (sameObject(a, b) &&
    a.range === b.range &&
    a.delta === b.delta &&
    a.deltaBits === b.deltaBits &&
    S.equal(a.value, b.value));

/** Pointers to the same place of the same object, but for variable part, range and ids. */
export const sameTarget = sameObject;
