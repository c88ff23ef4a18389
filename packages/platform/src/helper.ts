import type { MapTypeName } from "./map-types.js";
import type { ProgramTypeName } from "./program-types.js";

/** What a helper takes in one of r1..r5. */
export type ArgumentType =
  | { readonly kind: "anything" } // any initialised value
  | { readonly kind: "context" } // the program's context, unmodified
  | { readonly kind: "map"; readonly types?: readonly MapTypeName[] } // a map reference
  | { readonly kind: "map_key" } // memory of the preceding map's key size
  | { readonly kind: "map_value"; readonly access: "read" | "write"; readonly nullable?: true }
  | {
      /** Memory, whose size is `size` or the following argument. A write needs no initialised memory. */
      readonly kind: "memory";
      readonly access: "read" | "write";
      readonly size?: number;
      readonly nullable?: true;
    }
  | { readonly kind: "size"; readonly zero: boolean } // bytes of the preceding memory argument
  | { readonly kind: "constant_size" } // a known number of bytes, of the returned memory
  | { readonly kind: "function" } // a callback
  | { readonly kind: "allocated" } // reserved memory, released by the call
  | { readonly kind: "stack_or_null" } // the callback's context
  | { readonly kind: "unsupported"; readonly type: string }; // not modelled yet: calls are rejected

/** What a helper leaves in r0. */
export type ReturnType =
  | { readonly kind: "scalar" } // any 64-bit value
  | { readonly kind: "void" } // r0 is not readable
  | { readonly kind: "map_value_or_null" } // into the map argument
  | { readonly kind: "memory_or_null" } // of the `constant_size` argument
  | { readonly kind: "unsupported"; readonly type: string };

/** How the 64-bit result of a helper is made from what its implementation returns. */
export type ReturnClass =
  | "signed32" // an int: sign-extended
  | "pointer" // a 32-bit address: zero-extended
  | "full64" // all 64 bits
  | "void";

/** A helper function, as programs call it by number. */
export interface HelperPrototype {
  readonly id: number;
  /** With its prefix, such as `bpf_map_lookup_elem`. */
  readonly name: string;
  readonly arguments: readonly ArgumentType[];
  readonly returns: ReturnType;
  readonly returnClass: ReturnClass;
  /** Program types that may call it; all when absent. */
  readonly programTypes?: readonly ProgramTypeName[];
  readonly gplOnly?: true;
  /** The call may move packet data: all packet pointers become invalid. */
  readonly mayMovePacket?: true;
  /** The result must be given back through a helper that `releases`. */
  readonly acquires?: true;
  /** Index of the argument that is given back. */
  readonly releases?: number;
  readonly mightSleep?: true;
}
