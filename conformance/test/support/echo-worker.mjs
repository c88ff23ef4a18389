import { parentPort } from "node:worker_threads";

// Does with a job what its text says.
parentPort.on("message", (job) => {
  if (job === "hang") for (;;);
  if (job === "throw") throw new Error("thrown in the worker");
  if (job === "exit") process.exit(3);
  if (job === "start, then hang") {
    parentPort.postMessage({ started: true });
    for (;;);
  }
  if (job === "fill memory") {
    const kept = [];
    for (;;) kept.push(new Array(1000).fill(job));
  }
  parentPort.postMessage({ started: true });
  parentPort.postMessage({ result: `${job}!` });
});
