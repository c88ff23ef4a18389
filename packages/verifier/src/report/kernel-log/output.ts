/** Where states stand on an instruction's line. */
const STATE_COLUMN = 40;
const TAB = 8;

/** Spaces up to the `;`, for a line of `length` characters. */
const gap = (length: number): string => {
  const used = length + 1;
  return " ".repeat(Math.ceil(Math.max(used + TAB / 2, STATE_COLUMN) / TAB) * TAB - used - 1);
};

/** What was written, as far as it may be taken back. */
export class Output {
  private readonly write: (text: string) => void;
  /** Level 1 takes back what paths wrote that ended well, so it writes only at the end. */
  private readonly kept: string[] | undefined;
  /** An instruction's line that isn't ended yet. */
  private open: string | undefined;

  constructor(write: (text: string) => void, keep: boolean) {
    this.write = write;
    this.kept = keep ? [] : undefined;
  }

  get length(): number {
    this.endLine();
    return this.kept?.length ?? 0;
  }

  print(text: string): void {
    this.endLine();
    this.put(text);
  }

  /** Begins an instruction's line, which a state may still be added to. */
  instruction(text: string): void {
    this.endLine();
    this.open = text;
  }

  /** Adds a state to the line of the last instruction, or begins a line with `alone`. */
  state(text: string, alone: string): void {
    if (this.open === undefined) this.put(`${alone}${text}\n`);
    else this.put(`${this.open}${gap(this.open.length)};${text}\n`);
    this.open = undefined;
  }

  /** Takes back what was written after the first `length` pieces, where it can be. */
  takeBack(length: number): void {
    if (this.kept === undefined) return;
    this.open = undefined;
    this.kept.length = length;
  }

  flush(): void {
    this.endLine();
    for (const text of this.kept ?? []) this.write(text);
    if (this.kept !== undefined) this.kept.length = 0;
  }

  private endLine(): void {
    if (this.open !== undefined) this.put(`${this.open}\n`);
    this.open = undefined;
  }

  private put(text: string): void {
    if (this.kept === undefined) this.write(text);
    else this.kept.push(text);
  }
}
