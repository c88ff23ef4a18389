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
  /** Instructions whose facts, or whose successors' facts, have changed since they were last looked at, as bits in postorder. */
  readonly dirty: Int32Array;

  constructor(length: number) {
    this.dirty = new Int32Array((length + 31) >> 5).fill(-1);
    this.reads = new Int32Array(HALVES * length);
    this.writes = new Int32Array(HALVES * length);
    this.allWrites = new Int32Array(HALVES * length);
    this.live = new Int32Array(HALVES * length);
  }

  /** @param at the instruction's place in its function's postorder, or -1 */
  soil(at: number): void {
    if (at >= 0) this.dirty[at >> 5]! |= 1 << (at & 31);
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
  /** Some frame has facts. */
  noted = false;
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
      this.noted = true;
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

/** What is live, and what is written on all ways: a slot set each. */
type SlotWords = readonly [number, number, number, number];
const NO_SLOTS: SlotWords = [0, 0, 0, 0];

const wordsAt = ({ live, allWrites }: FrameFacts, at: number): SlotWords => [
  live[at]!,
  live[at + 1]!,
  allWrites[at]!,
  allWrites[at + 1]!,
];

/** The stack accesses of a walk, and what follows from them. */
export class StackLiveness {
  private readonly program: Program;
  private readonly roots = new Map<number, Instance>();
  private readonly emit: WalkEmit | undefined;
  /** The instance of the running function; looked up again when the chain of calls changes. */
  private current: Instance | undefined;
  /** Slots that the current instruction writes, by frame: two words each. */
  private readonly pendingWrites = new Int32Array(HALVES * 9);
  private writes = false;

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
    if (!this.writes) return;
    this.pendingWrites.fill(0);
    this.writes = false;
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
    this.writes = true;
  }

  /** The instruction at `pc` has been walked. */
  commit(pc: number): void {
    const { current } = this;
    if (current === undefined) return;
    // Most instructions write nothing, in functions where nothing is known to be written.
    if (this.writes || current.noted) this.noteWrites(current, pc, this.pendingWrites);
    else current.visited[pc - current.start] = 1;
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
    facts.soil(this.program.places[pc]!);
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
        facts.soil(this.program.places[pc]!);
        instance.changed = true;
        if ((before & ~word) !== 0) instance.writesLost = true;
      }
    }
    instance.visited[index] = 1;
  }

  private flow(instance: Instance): void {
    const order = this.program.postorder[instance.subprogram]!;
    if (instance.writesLost) {
      for (const facts of instance.frames) {
        facts?.allWrites.fill(0);
        facts?.dirty.fill(-1);
      }
    }
    let rounds = 0;
    for (let changed = true; changed; ) {
      rounds++;
      changed = false;
      instance.frames.forEach((facts, frame) => {
        if (facts !== undefined && this.flowThrough(instance, facts, frame, order)) changed = true;
      });
    }
    this.emit?.({ kind: "liveness", callSites: instance.callSites, start: instance.start, rounds });
    if (instance.outer !== undefined) this.flowOut(instance, instance.outer);
  }

  /** Looks once at each instruction that needs it, in postorder; tells whether facts changed. */
  private flowThrough(instance: Instance, facts: FrameFacts, frame: number, order: readonly number[]): boolean {
    const { dirty } = facts;
    let changed = false;
    for (let word = 0; word < dirty.length; word++) {
      // What gets dirty behind the bit that is looked at is seen in this round, the rest in the next.
      for (let rest = dirty[word]!; rest !== 0; ) {
        const bit = 31 - Math.clz32(rest & -rest);
        dirty[word]! &= ~(1 << bit);
        const pc = order[32 * word + bit];
        if (pc !== undefined && this.flowBack(instance, facts, frame, pc)) changed = true;
        rest = dirty[word]! & (-2 << bit);
      }
    }
    return changed;
  }

  /** Looks at one instruction; when its facts change, those of its predecessors may change too. */
  private flowBack(instance: Instance, facts: FrameFacts, frame: number, pc: number): boolean {
    const { places, flow } = this.program;
    const { next, target, predecessors, from } = flow;
    const { start } = instance;
    if (next[pc]! < 0) return false;
    const { reads, writes, allWrites, live } = facts;
    const at = HALVES * (pc - start);
    const behind = HALVES * (next[pc]! - start);
    const there = target[pc]! < 0 ? behind : HALVES * (target[pc]! - start);
    const old: SlotWords = this.emit === undefined ? NO_SLOTS : wordsAt(facts, at);
    let changed = false;
    for (let half = 0; half < HALVES; half++) {
      const after = live[behind + half]! | live[there + half]!;
      const before = (after & ~writes[at + half]!) | reads[at + half]!;
      const written = (allWrites[behind + half]! & allWrites[there + half]!) | writes[at + half]!;
      changed ||= before !== live[at + half] || written !== allWrites[at + half];
      live[at + half] = before;
      allWrites[at + half] = written;
    }
    if (!changed) return false;
    for (let index = from[pc]!; index < from[pc + 1]!; index++) facts.soil(places[predecessors[index]!]!);
    if (this.emit !== undefined) this.tell(instance, facts, { frame, pc, old });
    return true;
  }

  private tell(
    instance: Instance,
    facts: FrameFacts,
    { frame, pc, old }: { frame: number; pc: number; old: SlotWords },
  ): void {
    const { reads, writes } = facts;
    const at = HALVES * (pc - instance.start);
    const now = wordsAt(facts, at);
    const notable =
      (reads[at]! | reads[at + 1]! | writes[at]! | writes[at + 1]!) !== 0 ||
      pc === instance.start ||
      this.program.points[pc] !== 0;
    if (!notable) return;
    for (const [name, index] of [
      ["live", 0],
      ["written", 2],
    ] as const) {
      const [low, high] = [index, (index + 1) as 1 | 3];
      const added = slotsOf(now[low] & ~old[low], now[high] & ~old[high]);
      const removed = slotsOf(old[low] & ~now[low], old[high] & ~now[high]);
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
