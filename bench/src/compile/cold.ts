import { readFileSync } from "node:fs";
import { decode } from "@ebpf/asm";
import { compile } from "@ebpf/jit";
import { programSpec } from "@ebpf/platform";
import { Runtime } from "@ebpf/runtime";

/**
 * Prints the milliseconds that this process's first compilation takes, and those of processor time: V8 optimizes the
 * compiler in other threads meanwhile. The instructions come as bytes on standard input, as from an object file: assembling
 * text here would leave V8 with garbage and with an assembler to optimize, beside what is measured.
 */
const spec = programSpec("xdp", decode(readFileSync(0)));
const runtime = new Runtime({ memoryPages: 16 });
const begin = performance.now();
const before = process.cpuUsage();
compile(spec, runtime, { checked: false, tier: "baseline" });
const ms = performance.now() - begin;
const { user, system } = process.cpuUsage(before);
console.log(JSON.stringify([ms, (user + system) / 1000]));
