import { Worker } from "node:worker_threads";
import { type CaseJson, caseFromJson, caseToJson } from "../fuzz-case.js";
import { caseAt } from "./batch.js";
import { CAMPAIGNS } from "./campaigns.js";
import { type BatchReport, type CaseFinding, HEARTBEAT, type WorkerMessage, type WorkerTask } from "./protocol.js";
import { atMost, Watchdog } from "./watchdog.js";

export interface FuzzOptions {
  /** The name of the oracle, one of `ORACLES`. */
  readonly oracle: string;
  /** Seconds. */
  readonly time: number;
  readonly seed: number;
  /** Threads; 1 when absent. */
  readonly workers?: number;
  /** Seconds of processor time that one case may take; 10 when absent. */
  readonly caseTime?: number;
  /** Cases to mutate. */
  readonly seeds?: readonly CaseJson[];
  /** Called with each new finding. */
  readonly onFinding?: (finding: CaseFinding) => void;
  /** Called with cases that showed something new. */
  readonly onInteresting?: (fuzzCase: CaseJson) => void;
}

/** What a run of the fuzzer found. */
export interface FuzzReport {
  readonly oracle: string;
  readonly runs: number;
  /** Cases a second. */
  readonly rate: number;
  readonly findings: readonly CaseFinding[];
  /** How often each outcome was had. */
  readonly notes: Readonly<Record<string, number>>;
  /** Why nothing could be run; absent when something was. */
  readonly skipped?: string;
}

/** Names of the oracles that can be run. */
export const ORACLES: readonly string[] = Object.keys(CAMPAIGNS);

/** Everything that the threads have told so far. */
class Tally {
  runs = 0;
  skipped: string | undefined;
  readonly notes: Record<string, number> = {};
  readonly findings = new Map<string, CaseFinding>();
  readonly #options: FuzzOptions;

  constructor(options: FuzzOptions) {
    this.#options = options;
  }

  add({ runs, notes, findings, interesting }: BatchReport): void {
    this.runs += runs;
    for (const [note, count] of Object.entries(notes)) this.notes[note] = (this.notes[note] ?? 0) + count;
    for (const finding of findings) this.found(finding);
    for (const fuzzCase of interesting) this.#options.onInteresting?.(fuzzCase);
  }

  found(finding: CaseFinding): void {
    const before = this.findings.get(finding.key);
    if (before === undefined) {
      this.findings.set(finding.key, finding);
      this.#options.onFinding?.(finding);
      return;
    }
    const smaller = finding.case.code.length < before.case.code.length ? finding : before;
    this.findings.set(finding.key, { ...smaller, count: before.count + finding.count });
  }
}

/** The entry of worker threads, from where the build puts this code: the root of `dist`. */
const WORKER = "./runner/worker.js";

/** Milliseconds to wait for a thread's end. */
const END_TIME = 5000;

/** One thread, started again whenever it dies or hangs. */
class Thread {
  readonly #options: FuzzOptions;
  readonly #tally: Tally;
  readonly #index: number;
  readonly #heartbeat = new Int32Array(new SharedArrayBuffer(4 * HEARTBEAT.words));
  readonly #watchdog: Watchdog;
  readonly #caseTime: number;
  #worker: Worker | undefined;
  #batch = 0;
  #ended = false;
  #failure: Error | undefined;

  constructor(options: FuzzOptions, tally: Tally, index: number) {
    this.#options = options;
    this.#tally = tally;
    this.#index = index;
    this.#caseTime = options.caseTime ?? 10;
    this.#watchdog = new Watchdog(this.#caseTime, options.workers ?? 1);
    this.#start();
  }

  #start(): void {
    const { oracle, seed, seeds = [] } = this.#options;
    const known = [...this.#tally.findings.keys()];
    const heartbeat = this.#heartbeat.buffer as SharedArrayBuffer;
    const task: WorkerTask = { oracle, seed, worker: this.#index, batch: this.#batch, known, seeds, heartbeat };
    const worker = new Worker(new URL(WORKER, import.meta.url), {
      workerData: task,
      resourceLimits: { maxOldGenerationSizeMb: 1024 },
    });
    this.#worker = worker;
    this.#watchdog.restart();
    worker.on("message", (message: WorkerMessage) => this.#receive(message));
    const before = this.#heartbeat[HEARTBEAT.beats];
    worker.on("error", (error) => {
      // A thread that dies before its first case is no finding, and the next would die as well.
      if (this.#heartbeat[HEARTBEAT.beats] === before) this.#failure = error;
      else {
        this.#died("crash", error.stack ?? error.message);
        this.#goOn();
      }
    });
  }

  #receive(message: WorkerMessage): void {
    if (message.kind === "unavailable") {
      this.#tally.skipped = message.reason;
      this.#ended = true;
      return;
    }
    this.#batch = message.report.batch + 1;
    this.#tally.add(message.report);
  }

  /** The case that the thread was at becomes a finding. */
  #died(what: "crash" | "hang" | "silence", detail: string): void {
    if (this.#ended) return;
    const origin = { seed: this.#heartbeat[HEARTBEAT.seed]!, index: this.#heartbeat[HEARTBEAT.index]! };
    const { oracle, seeds = [] } = this.#options;
    const fuzzCase = caseToJson(caseAt(CAMPAIGNS[oracle]!(seeds.map(caseFromJson)).cases, origin));
    const key = `${what}: ${detail.split("\n")[0]}`;
    this.#tally.found({ oracle, key, detail, origin, count: 1, case: fuzzCase });
  }

  /** A new thread goes on behind the batch that the last one was at. */
  #goOn(): void {
    if (this.#ended) return;
    this.#batch++;
    this.#start();
  }

  /** Ends the thread when its case takes too long; throws when threads can't be started. */
  async watch(): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#ended) return;
    const state = this.#watchdog.check(this.#heartbeat[HEARTBEAT.beats]!);
    if (state === "alive") return;
    if (state === "hangs") {
      await this.#terminate();
      this.#died("hang", `a case takes more than ${this.#caseTime} s`);
      this.#goOn();
      return;
    }
    // Nothing that runs is so still: the kernel may have killed the thread, and the next one would not do better.
    this.#died("silence", "the thread gives no sign; look at the kernel's messages");
    await this.end();
  }

  async #terminate(): Promise<void> {
    if (this.#worker === undefined) return;
    await atMost(END_TIME, this.#worker.terminate());
    // One that didn't end must not keep the process.
    this.#worker.unref();
  }

  get ended(): boolean {
    return this.#ended;
  }

  async end(): Promise<void> {
    this.#ended = true;
    await this.#terminate();
  }
}

/**
 * Runs one oracle in worker threads for a while. The same seed and number of workers give the same cases, in the same
 * order in each worker. Nothing that a case does ends the run: crashes and cases that take too long are findings.
 */
export const fuzz = async (options: FuzzOptions): Promise<FuzzReport> => {
  const started = Date.now();
  const deadline = started + 1000 * options.time;
  const tally = new Tally(options);
  const threads = Array.from({ length: options.workers ?? 1 }, (_, index) => new Thread(options, tally, index));
  try {
    while (Date.now() < deadline && threads.some(({ ended }) => !ended)) {
      await new Promise((resolve) => setTimeout(resolve, Math.min(500, Math.max(1, deadline - Date.now()))));
      for (const thread of threads) await thread.watch();
    }
  } finally {
    for (const thread of threads) await thread.end();
  }
  const seconds = (Date.now() - started) / 1000;
  return {
    oracle: options.oracle,
    runs: tally.runs,
    rate: Math.round((tally.runs / seconds) * 10) / 10,
    findings: [...tally.findings.values()],
    notes: tally.notes,
    ...(tally.skipped !== undefined && { skipped: tally.skipped }),
  };
};
