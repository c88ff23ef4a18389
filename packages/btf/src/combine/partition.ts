import type { Btf } from "../btf.js";
import { BtfError } from "../errors.js";
import { forEachReference, mapReferences } from "../references.js";

/** References that may be compared for each that there is: real types settle in a few rounds. */
const ROUNDS = 256;

/**
 * Sorts types into classes of equal ones: same kind, name and numbers, and references to equal types. Types may refer to
 * each other in circles, so all that look alike begin in one class, and classes are split until no two types of a class
 * refer to different ones.
 *
 * Of a class that falls apart the largest part keeps its number, so that a type seldom has to be looked at again.
 *
 * @param redirect ids to be read as others, in references and as types
 * @returns the class of each id
 * @throws BtfError `LIMIT` for types that were made to be split again and again.
 */
export const partition = (btf: Btf, redirect: ReadonlyMap<number, number>): Uint32Array => {
  const types = new TypeGraph(btf, redirect);
  const classes = new Uint32Array(btf.typeCount);
  const members: Set<number>[] = [];
  for (const ids of groupBy(types.ids, (id) => types.ownSignature(id)).values()) {
    for (const id of ids) classes[id] = members.length;
    members.push(new Set(ids));
  }
  let queue = new Set(types.ids);
  let budget = ROUNDS * (types.referenceCount + 1024);
  while (queue.size > 0) {
    const next = new Set<number>();
    for (const [classId, queued] of groupBy(queue, (id) => classes[id]!)) {
      if (members[classId]!.size === 1) continue;
      const groups = groupBy(queued, (id) => {
        budget -= types.references(id).length + 1;
        return types
          .references(id)
          .map((to) => classes[to])
          .join();
      });
      if (budget < 0) throw new BtfError("LIMIT", "types that can't be told apart in reasonable time");
      const parts = split(members[classId]!, queued, [...groups.values()]);
      members[classId] = parts[0]!;
      for (const part of parts.slice(1)) {
        for (const id of part) {
          classes[id] = members.length;
          for (const referrer of types.referrers(id)) next.add(referrer);
        }
        members.push(part);
      }
    }
    queue = next;
  }
  return classes;
};

/** The parts of a class, the largest first. Those of its ids that aren't in `queued` are one part. */
const split = (whole: Set<number>, queued: readonly number[], groups: readonly number[][]): Set<number>[] => {
  for (const id of queued) whole.delete(id);
  const parts = groups.map((group) => new Set(group));
  if (whole.size > 0) parts.push(whole);
  return parts.sort((a, b) => b.size - a.size);
};

const groupBy = <K>(ids: Iterable<number>, keyOf: (id: number) => K): Map<K, number[]> => {
  const groups = new Map<K, number[]>();
  for (const id of ids) {
    const key = keyOf(id);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [id]);
    else group.push(id);
  }
  return groups;
};

/** What refers to what, in both directions. */
class TypeGraph {
  readonly ids: readonly number[];
  readonly referenceCount: number;
  readonly #btf: Btf;
  readonly #references: (readonly number[])[] = [];
  readonly #referrers: number[][] = [];

  constructor(btf: Btf, redirect: ReadonlyMap<number, number>) {
    this.#btf = btf;
    this.ids = Array.from({ length: btf.typeCount }, (_, id) => id).filter((id) => !redirect.has(id));
    let count = 0;
    for (let id = 0; id < btf.typeCount; id++) this.#referrers.push([]);
    for (let id = 0; id < btf.typeCount; id++) {
      const references: number[] = [];
      forEachReference(btf.type(id), (to) => {
        references.push(redirect.get(to) ?? to);
      });
      this.#references.push(references);
      if (redirect.has(id)) continue;
      for (const to of references) this.#referrers[to]!.push(id);
      count += references.length;
    }
    this.referenceCount = count;
  }

  references(id: number): readonly number[] {
    return this.#references[id]!;
  }

  referrers(id: number): readonly number[] {
    return this.#referrers[id]!;
  }

  /** All of a type but where its references lead. Variables and sections are each their own. */
  ownSignature(id: number): string {
    const type = this.#btf.type(id);
    return type.kind === "var" || type.kind === "datasec" ? `${id}` : signatureOf(this.#btf, id);
  }
}

/** All of a type but where its references lead, as text. */
export const signatureOf = (btf: Btf, id: number): string =>
  JSON.stringify(
    mapReferences(btf.type(id), () => 0),
    (_, value: unknown) => (typeof value === "bigint" ? `${value}` : value),
  );
