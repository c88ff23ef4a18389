import { describe, expect, it } from "vitest";
import { Progress } from "../src/cli/progress.js";

const watch = (interactive: boolean) => {
  const notes: string[] = [];
  let now = 0;
  const output = { line: () => {}, bytes: () => {}, note: (text: string) => notes.push(text), interactive };
  return { notes, progress: new Progress(output, () => now), wait: (ms: number) => (now += ms) };
};

describe("progress", () => {
  it("is told once a second, and not before a second has passed", () => {
    const { notes, progress, wait } = watch(true);
    const hook = progress.verifying("main");
    for (let i = 0; i < 25; i++) {
      expect(hook({ processedInstructions: 1024 * i, storedStates: i, pendingBranches: 1 })).toBe(false);
      wait(100);
    }
    expect(notes).toEqual([
      "verifying main, 10240 instructions in 1 s so far",
      "verifying main, 20480 instructions in 2 s so far",
    ]);
  });

  it("is not told to a file or a pipe", () => {
    const { notes, progress, wait } = watch(false);
    wait(5000);
    progress.tick(() => "text");
    expect(notes).toEqual([]);
  });
});
