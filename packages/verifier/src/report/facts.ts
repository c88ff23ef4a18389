import type { PointerKind } from "../state/register.js";

/** What was found out about an instruction over all paths that reach it. A compiler may rely on it. */
export interface InstructionFacts {
  /** What a load, store or atomic operation accesses; several kinds when paths differ. */
  readonly regions: readonly PointerKind[];
  /** The map that a helper call or access always works on; absent when paths differ or there is none. */
  readonly map?: number;
  /** A load that may read stack bytes that were never written. */
  readonly readsUninitialized?: true;
  /** Which ways a conditional jump can go. */
  readonly outcomes?: "taken" | "not_taken" | "both";
}

interface MutableFacts {
  regions: PointerKind[];
  map?: number | undefined;
  mapVaries?: boolean;
  readsUninitialized?: true;
  outcomes?: "taken" | "not_taken" | "both";
}

/** The facts while the walk collects them. */
export class FactTable {
  private readonly rows: (MutableFacts | undefined)[];

  constructor(slots: number) {
    this.rows = new Array<MutableFacts | undefined>(slots).fill(undefined);
  }

  private at(pc: number): MutableFacts {
    let row = this.rows[pc];
    if (row === undefined) {
      row = { regions: [] };
      this.rows[pc] = row;
    }
    return row;
  }

  visit(pc: number): void {
    this.at(pc);
  }

  /** Adds a region; returns all regions the instruction accesses. */
  accesses(pc: number, region: PointerKind): readonly PointerKind[] {
    const row = this.at(pc);
    if (!row.regions.includes(region)) row.regions.push(region);
    return row.regions;
  }

  usesMap(pc: number, map: number | undefined): void {
    const row = this.at(pc);
    if (row.mapVaries) return;
    if (map === undefined || (row.map !== undefined && row.map !== map)) {
      row.map = undefined;
      row.mapVaries = true;
    } else row.map = map;
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
    return this.rows.map(
      (row) =>
        row && {
          regions: row.regions,
          ...(row.map !== undefined && { map: row.map }),
          ...(row.readsUninitialized && { readsUninitialized: true }),
          ...(row.outcomes && { outcomes: row.outcomes }),
        },
    );
  }
}
