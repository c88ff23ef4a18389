import type { AttachType } from "./attach-types.js";

/** What loading a context field gives. Everything but `scalar` may only be loaded whole. */
export type ContextValue =
  | "scalar"
  | "packet" // address of the first byte of the packet
  | "packet_meta" // address of the first byte of the metadata before it
  | "packet_end" // address behind the last byte
  | "socket" // nullable pointer to a socket
  | "flow_keys"; // pointer to struct bpf_flow_keys

/** A field of a context structure. */
export interface ContextField {
  readonly name: string;
  /** Bytes from the start of the context. */
  readonly offset: number;
  /** Bytes; of all elements for an array field. */
  readonly size: number;
  /** Bytes of the largest single access. */
  readonly access: 1 | 2 | 4 | 8;
  readonly value: ContextValue;
  readonly readable: boolean;
  readonly writable: boolean;
  /** Whether parts of the field may be loaded. */
  readonly narrow: boolean;
  /** Attach types that may use the field; all when absent. */
  readonly attachTypes?: readonly AttachType[];
}

/** The structure that a program's r1 points to when it starts. Offsets between fields may not be accessed. */
export interface ContextLayout {
  /** C name of the structure, such as `xdp_md`. */
  readonly name: string;
  readonly size: number;
  readonly fields: readonly ContextField[];
}
