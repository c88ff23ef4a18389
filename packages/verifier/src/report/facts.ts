import { toNumber } from "../domain/word.js";
import type { PointerKind, Register } from "../state/register.js";

/** What was found out about an instruction over all paths that reach it. A compiler may rely on it. */
export interface InstructionFacts {
  /** What a load, store or atomic operation accesses; several kinds when paths differ. */
  readonly regions: readonly PointerKind[];
  /** The map that a helper call or access always works on; absent when paths differ or there is none. */
  readonly map?: number;
  /** The index of the entry that a look-up in an array returns on all paths, which is one that the array has. */
  readonly entry?: number;
  /** The slot where the function begins that a helper call always calls back; absent when paths differ or there is none. */
  readonly callback?: number;
  /** The stack bytes that a load, store or call may access itself; absent when there are none. */
  readonly stack?: StackFacts;
  /** A load that may read stack bytes that were never written. */
  readonly readsUninitialized?: true;
  /**
   * The instruction leaves a pointer, or NULL, in its destination on all paths, and the pointer lies at most
   * `ADDRESS_REACH` bytes behind the start of its object and never before it (`FRAME_REACH` for stack frames).
   */
  readonly address?: true;
  /** Which ways a conditional jump can go. */
  readonly outcomes?: "taken" | "not_taken" | "both";
}

/** A stretch of stack bytes over all paths: offsets from the end of the frame, `from` ≤ byte < `to` ≤ 0. */
export interface StackFacts {
  readonly from: number;
  readonly to: number;
  /** Slot where the function begins whose frame it is; absent when there are several. */
  readonly owner?: number;
}

/** How far behind the start of its object a pointer may be to count as an address. */
export const ADDRESS_REACH = 2 ** 29;
/** How far below the end of its frame a stack pointer may be. */
const FRAME_REACH = 4096;

/** What was found so far; of the same shape for all instructions. */
class Row {
  /** Absent until the instruction left something. */
  address: boolean | undefined = undefined;
  regions: readonly PointerKind[] = NO_REGIONS;
  map: number | undefined = undefined;
  mapVaries = false;
  entry: number | undefined = undefined;
  entryVaries = false;
  callback: number | undefined = undefined;
  callbackVaries = false;
  stack: StackFacts | undefined = undefined;
  readsUninitialized = false;
  outcomes: "taken" | "not_taken" | "both" | undefined = undefined;

  toFacts(): InstructionFacts {
    const { regions, map, entry, callback, stack, address, readsUninitialized, outcomes } = this;
    const facts: { -readonly [Fact in keyof InstructionFacts]: InstructionFacts[Fact] } = { regions };
    if (map !== undefined) facts.map = map;
    if (entry !== undefined) facts.entry = entry;
    if (callback !== undefined && !this.callbackVaries) facts.callback = callback;
    if (stack !== undefined) facts.stack = stack;
    if (address) facts.address = true;
    if (readsUninitialized) facts.readsUninitialized = true;
    if (outcomes !== undefined) facts.outcomes = outcomes;
    return facts;
  }
}

const NO_REGIONS: readonly PointerKind[] = [];

/**
 * Sound under pruning: a state is only left out for one whose pointers have the same kind and hold its offsets. Where a
 * frame lies, a frame's depth above the start of the stack is left.
 */
const isAddress = ({ kind, offset, value }: Register): boolean => {
  if (kind === "scalar" || kind === "not_init") return false;
  const lowest = kind === "fp" ? -FRAME_REACH : 0;
  return offset + toNumber(value.s64.min) >= lowest && offset + toNumber(value.s64.max) <= ADDRESS_REACH;
};

/** The facts while the walk collects them. */
export class FactTable {
  private readonly rows: (Row | undefined)[];

  constructor(slots: number) {
    this.rows = new Array<Row | undefined>(slots).fill(undefined);
  }

  private at(pc: number): Row {
    let row = this.rows[pc];
    if (row === undefined) {
      row = new Row();
      this.rows[pc] = row;
    }
    return row;
  }

  visit(pc: number): void {
    this.at(pc);
  }

  /** Whether a path came to a slot. */
  visited(pc: number): boolean {
    return this.rows[pc] !== undefined;
  }

  /** Adds a region; returns all regions the instruction accesses. */
  accesses(pc: number, region: PointerKind): readonly PointerKind[] {
    const row = this.at(pc);
    if (!row.regions.includes(region)) row.regions = [...row.regions, region];
    return row.regions;
  }

  /** Adds stack bytes of a frame that an instruction may access. */
  accessesStack(pc: number, from: number, to: number, owner: number): void {
    const row = this.at(pc);
    const { stack } = row;
    if (stack === undefined) row.stack = { from, to, owner };
    else if (from < stack.from || to > stack.to || owner !== stack.owner) {
      row.stack = {
        from: Math.min(from, stack.from),
        to: Math.max(to, stack.to),
        ...(owner === stack.owner && { owner }),
      };
    }
  }

  usesMap(pc: number, map: number | undefined): void {
    const row = this.at(pc);
    if (row.mapVaries) return;
    if (map === undefined || (row.map !== undefined && row.map !== map)) {
      row.map = undefined;
      row.mapVaries = true;
    } else row.map = map;
  }

  /** Tells the index of a look-up that always finds something, `undefined` for others. */
  looksUp(pc: number, entry: number | undefined): void {
    const row = this.at(pc);
    if (entry === undefined || (row.entry !== undefined && row.entry !== entry)) row.entryVaries = true;
    row.entry = row.entryVaries ? undefined : entry;
  }

  callsBack(pc: number, start: number): void {
    const row = this.at(pc);
    row.callbackVaries ||= row.callback !== undefined && row.callback !== start;
    row.callback = start;
  }

  /** Tells what an instruction leaves in its destination. */
  leaves(pc: number, value: Register): void {
    const row = this.at(pc);
    row.address = row.address !== false && isAddress(value);
  }

  readsUninitialized(pc: number): void {
    this.at(pc).readsUninitialized = true;
  }

  goes(pc: number, outcome: "taken" | "not_taken"): void {
    const row = this.at(pc);
    row.outcomes = row.outcomes === undefined || row.outcomes === outcome ? outcome : "both";
  }

  /** The facts by pc; `undefined` for slots that no path reaches. */
  toFacts(): readonly (InstructionFacts | undefined)[] {
    return this.rows.map((row) => row?.toFacts());
  }
}
