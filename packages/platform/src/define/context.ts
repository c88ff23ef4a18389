import { type ContextField, type ContextLayout, type ContextValue, takesPackets } from "../context.js";
import { PlatformError } from "../errors.js";

/** What fields of an embedder's context may be: of sockets and the kernel's other objects a runtime has none. */
const FILLED: readonly ContextValue[] = ["scalar", "packet", "packet_meta", "packet_end"];

/** Loads and stores reach no further: their offsets are 16 bits, signed. */
const REACH = 0x8000;

const isCount = (value: number): boolean => Number.isInteger(value) && value >= 0;

const fieldProblem = (field: ContextField, { size }: ContextLayout): string | undefined => {
  const { offset, access, value, holds } = field;
  if (![1, 2, 4, 8].includes(access)) return `is accessed by ${access} bytes at a time`;
  if (!isCount(offset) || !isCount(field.size) || field.size === 0) return "has no place";
  if (offset % access !== 0) return `isn't aligned to ${access} bytes`;
  if (field.size % access !== 0) return `of ${field.size} bytes isn't made of elements of ${access}`;
  if (offset + field.size > size) return `ends behind the context's ${size} bytes`;
  if (!FILLED.includes(value)) return `is to hold a pointer (${value}) that no runtime has`;
  if (holds !== undefined && (value !== "scalar" || field.size !== 4)) return `holds a ${holds}, a number of 4 bytes`;
  if (value === "scalar") return undefined;
  if (access < 4 || field.size !== access) return "holds one pointer, of 4 or 8 bytes";
  if (field.writable || field.narrow !== false || field.wide) return "holds a pointer: it can only be read, and whole";
  return undefined;
};

const overlap = (a: ContextField, b: ContextField): boolean =>
  a.offset < b.offset + b.size && b.offset < a.offset + a.size;

/**
 * Checks that programs can be given a context of this layout.
 *
 * @throws PlatformError `BAD_CONTEXT`, `BAD_NAME`
 */
export const checkContext = (layout: ContextLayout): void => {
  const { name, size, fields } = layout;
  const refuse = (problem: string): never => {
    throw new PlatformError("BAD_CONTEXT", `context ${name}: ${problem}`);
  };
  if (!isCount(size) || size > REACH) refuse(`a size of ${size} isn't in 0..${REACH}`);
  fields.forEach((field, index) => {
    const problem = fieldProblem(field, layout);
    if (problem !== undefined) refuse(`field ${field.name} ${problem}`);
    for (const before of fields.slice(0, index)) {
      if (before.name === field.name)
        throw new PlatformError("BAD_NAME", `context ${name} has two fields ${field.name}`);
      if (overlap(before, field)) refuse(`fields ${before.name} and ${field.name} overlap`);
    }
  });
  // Engines clear it by words before each run.
  if (takesPackets(layout) && size % 8 !== 0) refuse(`it is about a packet, and has ${size} bytes, no multiple of 8`);
  const holds = (value: ContextValue): boolean => fields.some((field) => field.value === value);
  if (holds("packet") !== holds("packet_end"))
    refuse("a packet can be read where both its start and its end are known");
  if (holds("packet_meta") && !holds("packet")) refuse("metadata ends where a packet begins, and there is none");
};
