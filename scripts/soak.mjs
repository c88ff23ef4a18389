// Gives parsers mutated inputs and counts what comes of them: node scripts/soak.mjs btf|elf [inputs] [seed]
// Needs the built packages (`node scripts/setup.mjs`). Each input has to give values or typed errors, within a second of
// processor time and 256 MB; whatever else happens is printed with the input, and the script then ends with status 1.

import { fileURLToPath } from "node:url";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { isEbpfError } from "../packages/core/dist/index.js";
import { randomFrom } from "./soak/mutate.mjs";

const MAX_TIME = 1000;
const MAX_MEGABYTES = 256;
/** Milliseconds after which an input that doesn't end is given up, and after which one is looked at for its memory. */
const HANG = 30_000;
const SLOW = 20;

/** Runs the inputs; the current one is always to be seen from outside. */
const soak = async ({ target, inputs, seed, current }) => {
  const { default: parser } = await import(target);
  const random = randomFrom(seed);
  const counts = { values: 0, errors: 0, failures: 0, slowest: 0, buffers: 0 };
  const fail = (what, input) => {
    counts.failures++;
    console.log(what, ...input.map((bytes) => Buffer.from(bytes).toString("hex")));
  };
  for (let i = 0; i < inputs; i++) {
    const input = parser.next(random);
    const attempt = (run) => {
      try {
        run();
        counts.values++;
      } catch (error) {
        if (isEbpfError(error)) counts.errors++;
        else fail(error, input);
      }
    };
    Atomics.store(current, 0, i);
    const before = process.cpuUsage();
    attempt(() => parser.use(input, attempt, i % parser.every === 0));
    const { user, system } = process.cpuUsage(before);
    const time = (user + system) / 1000;
    counts.slowest = Math.max(counts.slowest, time);
    if (time > MAX_TIME) fail(`${time} ms`, input);
    if (time < SLOW) continue;
    const buffers = process.memoryUsage().arrayBuffers / 2 ** 20;
    counts.buffers = Math.max(counts.buffers, buffers);
    if (buffers > MAX_MEGABYTES) fail(`${buffers} MB of buffers`, input);
  }
  return counts;
};

/** Watches the thread that runs the inputs, for none of them may end it or keep it. */
const watch = async (options) => {
  const current = new Int32Array(new SharedArrayBuffer(4));
  const worker = new Worker(fileURLToPath(import.meta.url), {
    workerData: { ...options, current },
    resourceLimits: { maxOldGenerationSizeMb: MAX_MEGABYTES },
  });
  const end = await new Promise((resolve) => {
    let last = -1;
    const timer = setInterval(() => {
      const now = Atomics.load(current, 0);
      if (now === last) resolve({ failures: 1, why: `input ${now} hangs` });
      last = now;
    }, HANG);
    worker.on("message", resolve);
    worker.on("error", (error) => resolve({ failures: 1, why: `input ${Atomics.load(current, 0)}: ${error.message}` }));
    worker.on("exit", () => clearInterval(timer));
  });
  await worker.terminate();
  return end;
};

if (!isMainThread) {
  parentPort.postMessage(await soak(workerData));
} else {
  const [name = "btf", inputs = "1000000", seed = "625341585"] = process.argv.slice(2);
  const begin = performance.now();
  // A name stands for one of ours; anything with a slash is a module of the same kind.
  const target = name.includes("/") ? new URL(name, `file://${process.cwd()}/`).href : `./soak/${name}.mjs`;
  const end = await watch({ target, inputs: Number(inputs), seed: Number(seed) });
  const seconds = ((performance.now() - begin) / 1000).toFixed(0);
  if (end.why !== undefined) console.log(end.why);
  else {
    const { values, errors, slowest, buffers } = end;
    console.log(
      `${name}, ${inputs} inputs in ${seconds} s: ${values} values, ${errors} typed errors, ${end.failures} failures`,
    );
    console.log(
      `slowest input ${slowest.toFixed(0)} ms of processor time, at most ${buffers.toFixed(0)} MB of buffers`,
    );
  }
  process.exit(end.failures === 0 ? 0 : 1);
}
