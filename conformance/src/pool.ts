import { Worker } from "node:worker_threads";
import { invariant } from "@ebpf/core";
import { describeCrash } from "./judgement.js";

/** What a worker says: that the part with the time limit begins, or what came out. */
export type WorkerMessage<Result> = { readonly started: true } | { readonly result: Result };

/** How a job ended. */
export type JobEnd<Result> =
  | { readonly kind: "done"; readonly result: Result }
  | { readonly kind: "timeout" }
  | { readonly kind: "crashed"; readonly message: string };

export interface PoolOptions {
  /** The worker's script. It is posted one job at a time, and answers with `WorkerMessage`s. */
  readonly script: URL;
  /** Workers at one time. */
  readonly size: number;
  /** Milliseconds that a job may take, from when it is given and again from when it says that it has started. */
  readonly timeLimit: number;
  /** Megabytes of heap that a worker may have. */
  readonly memoryLimit: number;
}

/** A worker, and what to do with the answer to the job that it has. */
interface Running<Result> {
  readonly worker: Worker;
  answer: (message: WorkerMessage<Result> | { readonly crash: string }) => void;
}

/**
 * One seat of the pool: a worker and, when that one had to be ended, its successor. Work in a worker is synchronous, so
 * that ending it is the only way to stop it.
 */
class Seat<Job, Result> {
  readonly #options: PoolOptions;
  #running: Running<Result> | undefined;

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  #start(): Running<Result> {
    const { script, memoryLimit } = this.#options;
    const worker = new Worker(script, { resourceLimits: { maxOldGenerationSizeMb: memoryLimit } });
    const running: Running<Result> = { worker, answer: () => {} };
    worker.on("message", (message: WorkerMessage<Result>) => running.answer(message));
    worker.on("error", (error: unknown) => running.answer({ crash: describeCrash(error) }));
    worker.on("exit", (code) => running.answer({ crash: `the worker ended with code ${code}` }));
    return running;
  }

  run(job: Job): Promise<JobEnd<Result>> {
    this.#running ??= this.#start();
    const running = this.#running;
    return new Promise((resolve) => {
      let timer: NodeJS.Timeout | undefined;
      const giveUp = (end: JobEnd<Result>): void => {
        clearTimeout(timer);
        running.answer = () => {};
        this.#running = undefined;
        void running.worker.terminate().then(() => resolve(end));
      };
      const restartTimer = (): void => {
        clearTimeout(timer);
        timer = setTimeout(() => giveUp({ kind: "timeout" }), this.#options.timeLimit);
      };
      running.answer = (message) => {
        if ("started" in message) restartTimer();
        else if ("crash" in message) giveUp({ kind: "crashed", message: message.crash });
        else {
          clearTimeout(timer);
          resolve({ kind: "done", result: message.result });
        }
      };
      restartTimer();
      running.worker.postMessage(job);
    });
  }

  async close(): Promise<void> {
    await this.#running?.worker.terminate();
  }
}

/** Runs jobs in worker threads and returns how they ended, in the jobs' order. */
export const runJobs = async <Job, Result>(
  jobs: readonly Job[],
  options: PoolOptions,
): Promise<readonly JobEnd<Result>[]> => {
  const ends = new Array<JobEnd<Result> | undefined>(jobs.length);
  let next = 0;
  const work = async (): Promise<void> => {
    const seat = new Seat<Job, Result>(options);
    while (next < jobs.length) {
      const index = next++;
      ends[index] = await seat.run(jobs[index]!);
    }
    await seat.close();
  };
  await Promise.all(Array.from({ length: Math.min(options.size, jobs.length) }, work));
  return ends.map((end) => {
    invariant(end !== undefined, "every job was run");
    return end;
  });
};
