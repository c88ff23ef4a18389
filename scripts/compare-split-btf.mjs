/*
 * Compares @ebpf/btf with libbpf on split BTF: random types over a kernel's are distilled by both, and what came out is
 * relocated to the kernel again by both. All types must be equal, ids included.
 *
 * node scripts/compare-split-btf.mjs --libbpf LIBRARY [--btf FILE] [--count NUMBER] [--seed NUMBER]
 *
 * Needs Linux, koffi (an optional dependency of @ebpf/kernel), a libbpf of 1.5 or newer, and `node scripts/setup.mjs` run before.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { isDeepStrictEqual, parseArgs } from "node:util";
import { BtfBuilder, decodeBtf, distillBase, encodeBtf, relocateSplit } from "../packages/btf/dist/index.js";

const { values: options } = parseArgs({
  options: {
    libbpf: { type: "string", default: "libbpf.so.1" },
    btf: { type: "string", default: "/sys/kernel/btf/vmlinux" },
    count: { type: "string", default: "200" },
    seed: { type: "string", default: "1" },
  },
});

const koffi = createRequire(new URL("../packages/kernel/package.json", import.meta.url))("koffi");
const library = koffi.load(options.libbpf);
const btfNew = library.func("void *btf__new(const uint8_t *data, uint32_t size)");
const btfNewSplit = library.func("void *btf__new_split(const uint8_t *data, uint32_t size, void *base)");
const btfDistillBase = library.func("int btf__distill_base(void *split, _Out_ void **base, _Out_ void **distilled)");
const btfRelocate = library.func("int btf__relocate(void *split, void *base)");
const btfRawData = library.func("void *btf__raw_data(void *btf, _Out_ uint32_t *size)");

const bytesOf = (btf) => {
  const size = [0];
  const data = btfRawData(btf, size);
  return new Uint8Array(koffi.decode(data, "uint8_t", size[0]));
};

const kernelBytes = new Uint8Array(readFileSync(options.btf));
const kernel = decodeBtf(kernelBytes, { path: options.btf });
const kernelOfLibbpf = btfNew(kernelBytes, kernelBytes.length);

let state = Number(options.seed);
/** A number below `limit`. */
const random = (limit) => {
  state = (Math.imul(state, 1103515245) + 12345) >>> 0;
  return (state >>> 8) % limit;
};

/** Kinds that have values. */
const VALUES = new Set(["int", "float", "ptr", "array", "struct", "union", "enum", "enum64"]);

/** Up to 15 random types over the kernel's. */
const randomSplit = () => {
  const types = new BtfBuilder({ base: kernel });
  const made = [];
  const anyType = () => {
    if (made.length > 0 && random(4) === 0) return made[random(made.length)];
    for (;;) {
      const id = 1 + random(kernel.typeCount - 1);
      if (VALUES.has(kernel.resolvedType(id).kind)) return id;
    }
  };
  const members = () =>
    Array.from({ length: 1 + random(4) }, (_, n) => [`m${n}`, random(2) === 0 ? anyType() : types.pointer(anyType())]);
  const makers = [
    () => types.pointer(anyType()),
    (n) => types.typedef(`t${n}`, anyType()),
    (n) => types.struct(`s${n}`, Object.fromEntries(members())),
    () => types.qualified("const", anyType()),
    () => types.array(anyType(), 3),
  ];
  for (let n = 3 + random(12); n > 0; n--) made.push(makers[random(makers.length)](n));
  return types.build();
};

const readable = (bytes, base) => {
  try {
    return decodeBtf(bytes, { base });
  } catch (error) {
    if (error.code === "OUT_OF_RANGE") return undefined;
    throw error;
  }
};

/** `undefined` where types of the kernel fit equally well. */
const relocatedByUs = (split) => {
  try {
    return relocateSplit(split, kernel);
  } catch (error) {
    if (error.code === "AMBIGUOUS_RELOCATION") return undefined;
    throw error;
  }
};

/*
 * libbpf 1.8 refuses alone where a structure and an enumeration share name and size. What it makes of split BTF that needs
 * nothing of the base but types without a name refers to ids that aren't there.
 */
const counts = { distilled: 0, relocated: 0, different: 0, refusedByBoth: 0, refusedByLibbpf: 0, unreadable: 0 };
const compare = (what, theirs, ours) => {
  const isEqual = isDeepStrictEqual([...theirs.types], [...(ours?.types ?? [])]);
  counts[isEqual ? what : "different"]++;
  if (!isEqual) console.log(`${what}: ours differ`);
};

for (let n = 0; n < Number(options.count); n++) {
  const split = randomSplit();
  const bytes = encodeBtf(split);
  const [base, distilled] = [[null], [null]];
  if (btfDistillBase(btfNewSplit(bytes, bytes.length, kernelOfLibbpf), base, distilled) !== 0) {
    throw new Error("libbpf distills no base");
  }
  const [baseBytes, splitBytes] = [bytesOf(base[0]), bytesOf(distilled[0])];
  const theirs = readable(splitBytes, decodeBtf(baseBytes));
  if (theirs === undefined) {
    counts.unreadable++;
    continue;
  }
  compare("distilled", theirs, distillBase(split));
  const again = btfNewSplit(splitBytes, splitBytes.length, btfNew(baseBytes, baseBytes.length));
  const relocated = btfRelocate(again, kernelOfLibbpf) === 0 ? decodeBtf(bytesOf(again), { base: kernel }) : undefined;
  const ours = relocatedByUs(theirs);
  if (relocated === undefined) counts[ours === undefined ? "refusedByBoth" : "refusedByLibbpf"]++;
  else compare("relocated", relocated, ours);
}
console.log(JSON.stringify(counts));
if (counts.different > 0) process.exitCode = 1;
