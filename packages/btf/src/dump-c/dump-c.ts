import type { Btf } from "../btf.js";
import { CDump } from "./declarations.js";

/** What `dumpC` writes. */
export interface CDumpOptions {
  /** Ids of the types to declare, with all that they need; all types by default. */
  readonly types?: Iterable<number>;
  /** Name of a macro that keeps a header from being read twice. */
  readonly guard?: string;
  /** True to make the compiler record every access, so that a program adapts to the kernel (CO-RE). */
  readonly preserveAccessIndex?: boolean;
}

/**
 * Declares types in C, each before it is used, with padding and `packed` where the layout asks for them.
 *
 * Types of one name get flavours (`name___2`); names that aren't C's are made so; variables and functions are left out.
 *
 * @throws BtfError `TOO_DEEP` for types that contain themselves, `LIMIT` for anonymous types that multiply without end.
 */
export const dumpC = (btf: Btf, options: CDumpOptions = {}): string => {
  const { guard, preserveAccessIndex } = options;
  const body = new CDump(btf).run(options.types ?? idsOf(btf));
  const parts = [
    guard === undefined ? [] : [`#ifndef ${guard}`, `#define ${guard}`, ""],
    preserveAccessIndex ? [`#pragma clang attribute push (${PRESERVE}, apply_to = record)`, ""] : [],
    body,
    preserveAccessIndex ? ["#pragma clang attribute pop", ""] : [],
    guard === undefined ? [] : ["#endif", ""],
  ];
  return parts.flat().join("\n");
};

const PRESERVE = "__attribute__((preserve_access_index))";

const idsOf = (btf: Btf): number[] => Array.from({ length: btf.typeCount - 1 }, (_, i) => i + 1);
