import { MAP_HEADER } from "@ebpf/runtime";
import type { Code } from "../wasm/code.js";
import type { MapPart } from "./map-operations.js";

/** Leaves a word of the map's header on the stack. */
export const header = (code: Code, { place }: MapPart, word: keyof typeof MAP_HEADER): Code =>
  code.i32(0).memory("i32.load", place.handle + MAP_HEADER[word]);

/** Writes a word of the map's header, which `push` leaves on the stack. */
export const setHeader = (code: Code, { place }: MapPart, word: keyof typeof MAP_HEADER, push: () => Code): Code => {
  code.i32(0);
  return push().memory("i32.store", place.handle + MAP_HEADER[word]);
};

/** Ends the function with an error when the condition on the stack holds. */
export const refuseIf = (code: Code, error: number): void => {
  code.open("if");
  code.i32(-error).op("return", "end");
};
