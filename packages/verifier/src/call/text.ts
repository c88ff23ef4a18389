import { frozenContent } from "../access/map-value.js";
import * as S from "../domain/scalar.js";
import * as W from "../domain/word.js";
import { reject } from "../report/reject.js";
import type { Register } from "../state/register.js";
import type { Walk } from "../walk.js";

/** Text with conversions that Linux is known to take: no width, flags or pointer extensions. */
const SIMPLE_FORMAT = /^(?:[\x20-\x24\x26-\x7e\t\n]|%%|%(?:l|ll)?[diux]|%s)*$/;

/** The register behind a format that tells how many bytes of 8-byte arguments there are: data, then its size. */
const DATA_SIZE_AFTER_FORMAT = 2;

/** The NUL-terminated text that an argument points to, in a map whose content is part of the program. */
export const constantText = (register: number, value: Register): string => {
  const content = frozenContent(value.map!);
  if (content === undefined) reject("BAD_ARGUMENT", `R${register} does not point to a readonly map'`, register);
  const start = S.constantValue(value.value);
  if (start === undefined) reject("BAD_ARGUMENT", `R${register} is not a constant address'`, register);
  const from = value.offset + W.toNumber(start);
  if (from < 0 || from >= content.length || content.indexOf(0, from) < 0) {
    reject("BAD_ARGUMENT", "string is not zero-terminated", register);
  }
  return new TextDecoder().decode(content.subarray(from, content.indexOf(0, from)));
};

/**
 * Linux parses a format that it knows: it must be well-formed, and have an argument for each conversion. How many there
 * are is told by the known bits of their size.
 */
export const checkFormat = (
  walk: Walk,
  { register, text }: { readonly register: number; readonly text: string },
): void => {
  if (!SIMPLE_FORMAT.test(text)) {
    reject("UNSUPPORTED_HELPER", "only formats of plain numbers and strings are modelled", register);
  }
  const size = W.toNumber(walk.read(register + DATA_SIZE_AFTER_FORMAT).value.bits.value);
  const conversions = text.replaceAll("%%", "").split("%").length - 1;
  if (size % 8 !== 0 || size / 8 < conversions) reject("BAD_ARGUMENT", "Invalid format string", register);
};
