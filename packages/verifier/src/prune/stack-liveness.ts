import { successorsOf } from "../program/control-flow.js";
import type { Program } from "../program/program.js";
import type { WalkEmit } from "../report/events.js";
import type { State } from "../state/state.js";

/*
 * Which stack slots may still be read. Unlike for registers this isn't known before the walk, because addresses aren't;
 * so the walk notes for each instruction which slots it reads and which it writes for certain, for each chain of calls
 * that leads to the instruction's function by itself, and from time to time lets the facts flow backwards:
 *
 *     live before = reads ∪ (live after ∖ writes)
 *
 * Sound at the places where it is asked: for stored states whose paths have all ended, everything that their paths read
 * has been noted. Writes count only where every visit so far made them.
 *
 * A slot set is two words of bits, slot 0 being the eight bytes below the frame pointer.
 */

/** Words by slot set. */
const HALVES = 2;

/** What is known of the slots of one frame at each instruction of a function. */
class FrameFacts {
  readonly reads: Int32Array;
  readonly writes: Int32Array;
  /** Written on every way from there to the function's end, or to where nothing is known yet. */
  readonly allWrites: Int32Array;
  readonly live: Int32Array;

  constructor(length: number) {
    this.reads = new Int32Array(HALVES * length);
    this.writes = new Int32Array(HALVES * length);
    this.allWrites = new Int32Array(HALVES * length);
    this.live = new Int32Array(HALVES * length);
  }
}

/** A function as called through one chain of calls. */
class Instance {
  readonly start: number;
  readonly subprogram: number;
  /** The calls that lead here, the entry's first. */
  readonly callSites: readonly number[];
  readonly outer: Instance | undefined;
  /** By depth of the frame; made when there is something to note. */
  readonly frames: (FrameFacts | undefined)[];
  /** Whether an instruction's writes were noted once. */
  readonly visited: Uint8Array;
  /** Functions called from here, by call. */
  readonly callees = new Map<number, Instance>();
  changed = false;
  writesLost = false;

  constructor(program: Program, subprogram: number, outer: Instance | undefined, callSite: number) {
    const { start, end } = program.subprograms[subprogram]!;
    this.start = start;
    this.subprogram = subprogram;
    this.outer = outer;
    this.callSites = outer === undefined ? [] : [...outer.callSites, callSite];
    this.frames = new Array<FrameFacts | undefined>(this.callSites.length + 1).fill(undefined);
    this.visited = new Uint8Array(end - start);
  }

  facts(frame: number): FrameFacts {
    let facts = this.frames[frame];
    if (facts === undefined) {
      facts = new FrameFacts(this.visited.length);
      this.frames[frame] = facts;
    }
    return facts;
  }

  isLive(pc: number, frame: number, slot: number): boolean {
    const facts = this.frames[frame];
    if (facts === undefined) return false;
    return (facts.live[HALVES * (pc - this.start) + (slot >> 5)]! & (1 << (slot & 31))) !== 0;
  }
}

/** Slot sets as numbers, for events. */
const slotsOf = (low: number, high: number): number[] => {
  const slots: number[] = [];
  for (let slot = 0; slot < 32; slot++) if ((low >>> slot) & 1) slots.push(slot);
  for (let slot = 0; slot < 32; slot++) if ((high >>> slot) & 1) slots.push(slot + 32);
  return slots;
};

/** The stack accesses of a walk, and what follows from them. */
export class StackLiveness {
  private readonly program: Program;
  private readonly roots = new Map<number, Instance>();
  private readonly emit: WalkEmit | undefined;
  /** The instance of the running function; looked up again when the chain of calls changes. */
  private current: Instance | undefined;
  /** Slots that the current instruction writes, by frame: two words each. */
  private readonly pendingWrites = new Int32Array(HALVES * 9);

  constructor(program: Program, emit: WalkEmit | undefined) {
    this.program = program;
    this.emit = emit;
  }

  /** The chain of calls has changed, or another path goes on. */
  forgetCurrent(): void {
    this.current = undefined;
  }

  /** The instruction at `pc` begins. */
  begin(state: State): void {
    this.current ??= this.instanceOf(state, state.frames.length - 1);
    for (let index = 0; index < HALVES * state.frames.length; index++) this.pendingWrites[index] = 0;
  }

  /** The instruction may read bytes of a slot. */
  read(state: State, pc: number, frame: number, slot: number): void {
    this.current ??= this.instanceOf(state, state.frames.length - 1);
    const word = 1 << (slot & 31);
    this.noteReads(this.current, pc, frame, slot >> 5, word);
  }

  /** The instruction writes all bytes of a slot. */
  write(frame: number, slot: number): void {
    const at = HALVES * frame + (slot >> 5);
    this.pendingWrites[at] = this.pendingWrites[at]! | (1 << (slot & 31));
  }

  /** The instruction at `pc` has been walked. */
  commit(pc: number): void {
    if (this.current !== undefined) this.noteWrites(this.current, pc, this.pendingWrites);
  }

  /** Lets the facts of every function in the chain of calls flow, the innermost first. */
  update(state: State): void {
    this.current = undefined;
    for (let frame = state.frames.length - 1; frame >= 0; frame--) {
      const instance = this.instanceOf(state, frame);
      if (!instance.changed) continue;
      this.flow(instance);
      instance.changed = false;
      instance.writesLost = false;
    }
  }

  /** Whether a path from a stored state may read a slot. Asked only when all its paths have ended. */
  isLive(state: State, pc: number, frame: number, slot: number): boolean {
    const { frames } = state;
    const top = frames.length - 1;
    const innermost = this.instanceOf(state, top);
    if (innermost.isLive(pc, frame, slot)) return true;
    for (let index = frame; index < top; index++) {
      const { callSite } = frames[index + 1]!;
      // A call that calls back is walked again after the callback.
      const after = this.program.callbackCalls.has(callSite) ? callSite : callSite + 1;
      if (this.instanceOf(state, index).isLive(after, frame, slot)) return true;
    }
    return false;
  }

  private instanceOf(state: State, depth: number): Instance {
    const { subprogram } = state.frames[0]!;
    let instance = this.roots.get(subprogram);
    if (instance === undefined) {
      instance = new Instance(this.program, subprogram, undefined, -1);
      this.roots.set(subprogram, instance);
    }
    for (let index = 1; index <= depth; index++) {
      const frame = state.frames[index]!;
      let callee: Instance | undefined = instance.callees.get(frame.callSite);
      if (callee === undefined) {
        callee = new Instance(this.program, frame.subprogram, instance, frame.callSite);
        instance.callees.set(frame.callSite, callee);
      }
      instance = callee;
    }
    return instance;
  }

  private noteReads(instance: Instance, pc: number, frame: number, half: number, word: number): void {
    const facts = instance.facts(frame);
    const at = HALVES * (pc - instance.start) + half;
    const before = facts.reads[at]!;
    if ((before | word) === before) return;
    facts.reads[at] = before | word;
    if ((facts.reads[at]! & ~facts.live[at]!) !== 0) instance.changed = true;
  }

  /** Slots count as written where every visit wrote them. */
  private noteWrites(instance: Instance, pc: number, writes: Int32Array): void {
    const index = pc - instance.start;
    const seen = instance.visited[index] === 1;
    for (let frame = 0; frame < instance.frames.length; frame++) {
      for (let half = 0; half < HALVES; half++) {
        let word = writes[HALVES * frame + half]!;
        if (word === 0 && (!seen || instance.frames[frame] === undefined)) continue;
        const facts = instance.facts(frame);
        const at = HALVES * index + half;
        const before = facts.writes[at]!;
        if (seen) word &= before;
        if (before === word) continue;
        facts.writes[at] = word;
        instance.changed = true;
        if ((before & ~word) !== 0) instance.writesLost = true;
      }
    }
    instance.visited[index] = 1;
  }

  private flow(instance: Instance): void {
    const order = this.program.postorder[instance.subprogram]!;
    if (instance.writesLost) for (const facts of instance.frames) facts?.allWrites.fill(0);
    let rounds = 0;
    for (let changed = true; changed; ) {
      rounds++;
      changed = false;
      instance.frames.forEach((facts, frame) => {
        if (facts === undefined) return;
        for (const pc of order) if (this.flowBack(instance, facts, { frame, pc })) changed = true;
      });
    }
    this.emit?.({ kind: "liveness", callSites: instance.callSites, start: instance.start, rounds });
    if (instance.outer !== undefined) this.flowOut(instance, instance.outer);
  }

  private flowBack(instance: Instance, facts: FrameFacts, { frame, pc }: { frame: number; pc: number }): boolean {
    const successors = successorsOf(this.program.instructions[pc]!, pc);
    if (successors.length === 0) return false;
    const { reads, writes, allWrites, live } = facts;
    const at = HALVES * (pc - instance.start);
    const old = [live[at]!, live[at + 1]!, allWrites[at]!, allWrites[at + 1]!] as const;
    for (let half = 0; half < HALVES; half++) {
      let after = 0;
      let written = -1;
      for (const next of successors) {
        const there = HALVES * (next - instance.start) + half;
        after |= live[there]!;
        written &= allWrites[there]!;
      }
      live[at + half] = (after & ~writes[at + half]!) | reads[at + half]!;
      allWrites[at + half] = written | writes[at + half]!;
    }
    const now = [live[at]!, live[at + 1]!, allWrites[at]!, allWrites[at + 1]!] as const;
    if (this.emit !== undefined) this.tell(instance, facts, { frame, pc, old, now });
    return old.some((word, index) => word !== now[index]);
  }

  private tell(
    instance: Instance,
    { reads, writes }: FrameFacts,
    { frame, pc, old, now }: { frame: number; pc: number; old: readonly number[]; now: readonly number[] },
  ): void {
    const at = HALVES * (pc - instance.start);
    const notable =
      (reads[at]! | reads[at + 1]! | writes[at]! | writes[at + 1]!) !== 0 ||
      pc === instance.start ||
      this.program.points[pc] !== 0;
    if (!notable) return;
    for (const [name, index] of [
      ["live", 0],
      ["written", 2],
    ] as const) {
      const added = slotsOf(now[index]! & ~old[index]!, now[index + 1]! & ~old[index + 1]!);
      const removed = slotsOf(old[index]! & ~now[index]!, old[index + 1]! & ~now[index + 1]!);
      if (added.length + removed.length === 0) continue;
      const { callSites, start } = instance;
      this.emit?.({ kind: "slots", name, callSites, start, frame, pc, added, removed });
    }
  }

  /** What a called function does to its callers' frames is what its call does. */
  private flowOut(instance: Instance, outer: Instance): void {
    const callSite = instance.callSites.at(-1)!;
    const writes = new Int32Array(HALVES * instance.frames.length);
    for (let frame = 0; frame < outer.frames.length; frame++) {
      const facts = instance.frames[frame];
      if (facts === undefined) continue;
      for (let half = 0; half < HALVES; half++) {
        writes[HALVES * frame + half] = facts.allWrites[half]!;
        this.noteReads(outer, callSite, frame, half, facts.live[half]!);
      }
    }
    this.noteWrites(outer, callSite, writes);
  }
}
