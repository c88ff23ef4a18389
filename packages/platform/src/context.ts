import type { AttachType } from "./attach-types.js";

/** What loading a context field gives. Everything but `scalar` is loaded whole. */
export type ContextValue =
  | "scalar"
  | "packet" // address of the first byte of the packet
  | "packet_meta" // address of the first byte of the metadata before it
  | "packet_end" // address behind the last byte
  | "sock" // pointer to a full socket
  | "sock_or_null"
  | "sock_common_or_null" // a socket of which only the common fields may be read
  | "flow_keys" // pointer to struct bpf_flow_keys
  | "tp_buffer" // what a writable tracepoint lets programs change
  | "kernel_object"; // pointer to a structure of the kernel's own

/** A field of a context structure. */
export interface ContextField {
  readonly name: string;
  /** Bytes from the start of the context. */
  readonly offset: number;
  /** Bytes; of all elements for an array field. */
  readonly size: number;
  /** Bytes of a whole access: the element's size. */
  readonly access: 1 | 2 | 4 | 8;
  readonly value: ContextValue;
  readonly readable: boolean;
  readonly writable: boolean;
  /**
   * Whether parts of an element may be loaded: any aligned part, only one at the element's `start`, only parts of its
   * first `half`, or only parts `behind` its start. A part of a pointer is a number.
   */
  readonly narrow: boolean | "start" | "half" | "behind";
  /** Bytes of the smallest part that may be loaded; 1 when absent. */
  readonly narrowest?: 1 | 2;
  /** Whether parts of an element may be stored. */
  readonly narrowStore?: boolean;
  /** Whether aligned 8-byte accesses may cover two 4-byte elements. */
  readonly wide?: boolean;
  /** What a runtime puts into the field, a 4-byte number, when the program runs on a packet. */
  readonly holds?: "packet_length" | "wire_length" | "protocol";
  /** Attach types that may use the field; all when absent. */
  readonly attachTypes?: readonly AttachType[];
  /** Attach types that may write the field; all that may use it when absent. */
  readonly writableBy?: readonly AttachType[];
}

/** The structure that a program's r1 points to when it starts. Offsets between fields may not be accessed. */
export interface ContextLayout {
  /** C name of the structure, such as `xdp_md`. */
  readonly name: string;
  readonly size: number;
  readonly fields: readonly ContextField[];
}

/** Offsets of the pointers to objects of the kernel that are always there: the verifier takes a test for NULL for decided. */
export const objectOffsets = ({ fields }: ContextLayout): readonly number[] =>
  fields.flatMap(({ value, offset }) => (value === "sock" || value === "kernel_object" ? [offset] : []));

/** Whether programs with this context are about a packet. */
export const takesPackets = ({ fields }: ContextLayout): boolean =>
  fields.some(({ value, holds }) => value === "packet" || holds !== undefined);
