import { compile } from "@ebpf/jit";
import { Runtime } from "@ebpf/runtime";
import { programOf } from "./program.js";

/**
 * Prints the milliseconds that this process's first compilation takes, and those of processor time: V8 optimizes the
 * compiler in other threads meanwhile. The program is made before.
 */
const spec = programOf(Number(process.argv[2]));
const runtime = new Runtime({ memoryPages: 16 });
const begin = performance.now();
const before = process.cpuUsage();
compile(spec, runtime, { checked: false, tier: "baseline" });
const ms = performance.now() - begin;
const { user, system } = process.cpuUsage(before);
console.log(JSON.stringify([ms, (user + system) / 1000]));
