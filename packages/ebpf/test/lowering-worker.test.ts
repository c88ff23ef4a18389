import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { LINUX_HELPERS } from "@ebpf/runtime";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { type LoadOptions, load, readPcap } from "../src/index.js";
import { bundled } from "./support/bundle.js";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const example = (name: string): Uint8Array => readFileSync(join(root, "examples", name));
const firewall = example("xdp_firewall.o");
const packets = readPcap(example("traffic.pcap")).map(({ bytes }) => bytes);

const SERVE = `
  import { parentPort } from "node:worker_threads";
  import { serveLowering } from "./index.js";
  serveLowering(parentPort);`;

const startWorker = async (script: string): Promise<Worker> =>
  new Worker(new URL(`data:text/javascript,${encodeURIComponent(await bundled(script))}`));

/** How many messages a worker was given, and the worker. */
const counted = (worker: Worker) => {
  const count = { messages: 0 };
  const postMessage = (message: unknown, transfer: never[]): void => {
    count.messages++;
    worker.postMessage(message, transfer);
  };
  return { count, worker: { postMessage } };
};

describe("a worker that lowers", () => {
  let worker: Worker;
  beforeAll(async () => {
    worker = await startWorker(SERVE);
  });
  afterAll(() => worker.terminate());

  const optimizedBy = async (asked: NonNullable<LoadOptions["worker"]>, options: LoadOptions = {}) => {
    const collection = load(firewall, { ...options, tier: "auto", worker: asked });
    const program = collection.program("xdp_firewall");
    expect(await program.optimized).toBe(true);
    return program;
  };
  const wasmHere = (options: LoadOptions = {}) => load(firewall, options).program("xdp_firewall").wasm;

  it.each([
    ["as it is", {}],
    [
      "with a constant set, random numbers of the embedder's own, and four CPUs",
      {
        variables: { trap_port: 8080 },
        runtime: { random: () => 4, cpus: 4 },
      },
    ],
    ["with a source map", { sourceMap: "firewall.map" }],
  ] satisfies [string, LoadOptions][])(
    "makes the code that this thread would make, of a program %s",
    async (_, options) => {
      const { count, worker: asked } = counted(worker);
      const program = await optimizedBy(asked, options);
      expect(count.messages).toBe(1);
      expect(program.wasm).toEqual(wasmHere(options));
      const here = load(firewall, options).program("xdp_firewall");
      for (const packet of packets) expect(program.run({ packet }).returnValue).toBe(here.run({ packet }).returnValue);
    },
  );

  it("isn't asked where helpers are the embedder's own", async () => {
    const { count, worker: asked } = counted(worker);
    await optimizedBy(asked, { runtime: { helpers: { ...LINUX_HELPERS } } });
    expect(count.messages).toBe(0);
  });

  it("is done without when it doesn't answer", async () => {
    const ended = await startWorker(SERVE);
    await ended.terminate();
    vi.useFakeTimers({ toFake: ["setTimeout"] });
    try {
      const program = optimizedBy(ended);
      await vi.advanceTimersByTimeAsync(20_000);
      expect((await program).wasm).toEqual(wasmHere());
    } finally {
      vi.useRealTimers();
    }
  });

  it("is done without when it closes its port, or maps lie elsewhere there", async () => {
    const dropping = await startWorker(`
      import { parentPort } from "node:worker_threads";
      parentPort.on("message", ({ port }) => port.close());`);
    expect((await optimizedBy(dropping)).wasm).toEqual(wasmHere());
    await dropping.terminate();
    const spoiling = {
      postMessage: (message: unknown, transfer: never[]) => {
        const { request } = message as { request: { places: number[][] } };
        request.places[0]![0]! += 8;
        worker.postMessage(message, transfer);
      },
    };
    expect((await optimizedBy(spoiling)).wasm).toEqual(wasmHere());
  });

  it("keeps no process alive", async () => {
    const script = await bundled(`
      import { readFileSync } from "node:fs";
      import { load } from "./index.js";
      load(readFileSync(process.argv[2]), { tier: "auto", worker: { postMessage: () => {} } });
      console.log("loaded");`);
    const args = ["--input-type=module", "-", join(root, "examples/xdp_firewall.o")];
    expect(execFileSync(process.execPath, args, { input: script, timeout: 20_000 }).toString()).toBe("loaded\n");
  });
});
