import { parentPort, workerData } from "node:worker_threads";
import { Coverage } from "./coverage.js";
import { failureOn, memoryFailure } from "./failure.js";
import { minimiseBytes } from "./minimise.js";
import { MAX_INPUT, mutate } from "./mutate.js";
import { type ByteMessage, type ByteTask, WINDOW } from "./protocol.js";
import { Random } from "./random.js";
import { BYTE_TARGETS, type ByteTarget } from "./targets.js";

const task = workerData as ByteTask;
const target: ByteTarget =
  task.module === undefined
    ? BYTE_TARGETS[task.target]
    : ((await import(task.module)) as { readonly default: ByteTarget }).default;
const words = new Int32Array(task.window, 0, WINDOW.words);
const window = new Uint8Array(task.window, 4 * WINDOW.words);
const post = (message: ByteMessage): void => parentPort?.postMessage(message);

/** Milliseconds after which a run is looked at for the memory it holds. */
const SLOW = 50;

/** Runs of a parser that making a finding small may take. */
const ATTEMPTS = 2000;

/** Runs an input where the main thread can see it, should it never return. */
const failure = (input: Uint8Array): ReturnType<typeof failureOn> => {
  window.set(input);
  Atomics.store(words, WINDOW.length, input.length);
  Atomics.add(words, WINDOW.runs, 1);
  Atomics.store(words, WINDOW.busy, 1);
  const started = performance.now();
  const failed = failureOn(target, input);
  Atomics.store(words, WINDOW.busy, 0);
  return failed ?? (performance.now() - started > SLOW ? memoryFailure() : undefined);
};

/** Inputs, of which the newer ones are mutated more often. */
const choose = (corpus: readonly Uint8Array[], random: Random): Uint8Array => {
  const recent = random.below(2) === 0 ? Math.ceil(corpus.length / 4) : corpus.length;
  return corpus[corpus.length - 1 - random.below(recent)] ?? new Uint8Array();
};

const known = new Set(task.known);

const report = async (key: string, detail: string, input: Uint8Array): Promise<void> => {
  if (known.has(key)) return;
  known.add(key);
  const smallest = await minimiseBytes(input, (candidate) => failure(candidate)?.key === key, ATTEMPTS);
  post({ kind: "finding", finding: { key, detail, input: smallest } });
};

/**
 * Runs between two questions for coverage: each costs milliseconds, as V8 walks its whole heap for the answer, and most
 * of the time there is nothing new.
 */
const BATCH = 64;

const fuzz = async (): Promise<never> => {
  const random = new Random(task.seed);
  // Parsers are in other packages: what the fuzzer itself runs through is no news.
  const own = new URL("..", import.meta.url).href;
  const coverage = new Coverage({ include: (url) => url.startsWith("file:") && !url.startsWith(own) });
  const corpus: Uint8Array[] = [];
  const runBatch = async (inputs: readonly Uint8Array[]): Promise<void> => {
    for (const input of inputs) {
      const failed = failure(input);
      if (failed !== undefined) await report(failed.key, failed.detail, input);
    }
    if (!coverage.isNew("many")) return;
    for (const input of inputs) {
      failure(input);
      if (!coverage.isNew("one")) continue;
      corpus.push(input);
      post({ kind: "interesting", input });
    }
  };
  await runBatch([...task.seeds, ...target.seeds()].map((seed) => seed.slice(0, MAX_INPUT)));
  for (;;) {
    await runBatch(Array.from({ length: BATCH }, () => mutate(choose(corpus, random), random, choose(corpus, random))));
    post({ kind: "covered", layouts: coverage.size });
    // Messages get their turn.
    await new Promise((resolve) => setImmediate(resolve));
  }
};

if (task.once) {
  failure(task.seeds[0] ?? new Uint8Array());
  post({ kind: "ran" });
} else await fuzz();
