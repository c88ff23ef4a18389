import { ATTACH_TYPES, type AttachType } from "./attach-types.js";
import type { MapTypeName } from "./map-types.js";
import type { ProgramTypeName } from "./program-types.js";

/** How a helper uses memory it is given: `write` alone needs no initialised memory, `update` reads and writes. */
export type MemoryAccess = "read" | "write" | "update";

/** What a helper takes in one of r1..r5. */
export type ArgumentType =
  | { readonly kind: "anything" } // any initialised value
  | { readonly kind: "scalar" } // a number
  | { readonly kind: "zero" } // the number 0: flags that have no meaning yet
  | { readonly kind: "context"; readonly nullable?: true } // the program's context, unmodified
  | { readonly kind: "map"; readonly types?: readonly MapTypeName[] } // a map reference
  | { readonly kind: "map_key" } // memory of the preceding map's key size
  | { readonly kind: "map_value"; readonly access: "read" | "write"; readonly nullable?: true }
  | {
      /** Memory, whose size in bytes is `size` or the following argument. */
      readonly kind: "memory";
      readonly access: MemoryAccess;
      readonly size?: number;
      readonly nullable?: true;
      readonly aligned?: true;
    }
  | { readonly kind: "size"; readonly zero: boolean } // bytes of the preceding memory argument
  | { readonly kind: "constant_size" } // a known number of bytes, of the returned memory
  | { readonly kind: "constant_string"; readonly format?: true } // NUL-terminated text in a frozen map
  | { readonly kind: "function" } // a callback
  | { readonly kind: "allocated" } // reserved memory, released by the call
  | {
      /** A socket: a `full` one, or any; `kernelTypes` says that the kernel's own type of it would do as well. */
      readonly kind: "socket";
      readonly full: boolean;
      readonly kernelTypes?: true;
      readonly nullable?: true;
    }
  | { readonly kind: "stack_or_null" } // the callback's context
  | { readonly kind: "map_field"; readonly field: string } // a map value's field of this type
  | {
      /** A dynptr, of one type only where `type` says so. */
      readonly kind: "dynptr";
      readonly role: "make" | "use" | "release";
      readonly type?: "local" | "ringbuf";
    }
  | { readonly kind: "percpu_object" } // a kernel object that each CPU has its own of
  | { readonly kind: "kernel_object"; readonly nullable?: true } // a pointer to a structure of the kernel's own
  | { readonly kind: "kernel_pointer" }; // a map value's field that holds such a pointer

/** What a helper leaves in r0. */
export type ReturnType =
  | { readonly kind: "scalar" } // any 64-bit value
  | { readonly kind: "void" } // r0 is not readable
  | { readonly kind: "map_value" } // into the map argument
  | { readonly kind: "map_value_or_null" } // into the map argument
  | { readonly kind: "memory_or_null" } // of the `constant_size` argument
  | { readonly kind: "slice_or_null" } // of the dynptr argument: `constant_size` bytes
  | { readonly kind: "socket_or_null"; readonly type: "sock" | "sock_common" | "tcp_sock" }
  | { readonly kind: "unsupported"; readonly type: string };

/** How the 64-bit result of a helper is made from what its implementation returns. */
export type ReturnClass =
  | "signed32" // an int: sign-extended
  | "pointer" // a 32-bit address or unsigned number: zero-extended
  | "full64" // all 64 bits
  | "void";

/** What a helper passes to the function that it calls back; `context` is the helper's `stack_or_null` argument. */
export type CallbackParameter = "scalar" | "map" | "map_key" | "map_value" | "dynptr" | "context";

/** What differs of a prototype for some program or attach types. The first variant that matches counts. */
export interface HelperVariant {
  readonly programTypes?: readonly ProgramTypeName[];
  readonly attachTypes?: readonly AttachType[];
  readonly arguments?: readonly ArgumentType[];
  readonly gplOnly?: boolean;
  readonly unavailable?: true;
  readonly refusedAs?: Refusal;
}

/** Why programs may not call a helper that their type has: it needs another type, or another place to be attached to. */
export type Refusal = "program type" | "probe";

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
  readonly variants?: readonly HelperVariant[];
  /** Programs know the helper and may not call it: a variant says so. */
  readonly refusedAs?: Refusal;
  readonly gplOnly?: boolean;
  /** The call may move packet data: all packet pointers become invalid. */
  readonly mayMovePacket?: true;
  /** Memory arguments may point into the packet. */
  readonly packetArguments?: true;
  /** The result must be given back through a helper that `releases`. */
  readonly acquires?: true;
  /** The result is the socket argument in another view: given back with it. */
  readonly sameObject?: true;
  /** Index of the argument that is given back. */
  readonly releases?: number;
  readonly mightSleep?: true;
  /** What the call does with the lock that its `map_field` argument is. */
  readonly lock?: "take" | "drop";
  /** May be called while a lock is held. */
  readonly underLock?: true;
  /** Index of a memory argument that is a map value's. */
  readonly mapValueMemory?: number;
  /** The helper has its `function` argument called later, with these arguments, as a program of its own. */
  readonly asyncCallback?: readonly CallbackParameter[];
  /** The helper calls its `function` argument any number of times, until that returns 1, with these arguments. */
  readonly callback?: readonly CallbackParameter[];
  /** Index of the argument that bounds how often the helper calls back. */
  readonly callbackLimit?: number;
  /** The helper changes its map: not one that programs may only read. */
  readonly changesMap?: true;
  /** The result is at most the helper's size argument, or a negative error. */
  readonly boundedBySize?: true;
}

/** The prototype that counts for a program, or `undefined` when programs of this type may not call the helper. */
export const helperFor = (
  prototype: HelperPrototype,
  program: { readonly type: ProgramTypeName; readonly attachType?: AttachType | undefined },
): HelperPrototype | undefined => {
  if (prototype.programTypes !== undefined && !prototype.programTypes.includes(program.type)) return undefined;
  // A load that names no attach type passes 0, which is the first of them.
  const attachType = program.attachType ?? ATTACH_TYPES[0];
  const variant = prototype.variants?.find(
    ({ programTypes, attachTypes }) =>
      (programTypes?.includes(program.type) ?? true) && (attachTypes?.includes(attachType) ?? true),
  );
  if (variant === undefined) return prototype;
  if (variant.unavailable) return undefined;
  return {
    ...prototype,
    arguments: variant.arguments ?? prototype.arguments,
    gplOnly: variant.gplOnly ?? prototype.gplOnly ?? false,
    ...(variant.refusedAs && { refusedAs: variant.refusedAs }),
  };
};
