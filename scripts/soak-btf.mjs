// Gives the BTF parsers mutated inputs and counts what comes of them: node scripts/soak-btf.mjs [inputs] [seed]
// Needs the built packages (`node scripts/setup.mjs`). Each input has to give a value or a typed error, within a second
// and 256 MB; whatever else happens is printed with the input, and the script then ends with status 1.

import {
  BtfBuilder,
  CoreRelocator,
  compareTargets,
  decodeBtf,
  decodeBtfExt,
  decodeValue,
  dedupeBtf,
  distillBase,
  dumpC,
  dumpTypeScript,
  encodeBtf,
  encodeBtfSections,
} from "../packages/btf/dist/index.js";
import { isEbpfError } from "../packages/core/dist/index.js";

const inputs = Number(process.argv[2] ?? 1_000_000);
const MAX_TIME = 1000;
const MAX_HEAP = 256 << 20;

/** Marsaglia's xorshift32. */
let state = Number(process.argv[3] ?? 0x2545f491) | 0;
const random = (limit) => {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return (state >>> 0) % limit;
};

/** A type of every kind, and code that refers to them. */
const seedOf = (order) => {
  const types = new BtfBuilder({ order });
  const int = types.int("int", 4, "signed");
  const char = types.int("char", 1, "signed");
  const node = types.struct("node", { next: types.pointer(types.nextId + 1), flag: { type: int, bits: 3 } });
  types.union("either", { node, text: types.array(char, 9) });
  types.struct("outer", { "(in)": types.struct("", { a: int, b: node }), list: types.array(node, 2) });
  types.enum("state", { ON: 1, OFF: -1 });
  types.enum("wide", { HUGE: 1n << 40n });
  types.typedef("alias", types.qualified("const", types.qualified("volatile", int)));
  types.typeTag("user", types.qualified("restrict", types.pointer(node)));
  types.forward("struct", "later");
  types.float("double", 8);
  const signature = types.signature(int, { node: types.pointer(node) });
  const func = types.func("prog", signature);
  types.declTag("tag", func);
  types.section(".data", [types.variable("v", int)]);
  const kinds = ["field_byte_offset", "field_exists", "type_size", "type_matches", "type_id_target"];
  const relocation = (kind, i) => ({
    offset: 8 * i,
    typeId: node,
    access: kind.startsWith("field") ? "0:1" : "0",
    kind,
  });
  return encodeBtfSections(types.build(), {
    functions: new Map([["xdp", [{ offset: 0, typeId: func }]]]),
    lines: new Map([["xdp", [{ offset: 0, file: "a.c", text: "x;", line: 3, column: 1 }]]]),
    relocations: new Map([["xdp", kinds.map(relocation)]]),
  });
};

const INTERESTING = [0, 1, 2, 3, 4, 7, 8, 16, 0x7f, 0x80, 0xff];

const mutate = (seed) => {
  const bytes = seed.slice(0, random(8) === 0 ? random(seed.length + 1) : seed.length);
  for (let i = random(6); i >= 0 && bytes.length > 0; i--) {
    const at = random(bytes.length);
    const choice = random(4);
    if (choice === 0) bytes[at] = random(256);
    else if (choice === 1) bytes[at] = INTERESTING[random(INTERESTING.length)];
    else if (choice === 2) bytes[at] ^= 1 << random(8);
    else bytes.copyWithin(at, random(bytes.length), random(bytes.length));
  }
  return bytes;
};

const outcomes = { value: 0, error: 0 };
const attempt = (run) => {
  try {
    run();
    outcomes.value++;
  } catch (error) {
    if (!isEbpfError(error)) throw error;
    outcomes.error++;
  }
};

const whole = decodeBtf(seedOf("little").btf);
const zeros = new Uint8Array(256);

/** Every so many inputs all questions are asked; all the others are decoded whole. */
const DEEP = 16;

const use = (btfBytes, extBytes, deep) => {
  const btf = decodeBtf(btfBytes);
  if (!deep) {
    decodeBtfExt(extBytes, btf);
    return btf.types;
  }
  for (let id = 0; id < btf.typeCount; id++) {
    attempt(() => btf.typeName(id));
    attempt(() => btf.alignOf(id));
    attempt(() => decodeValue(btf, id, zeros));
  }
  attempt(() => dumpC(btf));
  attempt(() => dumpTypeScript(btf));
  attempt(() => dedupeBtf(btf));
  attempt(() => encodeBtf(btf));
  attempt(() => distillBase(decodeBtf(btfBytes, { base: whole })));
  const { relocations } = decodeBtfExt(extBytes, btf);
  for (const record of [...relocations.values()].flat()) {
    attempt(() => new CoreRelocator(btf, whole).resolve(record));
    attempt(() => new CoreRelocator(whole, btf).resolve({ ...record, typeId: 3 }));
  }
  attempt(() => compareTargets(btf, [...relocations.values()].flat(), [{ name: "whole", btf: whole }]));
  return btf.types;
};

const seeds = [seedOf("little"), seedOf("big")];
let worst = 0;
let largest = 0;
let failures = 0;
const begin = performance.now();
for (let i = 0; i < inputs; i++) {
  const seed = seeds[random(2)];
  const which = random(3);
  const btf = which === 1 ? seed.btf : mutate(seed.btf);
  const ext = which === 0 ? seed.ext : mutate(seed.ext);
  const before = process.cpuUsage();
  try {
    attempt(() => use(btf, ext, i % DEEP === 0));
  } catch (error) {
    failures++;
    console.log(error, Buffer.from(btf).toString("hex"), Buffer.from(ext).toString("hex"));
  }
  const { user, system } = process.cpuUsage(before);
  const time = (user + system) / 1000;
  if (time > worst) worst = time;
  if (time > MAX_TIME) {
    failures++;
    console.log(`${time} ms`, Buffer.from(btf).toString("hex"), Buffer.from(ext).toString("hex"));
  }
  if (i % 1024 === 0) largest = Math.max(largest, process.memoryUsage().heapUsed);
}
if (largest > MAX_HEAP) failures++;
const seconds = ((performance.now() - begin) / 1000).toFixed(0);
console.log(
  `${inputs} inputs in ${seconds} s: ${outcomes.value} values, ${outcomes.error} typed errors, ${failures} failures`,
);
console.log(
  `slowest input ${worst.toFixed(0)} ms of processor time, largest heap ${(largest / 2 ** 20).toFixed(0)} MB`,
);
process.exit(failures === 0 ? 0 : 1);
