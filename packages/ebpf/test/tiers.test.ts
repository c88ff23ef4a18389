import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { type LoadOptions, load, readPcap } from "../src/index.js";
import { bundled } from "./support/bundle.js";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const example = (name: string): Uint8Array => readFileSync(join(root, "examples", name));
const firewall = example("xdp_firewall.o");
const packets = readPcap(example("traffic.pcap")).map(({ bytes }) => bytes);
const half = Math.floor(packets.length / 2);

const loaded = (options: LoadOptions) => {
  const collection = load(firewall, { ...options, runtime: { clock: () => 5n } });
  const program = collection.program("xdp_firewall");
  const run = (part: readonly Uint8Array[]) => part.map((packet) => program.run({ packet }).returnValue);
  const maps = () => Object.values(collection.maps).map((map) => [...map.entries()]);
  return { program, run, maps };
};

describe("the tier auto", () => {
  it("swaps code between two runs, and everything goes on as it was", async () => {
    const all = loaded({ tier: "optimized" });
    const tiered = loaded({ tier: "auto" });
    expect(tiered.program.wasm).toEqual(loaded({ tier: "baseline" }).program.wasm);
    const before = tiered.run(packets.slice(0, half));
    expect(await tiered.program.optimized).toBe(true);
    expect(tiered.program.wasm!.length).not.toBe(loaded({ tier: "baseline" }).program.wasm!.length);
    expect([...before, ...tiered.run(packets.slice(half))]).toEqual(all.run(packets));
    expect(tiered.maps()).toEqual(all.maps());
  });

  it("reaches programs that are bound", async () => {
    const all = loaded({ tier: "optimized" });
    const tiered = loaded({ tier: "auto" });
    const bound = tiered.program.bind();
    const results = new Uint32Array(packets.length);
    bound.runPackets(packets.slice(0, half), results);
    const { executable } = tiered.program;
    const { enter } = executable;
    expect(await tiered.program.optimized).toBe(true);
    expect(executable.enter).not.toBe(enter);
    bound.runPackets(packets.slice(half), results.subarray(half));
    expect([...results]).toEqual(all.run(packets));
  });

  it("leaves a program alone that was closed meanwhile", async () => {
    const { program, run } = loaded({ tier: "auto" });
    const { wasm } = program;
    program.close();
    expect(await program.optimized).toBe(false);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(program.wasm).toBe(wasm);
    expect(run(packets)).toEqual(loaded({ tier: "optimized" }).run(packets));
  });

  it("leaves a program alone that is closed while the engine compiles", async () => {
    const { program } = loaded({ tier: "auto" });
    const { wasm } = program;
    // The second lowering is done in the timers that run before this one's, and the engine has not answered yet.
    await new Promise((resolve) => setTimeout(resolve, 0));
    program.close();
    expect(await program.optimized).toBe(false);
    expect(program.wasm).toBe(wasm);
  });

  it("changes nothing for programs that run unverified", async () => {
    const { program } = loaded({ tier: "auto", unverified: true });
    expect(await program.optimized).toBe(false);
  });

  it("keeps no process alive", async () => {
    const script = await bundled(`
      import { readFileSync } from "node:fs";
      import { load } from "./index.js";
      process.on("unhandledRejection", () => process.exit(9));
      load(readFileSync(process.argv[2]), { tier: "auto" });
      console.log("loaded");`);
    const args = ["--input-type=module", "-", join(root, "examples/xdp_firewall.o")];
    const out = execFileSync(process.execPath, args, { input: script, timeout: 20_000 });
    expect(out.toString()).toBe("loaded\n");
  });
});
