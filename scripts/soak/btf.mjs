// The BTF parsers, and all that is done with what they return.
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
} from "../../packages/btf/dist/index.js";
import { mutate } from "./mutate.mjs";

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

const whole = decodeBtf(seedOf("little").btf);
const zeros = new Uint8Array(256);

const use = ([btfBytes, extBytes], attempt, deep) => {
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

/** `.BTF` and `.BTF.ext`, of which at least one is changed. Every so many inputs all questions are asked, not only decoding. */
export default {
  every: 16,
  next: (random) => {
    const { btf, ext } = seeds[random(2)];
    const which = random(3);
    return [which === 1 ? btf : mutate(btf, random), which === 0 ? ext : mutate(ext, random)];
  },
  use,
};
