import { parentPort, workerData } from "node:worker_threads";
import { isEbpfError } from "@ebpf/core";
import { caseFromJson } from "../fuzz-case.js";
import { batchSeed, runBatch } from "./batch.js";
import { CAMPAIGNS } from "./campaigns.js";
import { HEARTBEAT, type WorkerMessage, type WorkerTask } from "./protocol.js";

/** The entry of a worker thread: checks batch after batch until it is ended. */
const work = async (task: WorkerTask): Promise<void> => {
  const post = (message: WorkerMessage): void => parentPort?.postMessage(message);
  const heartbeat = new Int32Array(task.heartbeat);
  const { cases, open } = CAMPAIGNS[task.oracle]!(task.seeds.map(caseFromJson));
  const oracle = await open();
  const known = new Set(task.known);
  const seen = new Set<string>();
  for (let batch = task.batch; ; batch++) {
    const seed = batchSeed(task.seed, task.worker, batch);
    heartbeat[HEARTBEAT.seed] = seed;
    const beat = (index: number): void => {
      heartbeat[HEARTBEAT.index] = index;
      heartbeat[HEARTBEAT.beats]!++;
    };
    post({ kind: "batch", report: { batch, ...runBatch({ cases, oracle, seed, known, seen, beat }) } });
    // Lets messages out, and the end in.
    await new Promise((resolve) => setImmediate(resolve));
  }
};

work(workerData as WorkerTask).catch((error: unknown) => {
  if (!isEbpfError(error)) throw error;
  const message: WorkerMessage = { kind: "unavailable", reason: error.message };
  parentPort?.postMessage(message);
});
