import { Btf, type BtfType } from "@ebpf/btf";
import { type MapSpec, type ProgramSpec, programSpec } from "@ebpf/platform";
import { describe, expect, it } from "vitest";
import { withFinishedTypes } from "../src/record-types.js";

const TYPES: readonly BtfType[] = [
  { kind: "int", name: "char", size: 1, encoding: "signed", bitOffset: 0, bits: 8 },
  { kind: "int", name: "long", size: 8, encoding: "signed", bitOffset: 0, bits: 64 },
  { kind: "var", name: "a", type: 1, linkage: "global" },
  { kind: "var", name: "b", type: 2, linkage: "global" },
  {
    kind: "datasec",
    name: ".bss",
    size: 0,
    variables: [
      { type: 3, offset: 0, size: 1 },
      { type: 4, offset: 0, size: 8 },
    ],
  },
  { kind: "func_proto", returnType: 0, parameters: [{ name: "", type: 1 }] },
  { kind: "func", name: "kfunc", type: 6, linkage: "extern" },
  { kind: "datasec", name: ".ksyms", size: 0, variables: [{ type: 7, offset: 0, size: 0 }] },
  { kind: "datasec", name: ".rodata", size: 0, variables: [] },
  { kind: "var", name: "CONFIG_HZ", type: 2, linkage: "extern" },
  { kind: "func", name: "hidden", type: 6, linkage: "global" },
  { kind: "func", name: "visible", type: 6, linkage: "global" },
];

describe("types of records", () => {
  const btf = new Btf(TYPES);
  const bss: MapSpec = {
    name: ".bss",
    type: "array",
    keySize: 4,
    valueSize: 32,
    maxEntries: 1,
    flags: 0,
    btf: { btf, valueTypeId: 5 },
  };
  const spec = programSpec("xdp", [], {
    functions: [
      { pc: 0, typeId: 12, name: "visible", linkage: "global" },
      { pc: 2, typeId: 11, name: "hidden", linkage: "static" },
    ],
    maps: new Map([[1, bss]]),
    btf,
  });
  const finished = withFinishedTypes(spec);
  const type = (id: number) => finished.btf!.type(id);

  it("get sizes from maps, and places from alignments", () => {
    expect(type(5)).toMatchObject({ size: 32, variables: [{ offset: 0 }, { type: 4, offset: 8, size: 8 }] });
    expect(type(9)).toMatchObject({ size: 1 });
  });

  it("define what they declared", () => {
    expect(type(7)).toMatchObject({ linkage: "global" });
    expect(type(6)).toMatchObject({ parameters: [{ name: "stand_in" }] });
    expect(type(10)).toMatchObject({ linkage: "global", type: 2 });
    const symbols = type(8);
    const [entry] = symbols.kind === "datasec" ? symbols.variables : [];
    expect(type(entry!.type)).toMatchObject({ kind: "var", name: "stand_in" });
    expect(finished.btf!.sizeOf(entry!.type)).toBe(4);
  });

  it("say of functions what the loader made of them", () => {
    expect(type(11)).toMatchObject({ name: "hidden", linkage: "static" });
    expect(type(12)).toMatchObject({ name: "visible", linkage: "global" });
  });

  it("are the same for the program and its maps", () => {
    expect(finished.maps.get(1)?.btf?.btf).toBe(finished.btf);
    expect(
      withFinishedTypes({ ...spec, maps: new Map(), btf: undefined } as unknown as ProgramSpec).btf,
    ).toBeUndefined();
  });
});
