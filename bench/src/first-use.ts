import { readFileSync } from "node:fs";
import type { LoadOptions } from "ebpf";

/*
 * One first use, in a process of its own: what `bench start` measures. The arguments name it, and numbers in JSON come
 * out. It is a file, because Node takes 10 ms longer to import from a module that is given by `-e`; and nothing of ours is
 * imported before the clock runs.
 */

const [, , use, argument = ""] = process.argv;

/** Milliseconds, and milliseconds of processor time. */
const timed = async (work: () => Promise<unknown>): Promise<readonly number[]> => {
  const begin = performance.now();
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return [performance.now() - begin, (user + system) / 1000];
};

/** Loads a program of 95 instructions and runs it, so many times. */
const firstResults = async (options: LoadOptions, copies = 1): Promise<unknown> => {
  const { load } = await import("ebpf");
  const bytes = readFileSync(new URL("../../examples/xdp_firewall.o", import.meta.url));
  return Array.from({ length: copies }, () => {
    const collection = load(bytes, options);
    const { action } = collection.program("xdp_firewall").run({ packet: new Uint8Array(64) });
    if (action !== "XDP_PASS") throw new Error(`the program says ${action}`);
    return collection;
  });
};

/** MiB that are resident with so many loaded objects. */
const resident = async (copies: number): Promise<readonly number[]> => {
  const kept = copies > 0 && (await firstResults({}, copies));
  return [process.memoryUsage.rss() / 2 ** 20, kept === false ? 0 : copies];
};

const USES: Readonly<Record<string, () => Promise<readonly number[]>>> = {
  import: () => timed(() => import(argument)),
  interpreter: () => timed(() => firstResults({ engine: "interpreter" })),
  baseline: () => timed(() => firstResults({ engine: "jit", tier: "baseline" })),
  optimized: () => timed(() => firstResults({ engine: "jit", tier: "optimized" })),
  resident: () => resident(Number(argument)),
};

console.log(JSON.stringify(await USES[use!]!()));
