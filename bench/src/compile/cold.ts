import { compile } from "@ebpf/jit";
import { Runtime } from "@ebpf/runtime";
import { programOf } from "./program.js";

/** Prints the milliseconds of processor time of this process's first compilation; its program is made before. */
const spec = programOf(Number(process.argv[2]));
const runtime = new Runtime({ memoryPages: 16 });
const before = process.cpuUsage();
compile(spec, runtime, { checked: false, tier: "baseline" });
const { user, system } = process.cpuUsage(before);
console.log((user + system) / 1000);
