/** Bits of the types that unnamed bitfields pad with, from the widest. */
const UNITS = [
  [64, "long long"],
  [32, "int"],
  [16, "short"],
  [8, "char"],
] as const;

/** More unnamed bitfields than this become an array. */
const MAX_UNITS = 1024;

/**
 * Members that fill the bits from `from` to `to`. They have no names, so that they aren't part of the type; only a gap of
 * thousands of bytes takes a named array.
 */
export const padding = (from: number, to: number): string[] => {
  const lines: string[] = [];
  let at = from;
  if (at % 8 !== 0 && at < to) {
    const bits = Math.min(8 - (at % 8), to - at);
    lines.push(`char : ${bits};`);
    at += bits;
  }
  if (to - at > 64 * MAX_UNITS) {
    const bytes = Math.floor((to - at) / 8);
    lines.push(`char __padding_${at / 8}[${bytes}];`);
    at += 8 * bytes;
  }
  while (at < to) {
    const unit = UNITS.find(([bits]) => at % bits === 0 && at + bits <= to);
    const bits = unit?.[0] ?? to - at;
    lines.push(`${unit?.[1] ?? "char"} : ${bits};`);
    at += bits;
  }
  return lines;
};

/** Members that make a union as large as it is; all of them begin at its start. */
export const unionPadding = (bytes: number): string[] => {
  const unit = UNITS.find(([bits]) => bits === 8 * bytes);
  return [unit === undefined ? `char __padding[${bytes}];` : `${unit[1]} : ${unit[0]};`];
};
