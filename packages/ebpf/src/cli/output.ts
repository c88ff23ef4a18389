/** Where a command writes: given to it, so that tests see what a person would. */
export interface Output {
  /** Results, to standard output. A line break is added. */
  line(text?: string): void;
  /** Bytes, to standard output. */
  bytes(bytes: Uint8Array): void;
  /** Remarks and errors, to standard error. A line break is added. */
  note(text: string): void;
  /** Whether a person is watching standard error. */
  readonly interactive: boolean;
}

/** Text in columns, each as wide as its widest cell; numbers stand to the right. */
export const table = (rows: readonly (readonly (string | number | bigint)[])[], indent = "  "): string[] => {
  const columns = Math.max(0, ...rows.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, i) => Math.max(...rows.map((row) => String(row[i] ?? "").length)));
  return rows.map((row) =>
    `${indent}${row
      .map((cell, i) => (typeof cell === "string" ? cell.padEnd(widths[i]!) : String(cell).padStart(widths[i]!)))
      .join("  ")}`.trimEnd(),
  );
};

/** JSON in which 64-bit values stand as decimal strings, because JSON numbers lose their low bits. */
export const toJson = (value: unknown): string =>
  JSON.stringify(value, (_, item: unknown) => {
    if (typeof item === "bigint") return item.toString();
    if (item instanceof Uint8Array) return [...item];
    return item;
  });

/** A number with its noun: `1 record`, `2 records`. */
export const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? "" : "s"}`;

/** `text` shortened to `length` characters. */
export const ellipsis = (text: string, length: number): string =>
  text.length <= length ? text : `${text.slice(0, length - 1)}…`;

/** A duration with a fitting unit and three digits. */
export const duration = (nanoseconds: number): string => {
  const units = ["ns", "µs", "ms", "s"];
  let value = nanoseconds;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${value.toPrecision(3)} ${units[unit]}`;
};
