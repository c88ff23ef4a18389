/*
 * Compares @ebpf/elf with libbpf: the same objects are opened by both, and every program's instructions, functions and
 * lines, and every map, must be equal. File descriptors stand for maps: both sides are compared by the map's name.
 *
 * node scripts/compare-libbpf.mjs [--libbpf LIBRARY] [--core-btf FILE] [--kconfig FILE] [--verbose] FILE|FOLDER…
 *
 * Needs Linux, root, koffi (an optional dependency of @ebpf/kernel), libbpf, and `node scripts/setup.mjs` run before.
 * libbpf makes the object's maps, from version 1.6 on without loading programs; nothing is pinned or attached.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { release } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { gunzipSync } from "node:zlib";

const SELF = fileURLToPath(import.meta.url);
const KERNEL_BTF = "/sys/kernel/btf/vmlinux";

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    libbpf: { type: "string", default: "libbpf.so.1" },
    "core-btf": { type: "string" },
    kconfig: { type: "string" },
    verbose: { type: "boolean", default: false },
    child: { type: "boolean", default: false },
  },
});

/** Maps without entries: local storages, bloom filters may be asked for none, structures of functions have one. */
const NO_ENTRIES = new Set([19, 24, 26, 28, 29, 32]);

/** What libbpf makes of one object; runs in a process of its own, because libbpf may crash on what it is given. */
const askLibbpf = (path) => {
  const koffi = createRequire(new URL("../packages/kernel/package.json", import.meta.url))("koffi");
  const library = koffi.load(options.libbpf);
  const call = (result, name, ...parameters) => library.func(name, result, parameters);
  const optional = (...declaration) => {
    try {
      return call(...declaration);
    } catch {
      return undefined;
    }
  };
  const attribute = (result, name, kind) => call(result, `bpf_${kind}__${name}`, "void *");
  const list = (kind, object) => {
    const next = call("void *", `bpf_object__next_${kind}`, "void *", "void *");
    const found = [];
    for (let item = next(object, null); item !== null; item = next(object, item)) found.push(item);
    return found;
  };
  const bytesAt = (pointer, size) => Buffer.from(koffi.decode(pointer, "uint8_t", size)).toString("hex");

  const strings = ["core-btf", "kconfig"].map((name) => options[name]);
  koffi.struct("open_options", {
    sz: "size_t",
    object_name: "const char *",
    relaxed_maps: "size_t",
    pin_root_path: "const char *",
    unused: "size_t",
    kconfig: "const char *",
    btf_custom_path: "const char *",
  });
  const open = call("void *", "bpf_object__open_file", "const char *", "open_options *");
  const object = open(path, {
    sz: 56,
    object_name: null,
    relaxed_maps: 0,
    pin_root_path: null,
    unused: 0,
    kconfig: strings[1] === undefined ? null : readFileSync(strings[1], "utf8"),
    btf_custom_path: strings[0] ?? null,
  });
  if (object === null) return { stage: "open" };

  const maps = list("map", object);
  const setPin = call("int", "bpf_map__set_pin_path", "void *", "const char *");
  for (const map of maps) setPin(map, null);
  const sizeOut = [0n];
  const initialValue = call("void *", "bpf_map__initial_value", "void *", koffi.out("size_t *"));
  /** What an application has to set before the kernel takes a map; maps are compared as the object describes them. */
  const fitMaps = (maps, described) => {
    const set = (name, map, value) => call("int", `bpf_map__set_${name}`, "void *", "uint32_t")(map, value);
    for (const [i, { type, maxEntries, keySize, valueSize }] of described.entries()) {
      const isRing = type === 27 || type === 31;
      if (isRing && keySize > 0) set("key_size", maps[i], 0);
      if (isRing && valueSize > 0) set("value_size", maps[i], 0);
      if (type === 7 && valueSize === 0) set("value_size", maps[i], 8 * 127);
      if (maxEntries === 0 && type !== 4 && !NO_ENTRIES.has(type)) set("max_entries", maps[i], isRing ? 4096 : 1);
    }
  };
  const number = (name, map) => Number(attribute("uint32_t", name, "map")(map));
  const describe = (map) => ({
    name: attribute("const char *", "name", "map")(map),
    type: number("type", map),
    keySize: number("key_size", map),
    valueSize: number("value_size", map),
    maxEntries: number("max_entries", map),
    flags: number("map_flags", map),
    extra: String(attribute("uint64_t", "map_extra", "map")(map)),
    numaNode: number("numa_node", map),
    keyTypeId: number("btf_key_type_id", map),
    valueTypeId: number("btf_value_type_id", map),
  });
  const described = maps.map((map) => {
    const inner = call("void *", "bpf_map__inner_map", "void *")(map);
    return { ...describe(map), ...(inner === null ? {} : { inner: describe(inner) }) };
  });
  fitMaps(maps, described);
  const prepare = optional("int", "bpf_object__prepare", "void *") ?? call("int", "bpf_object__load", "void *");
  const failed = prepare(object);
  for (const [i, map] of maps.entries()) {
    described[i].fd = attribute("int", "fd", "map")(map);
    if (described[i].type === 26) continue; // the values of struct_ops maps are the kernel's structures
    const value = initialValue(map, sizeOut);
    if (value !== null) described[i].value = bytesAt(value, Number(sizeOut[0]));
  }
  const info = (name, program, size) => {
    const at = optional("void *", `bpf_program__${name}`, "void *");
    if (at === undefined) return undefined;
    const count = Number(call("uint32_t", `bpf_program__${name}_cnt`, "void *")(program));
    const records = at(program);
    return records === null ? undefined : bytesAt(records, count * size);
  };
  const setTarget = call("int", "bpf_program__set_attach_target", "void *", "int", "const char *");
  /** Whether the kernel has what a program's section names. */
  const hasTarget = (program) => {
    const [, target] = /^[^/]*\/(.*)$/.exec(attribute("const char *", "section_name", "program")(program)) ?? [];
    return target !== undefined && setTarget(program, 0, target) === 0;
  };
  const programs = list("program", object).map((program) => ({
    hasTarget: hasTarget(program),
    name: attribute("const char *", "name", "program")(program),
    section: attribute("const char *", "section_name", "program")(program),
    autoload: attribute("bool", "autoload", "program")(program),
    type: attribute("uint32_t", "type", "program")(program),
    attachType: attribute("uint32_t", "expected_attach_type", "program")(program),
    instructions: bytesAt(
      attribute("void *", "insns", "program")(program),
      8 * Number(attribute("size_t", "insn_cnt", "program")(program)),
    ),
    functions: info("func_info", program, 8),
    lines: info("line_info", program, 16),
  }));
  return { stage: failed === 0 ? "done" : "prepare", maps: described, programs };
};

if (options.child) {
  const answer = JSON.stringify(askLibbpf(positionals[0]));
  await new Promise((written) => process.stdout.write(`\n@@${answer}\n`, written));
  process.exit(0);
}

const { parseKconfig, readObject } = await import("../packages/elf/dist/index.js");
const { decodeBtf } = await import("../packages/btf/dist/index.js");
const { encode } = await import("../packages/asm/dist/index.js");
const { MAP_TYPES, PROGRAM_TYPES, ATTACH_TYPES } = await import("../packages/platform/dist/index.js");

const libbpfOf = (path) => {
  const passed = ["--libbpf", options.libbpf];
  for (const name of ["core-btf", "kconfig"]) if (options[name] !== undefined) passed.push(`--${name}`, options[name]);
  const child = spawnSync(process.execPath, [SELF, "--child", ...passed, path], {
    encoding: "utf8",
    maxBuffer: 1 << 28,
    timeout: 60_000,
  });
  const answer = child.stdout?.split("\n@@")[1];
  const log = child.stderr?.split("\n").filter((line) => line.startsWith("libbpf:")) ?? [];
  if (answer === undefined) return { stage: "crash", why: child.stderr?.trim().split("\n").at(-1) ?? "" };
  return { ...JSON.parse(answer), why: log.find((line) => !/skipping|custom/.test(line)) ?? "" };
};

const readBtf = (path) => {
  const bytes = readFileSync(path);
  return decodeBtf(new Uint8Array(bytes[0] === 0x1f ? gunzipSync(bytes) : bytes));
};

const kernel = { release: release(), btf: readBtf(KERNEL_BTF) };
const coreBtf = options["core-btf"] === undefined ? undefined : readBtf(options["core-btf"]);

/** What the kernel was built with: from where libbpf takes it, unless a file was named. */
const readKconfig = () => {
  const paths = [`/boot/config-${release()}`, "/proc/config.gz"];
  const path = options.kconfig ?? paths.find((candidate) => existsSync(candidate));
  const bytes = path === undefined ? Buffer.alloc(0) : readFileSync(path);
  return {
    ...parseKconfig((bytes[0] === 0x1f ? gunzipSync(bytes) : bytes).toString("utf8")),
    // libbpf finds wrappers of system calls by a probe on one, which takes a kernel that has probes.
    ...(existsSync("/sys/bus/event_source/devices/kprobe") ? {} : { LINUX_HAS_SYSCALL_WRAPPER: "n" }),
  };
};
const kconfig = readKconfig();

/** Kernel symbols, as libbpf takes them for externs without a type. */
const kallsyms = new Map(
  readFileSync("/proc/kallsyms", "utf8")
    .split("\n")
    .map((line) => line.split(/\s+/))
    .map(([address, , name]) => [name, BigInt(`0x${address || 0}`)]),
);

const ours = (path) => {
  try {
    return readObject(new Uint8Array(readFileSync(path)), {
      path,
      kernel: { ...kernel, symbols: kallsyms },
      ...(coreBtf === undefined ? {} : { coreTarget: coreBtf }),
      kconfig,
    });
  } catch (error) {
    if (error.code === undefined) throw error;
    return { error };
  }
};

/** Instructions as text, with the names of maps instead of their descriptors or handles. */
const normalized = (hex, nameOf) => {
  const bytes = Buffer.from(hex, "hex");
  const lines = [];
  for (let at = 0; at < bytes.length; at += 8) {
    const slot = bytes.subarray(at, at + 8).toString("hex");
    const source = bytes[at + 1] >> 4;
    if (bytes[at] === 0x18 && (source === 1 || source === 2)) {
      lines.push(`${slot.slice(0, 8)} ${nameOf(bytes.readInt32LE(at + 4))}`);
      lines.push(bytes.subarray(at + 8, at + 16).toString("hex"));
      at += 8;
    } else {
      lines.push(slot);
    }
  }
  return lines;
};

const firstDifference = (ours, theirs) => {
  for (let i = 0; i < Math.max(ours.length, theirs.length); i++) {
    if (ours[i] !== theirs[i]) return `at ${i}: ours ${ours[i]}, libbpf's ${theirs[i]}`;
  }
  return undefined;
};

const words = (hex, perRecord, used) => {
  const bytes = Buffer.from(hex, "hex");
  const records = [];
  for (let at = 0; at < bytes.length; at += 4 * perRecord) {
    records.push(used.map((i) => bytes.readUInt32LE(at + 4 * i)).join(" "));
  }
  return records;
};

const compareProgram = (program, theirs, object, nameOfFd) => {
  // libbpf looks for the target only when it loads a program, unless it is told to.
  if ("error" in program && program.error.code === "NO_ATTACH_TARGET" && !theirs.hasTarget) return undefined;
  if ("error" in program) return `ours fails: ${program.error.message}`;
  if (program.spec.attachBtfId !== undefined && program.spec.type !== "struct_ops" && !theirs.hasTarget) {
    return `attaches to ${program.spec.attachTarget}, which libbpf does not find`;
  }
  const { spec } = program;
  const handles = new Map([...object.maps].map(([handle, map]) => [handle, map.kernelName ?? map.name]));
  const difference = firstDifference(
    normalized(Buffer.from(encode(spec.instructions)).toString("hex"), (handle) => handles.get(handle)),
    normalized(theirs.instructions, nameOfFd),
  );
  if (difference !== undefined) return `instruction ${difference}`;
  if (spec.type !== PROGRAM_TYPES[theirs.type]) return `type ${spec.type}, not ${PROGRAM_TYPES[theirs.type]}`;
  if (spec.type !== "struct_ops") {
    const attachType = spec.attachType === undefined ? 0 : ATTACH_TYPES.indexOf(spec.attachType);
    if (attachType !== theirs.attachType)
      return `attach type ${spec.attachType}, not ${ATTACH_TYPES[theirs.attachType]}`;
  }
  if (theirs.functions !== undefined) {
    const known = spec.functions.filter(({ typeId }) => typeId !== undefined);
    const functions = firstDifference(
      known.map(({ pc, typeId }) => `${pc} ${typeId}`),
      words(theirs.functions, 2, [0, 1]),
    );
    if (functions !== undefined) return `function ${functions}`;
  }
  if (theirs.lines !== undefined) {
    const lines = firstDifference(
      spec.lines.map(({ pc, line, column }) => `${pc} ${((line << 10) | column) >>> 0}`),
      words(theirs.lines, 4, [0, 3]),
    );
    if (lines !== undefined) return `line ${lines}`;
  }
  return undefined;
};

const mapLine = (map) =>
  `type ${map.type} key ${map.keySize} value ${map.valueSize} entries ${map.maxEntries} flags ${map.flags} extra ${map.extra} node ${map.numaNode} types ${map.keyTypeId} ${map.valueTypeId}`;

const ourMapLine = (map, fixed) =>
  mapLine({
    ...map,
    type: MAP_TYPES.indexOf(map.type),
    extra: String(map.extra ?? 0n),
    numaNode: map.numaNode ?? 0,
    keyTypeId: fixed?.keyTypeId ?? map.btf?.keyTypeId ?? 0,
    valueTypeId: map.btf?.valueTypeId ?? 0,
  });

const compareMaps = (object, theirs) => {
  // libbpf tells the whole name of a section of one's own, of which the kernel's name is the beginning.
  const named = new Map([...object.maps.values()].flatMap((map) => [map.name, map.kernelName].map((n) => [n, map])));
  for (const map of theirs) {
    const our = named.get(map.name);
    if (our === undefined) return `map ${map.name} is missing`;
    if (map.type === 26) continue;
    if (ourMapLine(our) !== mapLine(map)) return `map ${map.name}: ${ourMapLine(our)}, libbpf's ${mapLine(map)}`;
    if (map.inner !== undefined && (our.inner === undefined || ourMapLine(our.inner) !== mapLine(map.inner))) {
      return `inner map ${our.inner && ourMapLine(our.inner)}, libbpf's ${mapLine(map.inner)}`;
    }
    if (map.value !== undefined && our.section !== undefined) {
      const value = Buffer.alloc(our.valueSize);
      if (our.initial?.[0] !== undefined) value.set(our.initial[0].value);
      // What libbpf fills in itself is in this machine's byte order, whatever the object's is.
      if (our.section === ".kconfig" && object.byteOrder === "big") continue;
      if (value.toString("hex") !== map.value) return `the content of map ${map.name} differs`;
    }
  }
  return undefined;
};

/** How often libbpf alone gave which reason. */
const reasons = new Map();
/** A reason without the names in it. */
const reasonOf = (why) => why.replace(/^libbpf: /, "").replace(/'[^']*'|\([^)]*\)|#\d+/g, "…");

const counts = { objects: 0, opened: 0, bothRefuse: 0, oursOnlyRefuses: 0, libbpfOnlyRefuses: 0 };
const programs = { compared: 0, equal: 0, different: 0 };
const maps = { compared: 0, different: 0 };

const compareObject = (path) => {
  counts.objects++;
  const theirs = libbpfOf(path);
  const object = ours(path);
  const report = (text) => console.log(`${basename(path)}: ${text}`);
  const refused = theirs.stage !== "done";
  const ourError = object.error ?? object.programs.find((program) => "error" in program)?.error;
  if (refused && ourError !== undefined) {
    counts.bothRefuse++;
    if (options.verbose) report(`both refuse: ours ${ourError.code} ${ourError.message}; ${theirs.why}`);
    return;
  }
  if (object.error !== undefined) {
    counts.oursOnlyRefuses++;
    report(`only ours refuses: ${object.error.message}`);
    return;
  }
  if (refused) {
    counts.libbpfOnlyRefuses++;
    const reason = reasonOf(theirs.why);
    reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
    report(`only libbpf refuses (${theirs.stage}): ${theirs.why}`);
    return;
  }
  counts.opened++;
  const fds = new Map(theirs.maps.map(({ fd, name }) => [fd, name]));
  for (const program of theirs.programs.filter(({ autoload }) => autoload)) {
    programs.compared++;
    const own = object.programs.find(
      ({ name, section }) => name === program.name && section.replace(/^\?/, "") === program.section,
    );
    const difference =
      own === undefined ? "is missing" : compareProgram(own, program, object, (fd) => fds.get(fd) ?? `fd ${fd}`);
    if (difference === undefined) programs.equal++;
    else {
      programs.different++;
      report(`${program.name}: ${difference}`);
    }
  }
  maps.compared += theirs.maps.length;
  const difference = compareMaps(object, theirs.maps);
  if (difference !== undefined) {
    maps.different++;
    report(difference);
  }
};

const filesOf = (path) =>
  statSync(path).isDirectory()
    ? readdirSync(path, { recursive: true })
        .filter((name) => name.endsWith(".o"))
        .sort()
        .map((name) => join(path, name))
    : [path];

for (const path of positionals.flatMap(filesOf)) compareObject(path);
for (const [reason, count] of reasons) console.log(`${count} × only libbpf refuses: ${reason}`);
console.log(JSON.stringify({ libbpf: options.libbpf, ...counts, programs, maps }));
process.exitCode = programs.different + maps.different + counts.oursOnlyRefuses === 0 ? 0 : 1;
