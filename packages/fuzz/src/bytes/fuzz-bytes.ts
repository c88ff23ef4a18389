import { Worker } from "node:worker_threads";
import { minimiseBytes } from "./minimise.js";
import { MAX_INPUT } from "./mutate.js";
import { type ByteFinding, type ByteMessage, type ByteTask, WINDOW } from "./protocol.js";
import type { ByteTargetName } from "./targets.js";

export interface ByteFuzzOptions {
  readonly target: ByteTargetName;
  /** URL of a module whose default export is the parser, instead of the one that `target` names. */
  readonly module?: string;
  /** Inputs to begin with, beside the target's own. */
  readonly seeds?: readonly Uint8Array[];
  readonly seed: number;
  /** Seconds. */
  readonly time: number;
  /** Seconds that the parser may take for one input; 2 when absent. */
  readonly caseTime?: number;
  /** Called with each new finding, made small. */
  readonly onFinding?: (finding: ByteFinding) => void;
  /** Called with inputs that reached something new. */
  readonly onInteresting?: (input: Uint8Array) => void;
}

/** What a run found. */
export interface ByteFuzzReport {
  readonly target: ByteTargetName;
  readonly runs: number;
  /** Inputs a second. */
  readonly rate: number;
  readonly findings: readonly ByteFinding[];
  /** Inputs that reached something new. */
  readonly corpus: number;
  /** Different ways through functions that were seen, in the thread that saw most. */
  readonly layouts: number;
}

/** Megabytes of heap that a parser may use. */
const MEMORY_LIMIT = 256;

/** Inputs that are tried to make a hang or a use of all memory smaller: each costs a thread. */
const ATTEMPTS = 24;

const SCRIPT = "./bytes/bytes-worker.js";

type End = "timeout" | "memory" | "crash" | "hang" | "ran";

/** A thread that runs a target, watched from outside. */
class Run {
  readonly window = new SharedArrayBuffer(4 * WINDOW.words + MAX_INPUT);
  readonly #words = new Int32Array(this.window, 0, WINDOW.words);
  readonly #task: Omit<ByteTask, "window">;
  detail = "";

  constructor(task: Omit<ByteTask, "window">) {
    this.#task = task;
  }

  get runs(): number {
    return Atomics.load(this.#words, WINDOW.runs);
  }

  /** The input that runs, or ran last. */
  get input(): Uint8Array {
    return new Uint8Array(this.window, 4 * WINDOW.words, Atomics.load(this.#words, WINDOW.length)).slice();
  }

  /** Runs until the time is over or the thread ends, hangs or dies. Times in milliseconds. */
  async until(time: number, caseTime: number, onMessage: (message: ByteMessage) => void): Promise<End> {
    const worker = new Worker(new URL(SCRIPT, import.meta.url), {
      workerData: { ...this.#task, window: this.window } satisfies ByteTask,
      resourceLimits: { maxOldGenerationSizeMb: MEMORY_LIMIT },
    });
    const end = await new Promise<End>((resolve) => {
      const finished = setTimeout(() => resolve("timeout"), time);
      let last = 0;
      const watch = setInterval(() => {
        const current = Atomics.load(this.#words, WINDOW.busy) === 1 ? this.runs : 0;
        if (current !== 0 && current === last) resolve("hang");
        last = current;
      }, caseTime);
      worker.on("message", (message: ByteMessage) => {
        onMessage(message);
        if (message.kind === "ran") resolve("ran");
      });
      worker.on("error", (error: NodeJS.ErrnoException) => {
        this.detail = error.stack ?? String(error);
        resolve(error.code === "ERR_WORKER_OUT_OF_MEMORY" ? "memory" : "crash");
      });
      worker.on("exit", () => {
        clearTimeout(finished);
        clearInterval(watch);
        resolve("crash");
      });
    });
    await worker.terminate();
    return end;
  }
}

const DETAILS: Readonly<Partial<Record<End, string>>> = {
  hang: "it takes too long",
  memory: `it takes more than ${MEMORY_LIMIT} MB`,
  crash: "it ends the thread",
};

/** How much longer an input is given when it is run alone: on a busy machine the thread may just not have had its turn. */
const PATIENCE = 5;

/** How a thread ends that runs one input only. */
const runAlone = (target: Pick<ByteTask, "target" | "module">, input: Uint8Array, caseTime: number): Promise<End> =>
  new Run({ ...target, seed: 0, seeds: [input], known: [], once: true }).until(
    MAX_START + 2 * PATIENCE * caseTime,
    PATIENCE * caseTime,
    () => {},
  );

/** Milliseconds that a thread may take to start. */
const MAX_START = 20_000;

/**
 * Feeds a parser with mutations of inputs, keeping those that reach something new, and collects the inputs that make it
 * do anything but return a value or throw a typed error. Runs in a thread of its own, from the build.
 */
export const fuzzBytes = async (options: ByteFuzzOptions): Promise<ByteFuzzReport> => {
  const { target, module, seed, time, onFinding, onInteresting } = options;
  const caseTime = 1000 * (options.caseTime ?? 2);
  const started = Date.now();
  const deadline = started + 1000 * time;
  const findings = new Map<string, ByteFinding>();
  const corpus: Uint8Array[] = [...(options.seeds ?? [])];
  let [runs, layouts, interesting] = [0, 0, 0];
  const found = (finding: ByteFinding): void => {
    if (findings.has(finding.key)) return;
    findings.set(finding.key, finding);
    onFinding?.(finding);
  };
  const onMessage = (message: ByteMessage): void => {
    if (message.kind === "finding") found(message.finding);
    else if (message.kind === "covered") layouts = Math.max(layouts, message.layouts);
    else if (message.kind === "interesting") {
      corpus.push(message.input);
      interesting++;
      onInteresting?.(message.input);
    }
  };
  for (let round = 0; Date.now() < deadline; round++) {
    const run = new Run({
      target,
      module,
      seed: seed + round,
      seeds: corpus,
      known: [...findings.keys()],
      once: false,
    });
    const end = await run.until(deadline - Date.now(), caseTime, onMessage);
    runs += run.runs;
    const keyOf = (how: End): string => `${target}: ${DETAILS[how]}`;
    if (DETAILS[end] === undefined || findings.has(keyOf(end))) continue;
    const { input } = run;
    // Given more time, what looked like a hang may turn out to use up the memory, or to be nothing.
    const alone = await runAlone({ target, module }, input, caseTime);
    const detail = DETAILS[alone];
    const key = keyOf(alone);
    if (detail === undefined || findings.has(key)) continue;
    const failsAlike = async (candidate: Uint8Array) =>
      (await runAlone({ target, module }, candidate, caseTime)) === alone;
    // No thread survives such an input, so that every try takes one.
    found({ key, detail: run.detail || detail, input: await minimiseBytes(input, failsAlike, ATTEMPTS) });
  }
  return {
    target,
    runs,
    rate: Math.round(runs / ((Date.now() - started) / 1000)),
    findings: [...findings.values()],
    corpus: interesting,
    layouts,
  };
};
