/** Reads what a conversion needs; `undefined` where the program gave it nothing to read. */
export interface FormatSource {
  /** The next argument, unsigned 64 bits. */
  readonly next: () => bigint | undefined;
  /** The NUL-terminated text at an address, `undefined` when it can't be read. */
  readonly text: (address: bigint) => string | undefined;
}

const CONVERSION = /%(?:(%)|([-+0 ]*)(\d*)(ll?)?([diuxXcsp]))/g;

/**
 * Formats as the kernel's `bpf_trace_printk` does: `%d %i %u %x %X %c %s %p` with `l` or `ll`, the flags `-+0` and widths. A
 * pointer prints as 16 hexadecimal digits.
 *
 * @returns the text, or `undefined` for a conversion that does not exist or has no argument
 */
export const formatText = (format: string, source: FormatSource): string | undefined => {
  let failed = false;
  const text = format.replace(CONVERSION, (_all, percent, flags, width, length, conversion) => {
    if (percent !== undefined) return "%";
    const value = source.next();
    const body = value === undefined ? undefined : convert(value, conversion, length, source);
    if (body === undefined) failed = true;
    return pad(body ?? "", flags, Number(width), conversion);
  });
  const unknown = format.replace(CONVERSION, "").includes("%");
  return failed || unknown ? undefined : text;
};

const convert = (value: bigint, conversion: string, length: string | undefined, source: FormatSource) => {
  const bits = length === undefined ? 32 : 64;
  switch (conversion) {
    case "d":
    case "i":
      return BigInt.asIntN(bits, value).toString();
    case "u":
      return BigInt.asUintN(bits, value).toString();
    case "x":
      return BigInt.asUintN(bits, value).toString(16);
    case "X":
      return BigInt.asUintN(bits, value).toString(16).toUpperCase();
    case "c":
      return String.fromCharCode(Number(value & 0xffn));
    case "s":
      return source.text(value);
    default:
      return value.toString(16).padStart(16, "0");
  }
};

const pad = (body: string, flags: string, width: number, conversion: string): string => {
  const positive = /[di]/.test(conversion) && !body.startsWith("-");
  const text = flags.includes("+") && positive ? `+${body}` : body;
  if (flags.includes("-")) return text.padEnd(width);
  if (!flags.includes("0")) return text.padStart(width);
  const sign = /^[-+]/.exec(text)?.[0] ?? "";
  return sign + text.slice(sign.length).padStart(width - sign.length, "0");
};
