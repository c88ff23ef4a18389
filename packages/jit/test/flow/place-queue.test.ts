import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PlaceQueue } from "../../src/flow/place-queue.js";

describe("a queue of places", () => {
  it("gives the least of what is in it", () => {
    fc.assert(
      fc.property(fc.array(fc.option(fc.nat({ max: 50 }))), (actions) => {
        const queue = new PlaceQueue();
        const held: number[] = [];
        for (const action of actions) {
          if (action !== null) {
            queue.add(action);
            held.push(action);
            held.sort((a, b) => a - b);
          } else expect(queue.take()).toBe(held.shift());
        }
        while (held.length > 0) expect(queue.take()).toBe(held.shift());
        expect(queue.take()).toBeUndefined();
      }),
      { seed: 1, numRuns: 500 },
    );
  });
});
