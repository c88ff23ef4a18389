import type { State } from "../state/state.js";
import type { Walk } from "../walk.js";
import type { StoredState } from "./stored.js";

/*
 * States inside a loop that is still being walked. Where a path was ended because an older state of the loop allows it,
 * what that older state relies on may become known only later, when other paths of the loop end; so such an end is kept as
 * a back edge, and when the loop's first state has no path open any more, the marks of precision flow over the back
 * edges until nothing changes. Until then, states of the loop are compared by all they hold.
 *
 * Loops are told apart by their component in the control flow and by the calls that lead there.
 */

/** Rounds over the back edges; past that, every number counts as precise. */
const MAX_ROUNDS = 64;

/** In the key of a loop that isn't in the control flow. */
const CALLBACK = "callback";

/** A path that ended at a state of the loop that it runs in. */
interface BackEdge {
  readonly state: State;
  readonly pc: number;
  readonly proof: StoredState;
}

interface Visit {
  /** The first state that was stored in the loop; the visit is over when it has no path open. */
  entry: StoredState | undefined;
  edges: BackEdge[];
}

/** The visits of loops. */
export class Loops {
  private readonly visits = new Map<string, Visit>();
  /** Back edges kept now, over all visits that Linux knows of. */
  edges = 0;

  /** A state was stored. */
  enter(walk: Walk, stored: StoredState): void {
    const key = this.keyOf(walk, stored);
    if (key === undefined) return;
    const visit = this.visits.get(key);
    if (visit?.entry !== undefined) return;
    if (visit === undefined) this.visits.set(key, { entry: stored, edges: [] });
    else visit.entry = stored;
    tell(walk, "enter", key);
  }

  /** True while what `stored` relies on may still grow. */
  isOpen(walk: Walk, stored: StoredState): boolean {
    const key = this.keyOf(walk, stored);
    return key !== undefined && (this.visits.get(key)?.edges.length ?? 0) > 0;
  }

  /** The walk's current path ends here because of `proof`, which is in the same loop. */
  addBackEdge(walk: Walk, proof: StoredState): void {
    const key = this.keyOf(walk, proof);
    const visit = key === undefined ? undefined : this.visits.get(key);
    if (key === undefined || visit === undefined) return;
    tell(walk, "backedge", key);
    visit.edges.unshift({ state: walk.state.fork(), pc: walk.pc, proof });
    if (!key.includes(CALLBACK)) this.edges++;
  }

  /** `stored` has no path open any more. */
  leave(walk: Walk, stored: StoredState): void {
    const key = this.keyOf(walk, stored);
    const visit = key === undefined ? undefined : this.visits.get(key);
    if (key === undefined || visit?.entry !== stored) return;
    tell(walk, "exit", key);
    if (key.includes(CALLBACK)) walk.precision.silently(() => propagate(walk, visit.edges));
    else propagate(walk, visit.edges);
    visit.entry = undefined;
    if (!key.includes(CALLBACK)) this.edges -= visit.edges.length;
    visit.edges = [];
  }

  /** The calls that lead to the outermost loop that the state is in, and the loop. */
  private keyOf({ program }: Walk, { state, pc }: StoredState): string | undefined {
    const { frames } = state;
    const callSites: number[] = [];
    for (let index = 0; index < frames.length; index++) {
      const at = index === frames.length - 1 ? pc : frames[index + 1]!.callSite;
      // A call that calls back is a loop of its own: it is walked again after the callback.
      const component = program.components[at]! || (program.callbackCalls.has(at) ? `${CALLBACK} ${at}` : 0);
      if (component !== 0) return [...callSites, component].join(",");
      callSites.push(at);
    }
    return undefined;
  }
}

/** Linux doesn't take the rounds of callbacks for loops, and its log doesn't tell of them. */
const tell = (walk: Walk, step: "enter" | "backedge" | "exit", key: string): void => {
  if (!key.includes(CALLBACK)) walk.emit?.({ kind: "loop", step, key });
};

const propagate = (walk: Walk, edges: readonly BackEdge[]): void => {
  let changed = edges.length > 0;
  for (let round = 0; changed; round++) {
    if (round === MAX_ROUNDS) {
      for (const { state } of edges) walk.precision.markAll(state);
      return;
    }
    changed = false;
    for (const { state, pc, proof } of edges) changed = walk.precision.markFrom(proof, state, pc) || changed;
  }
};
