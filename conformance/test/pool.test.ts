import { describe, expect, it } from "vitest";
import { runJobs } from "../src/pool.js";

const OPTIONS = {
  script: new URL("./support/echo-worker.mjs", import.meta.url),
  size: 2,
  timeLimit: 1500,
  memoryLimit: 32,
};

describe("the pool of workers", () => {
  it("returns results in the order of jobs, and goes on after hangs and crashes", async () => {
    const jobs = ["a", "hang", "b", "throw", "start, then hang", "exit", "fill memory", "c", "d"];
    const ends = await runJobs<string, string>(jobs, OPTIONS);
    expect(ends.map((end) => (end.kind === "done" ? end.result : end.kind))).toEqual([
      "a!",
      "timeout",
      "b!",
      "crashed",
      "timeout",
      "crashed",
      "crashed",
      "c!",
      "d!",
    ]);
    const messages = ends.flatMap((end) => (end.kind === "crashed" ? [end.message] : []));
    expect(messages[0]).toContain("thrown in the worker");
    expect(messages[1]).toContain("code 3");
    expect(messages[2]).toContain("memory");
  });

  it("has nothing to do without jobs", async () => {
    expect(await runJobs<string, string>([], OPTIONS)).toEqual([]);
  });
});
