import { describe, expect, it } from "vitest";
import { atMost, Watchdog } from "../../src/runner/watchdog.js";

/** A clock that stands until it is moved. */
const standing = () => {
  const now = { wall: 0, processor: 0 };
  return { now, clock: { wall: () => now.wall, processor: () => now.processor } };
};

describe("a watchdog", () => {
  it("lets a thread live whose heart beats, however long it takes", () => {
    const { now, clock } = standing();
    const dog = new Watchdog(10, 1, clock);
    for (let beats = 1; beats < 5; beats++) {
      now.wall += 1000;
      now.processor += 1000;
      expect(dog.check(beats)).toBe("alive");
    }
  });

  it("says that a case hangs when it takes too much processor time", () => {
    const { now, clock } = standing();
    const dog = new Watchdog(10, 2, clock);
    dog.check(1);
    now.processor = 20;
    expect(dog.check(1)).toBe("alive");
    now.processor = 21;
    expect(dog.check(1)).toBe("hangs");
    dog.restart();
    expect(dog.check(1)).toBe("alive");
  });

  it("says that a thread is silent when it lasts very long and takes no time", () => {
    const { now, clock } = standing();
    const dog = new Watchdog(10, 1, clock);
    dog.check(1);
    now.wall = 120;
    expect(dog.check(1)).toBe("alive");
    now.wall = 121;
    expect(dog.check(1)).toBe("silent");
  });
});

describe("atMost", () => {
  it("waits for what ends, and not for what doesn't", async () => {
    let ended = false;
    await atMost(
      10_000,
      Promise.resolve().then(() => {
        ended = true;
      }),
    );
    expect(ended).toBe(true);
    const never = new Promise(() => {});
    await expect(Promise.race([never, atMost(5, never).then(() => "gone on")])).resolves.toBe("gone on");
  });
});
