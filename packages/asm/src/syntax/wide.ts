import type { WideMeaning } from "../operation.js";

/**
 * How the meanings of an LD_IMM64 are written in every dialect. The words are those of bpftool's dumps; `value` is not
 * here because dialects write it differently.
 */
export const WIDE_OPERAND: Readonly<Record<Exclude<WideMeaning, "value">, string>> = {
  map: "map[fd:{low}]{high}",
  map_value: "map[fd:{low}][0]{high}",
  ksym: "ksym[{low}]{high}",
  function: "subprog[{function}]{high}",
  map_index: "map[idx:{low}]{high}",
  map_index_value: "map[idx:{low}][0]{high}",
};
