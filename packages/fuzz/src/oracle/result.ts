import { bytesToHex, isEbpfError } from "@ebpf/core";
import { compile } from "@ebpf/jit";
import type { Kernel, KernelMap, KernelProgram, TestRunOptions } from "@ebpf/kernel";
import type { MapSpec, MapTypeName, ProgramTypeName } from "@ebpf/platform";
import { interpret, KeyedMap, type RunInput, type Runtime, type RuntimeMap } from "@ebpf/runtime";
import type { FuzzCase } from "../fuzz-case.js";
import { judge } from "./judge.js";
import { HAZARD, mayCrashKernel } from "./kernel-hazard.js";
import { type Engine, prepare, steadyRuntime } from "./machine.js";
import { agree, crashOf, found, type Oracle, type Outcome, skip, withoutNumbers } from "./outcome.js";

const NAME = "result";

/** Program types that the kernel runs on data of ours. */
export const RUN_BY_KERNEL: readonly ProgramTypeName[] = ["xdp", "sched_cls", "socket_filter", "syscall"];

/** Maps that hold the same after the same run; what others hold depends on CPUs, time or memory. */
const COMPARABLE: ReadonlySet<MapTypeName> = new Set(["array", "hash", "lpm_trie"]);
/** Maps that a program may use beside, because it sees the same of them. */
const PREDICTABLE: ReadonlySet<MapTypeName> = new Set([...COMPARABLE, "queue", "stack", "prog_array", "ringbuf"]);

const ETHERNET_HEADER = 14;

/** Bytes that a packet may grow to in the kernel's one page for a test run; ours has room for more. */
const KERNEL_ROOM = 3520;

/** Everything that both sides tell of a run. */
interface Effects {
  readonly returned: string;
  readonly packet: string;
  readonly context: string;
  /** By the map's name, entries as `key=value` in order of key. */
  readonly maps: Readonly<Record<string, string>>;
}

const entriesText = (entries: Iterable<readonly [Uint8Array, Uint8Array]>): string =>
  [...entries]
    .map(([key, value]) => `${bytesToHex(key)}=${bytesToHex(value)}`)
    .sort()
    .join(" ");

/** What Linux takes a packet of the loopback device for, by its destination: for this host, all, many or another. */
const packetType = (packet: Uint8Array): number => {
  const destination = packet.subarray(0, 6);
  if (destination.every((byte) => byte === 0)) return 0;
  if (destination.every((byte) => byte === 0xff)) return 1;
  return destination[0]! % 2 === 1 ? 2 : 3;
};

/** What a program sees of a packet: the kernel strips the Ethernet header for socket filters. */
const inputFor = ({ spec, input }: FuzzCase): RunInput => {
  if (!("packet" in input) || spec.type === "xdp") return input;
  const { packet } = input;
  const fields = { pkt_type: packetType(packet) };
  if (spec.type !== "socket_filter") return { packet, fields };
  const protocol = packet[12]! | (packet[13]! << 8);
  return { packet: packet.subarray(ETHERNET_HEADER), fields: { ...fields, protocol } };
};

/** What one of our engines does; with `padding` bytes at the start of the heap, so that all addresses differ. */
const runOurs = (fuzzCase: FuzzCase, engine: Engine, padding: number): Effects => {
  const runtime = steadyRuntime();
  runtime.memory.allocate(padding, "padding");
  const { program, maps } = prepare(fuzzCase, runtime, { engine, checked: true });
  const { returnValue, packet, context } = runtime.run(program, inputFor(fuzzCase));
  return {
    returned: `${BigInt.asUintN(32, returnValue)}`,
    packet: packet === undefined || fuzzCase.spec.type === "socket_filter" ? "" : bytesToHex(withMetadata(runtime)),
    context: fuzzCase.spec.type === "syscall" ? bytesToHex(context) : "",
    maps: mapEffects(maps),
  };
};

/** The packet behind its metadata, as the kernel returns it. */
const withMetadata = ({ memory, packet: { meta, end } }: Runtime): Uint8Array => memory.copyOut(meta, end - meta);

const mapEffects = (maps: ReadonlyMap<number, RuntimeMap>): Record<string, string> => {
  const effects: Record<string, string> = {};
  for (const { spec, map } of [...maps.values()].map((map) => ({ spec: map.spec, map }))) {
    if (COMPARABLE.has(spec.type) && map instanceof KeyedMap) effects[spec.name] = entriesText(map.entries());
  }
  return effects;
};

/** Maps of the kernel's own with the case's contents. */
const makeKernelMaps = (kernel: Kernel, { spec, contents }: FuzzCase): Map<MapSpec, KernelMap> => {
  const maps = new Map<MapSpec, KernelMap>();
  for (const [handle, map] of spec.maps) {
    const made = kernel.createMap(map);
    maps.set(map, made);
    for (const { key, value } of contents.get(handle) ?? []) {
      if (value instanceof Uint8Array) made.update(key, value);
    }
  }
  return maps;
};

const testRunOptions = ({ spec, input }: FuzzCase): TestRunOptions => {
  if ("packet" in input) return { data: input.packet };
  return {
    context: "context" in input ? input.context : input.memory,
    ...(spec.type !== "syscall" && { data: new Uint8Array(ETHERNET_HEADER) }),
  };
};

const runKernel = (program: KernelProgram, fuzzCase: FuzzCase, maps: ReadonlyMap<MapSpec, KernelMap>): Effects => {
  for (const [spec, map] of maps) if (spec.type === "prog_array") map.update(new Uint8Array(4), program);
  const { returnValue, data, context } = program.testRun(testRunOptions(fuzzCase));
  const { type } = fuzzCase.spec;
  const effects: Record<string, string> = {};
  for (const [spec, map] of maps) if (COMPARABLE.has(spec.type)) effects[spec.name] = entriesText(map.entries());
  return {
    returned: `${returnValue}`,
    packet: type === "socket_filter" || type === "syscall" ? "" : bytesToHex(data),
    context: type === "syscall" ? bytesToHex(context) : "",
    maps: effects,
  };
};

/** The first thing in which two runs differ. */
const difference = (ours: Effects, theirs: Effects): { readonly what: string; readonly detail: string } | undefined => {
  for (const what of ["returned", "packet", "context"] as const) {
    if (ours[what] !== theirs[what]) return { what, detail: `${what}: ${ours[what]}, the kernel ${theirs[what]}` };
  }
  for (const [name, entries] of Object.entries(ours.maps)) {
    if (entries !== theirs.maps[name])
      return { what: "map", detail: `${name}: ${entries}, the kernel ${theirs.maps[name]}` };
  }
  return undefined;
};

/** Why the results of a program can't be compared, if they can't. */
const unfit = (fuzzCase: FuzzCase): string | undefined => {
  const { spec } = fuzzCase;
  if (!RUN_BY_KERNEL.includes(spec.type)) return "type";
  if (mayCrashKernel(spec)) return HAZARD;
  for (const { type } of spec.maps.values()) if (!PREDICTABLE.has(type)) return `map ${type}`;
  const { verdict, facts } = judge(spec);
  if (verdict !== "accept") return "rejected";
  // The kernel's stack holds what was there before.
  return facts.some((row) => row?.readsUninitialized) ? "uninitialised stack" : undefined;
};

const PADDING = 0x2_0040;

/**
 * Both our engines do what the kernel's own run does: return value, packet, context of `syscall`, entries of maps. Programs
 * whose result depends on addresses are left out: those that do something else when their maps lie elsewhere.
 */
export const resultOracle = (kernel: Kernel): Oracle => {
  const compare = (fuzzCase: FuzzCase): Outcome => {
    const ours = runOurs(fuzzCase, interpret, 0);
    if (ours.packet.length > 2 * KERNEL_ROOM) return skip("a packet larger than the kernel's page");
    if (difference(ours, runOurs(fuzzCase, interpret, PADDING))) return skip("depends on addresses");
    const compiled = difference(runOurs(fuzzCase, compile, 0), ours);
    if (compiled) return found(NAME, `engines differ: ${compiled.what}`, compiled.detail);
    const maps = makeKernelMaps(kernel, fuzzCase);
    try {
      const { accepted, program, errorName } = kernel.load(fuzzCase.spec, { maps, keep: true });
      if (!accepted || program === undefined) return skip(`the kernel refuses: ${errorName}`);
      using running = program;
      const differs = difference(ours, runKernel(running, fuzzCase, maps));
      return differs
        ? found(NAME, `${fuzzCase.spec.type} differs: ${differs.what}`, differs.detail)
        : agree(fuzzCase.spec.type);
    } finally {
      for (const map of maps.values()) map[Symbol.dispose]();
    }
  };
  return (fuzzCase) => {
    try {
      const reason = unfit(fuzzCase);
      return reason === undefined ? compare(fuzzCase) : skip(reason);
    } catch (thrown) {
      if (isEbpfError(thrown)) return skip(withoutNumbers(`${thrown.code}: ${thrown.message}`));
      const { key, detail } = crashOf(thrown);
      return found(NAME, key, detail);
    }
  };
};
