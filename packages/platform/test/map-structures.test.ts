import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { type Btf, decodeBtf } from "@ebpf/btf";
import { describe, expect, it } from "vitest";
import { type KernelStructure, linux } from "../src/index.js";

const ROOT = process.env.EBPF_CORPORA ?? fileURLToPath(new URL("../../../../shared/corpora", import.meta.url));
const PATH = `${ROOT}/vmlinux-6.18.btf.gz`;
const missing = existsSync(PATH) ? "" : ` (skipped: no ${PATH})`;

/** What a member holds by its type in BTF; arrays hold what their elements are. */
const holds = (btf: Btf, id: number): KernelStructure | string => {
  const type = btf.resolvedType(id);
  if (type.kind === "array") return holds(btf, type.elementType);
  if (type.kind === "struct" || type.kind === "union") return structureOf(btf, id);
  if (type.kind !== "ptr") return "number";
  const target = type.type === 0 ? "void" : btf.resolvedType(type.type).kind;
  return target === "struct" || target === "union" ? "object" : "address";
};

const structureOf = (btf: Btf, id: number): KernelStructure => {
  const type = btf.resolvedType(id);
  if (type.kind !== "struct" && type.kind !== "union") throw new Error(`${id} is no structure`);
  const members = type.members.map((member) => ({
    name: member.name,
    offset: member.bitOffset / 8,
    size: btf.sizeOf(member.type),
    holds: holds(btf, member.type),
  }));
  const { name, size } = type;
  return { name, size, ...(type.kind === "union" && { union: true }), members } as KernelStructure;
};

describe("structures of maps", () => {
  it.skipIf(missing !== "")(`are those in the BTF of Linux 6.18${missing}`, () => {
    const btf = decodeBtf(new Uint8Array(gunzipSync(readFileSync(PATH))));
    const structures = new Set(Object.values(linux.mapTypes).flatMap(({ structure }) => structure ?? []));
    expect(structures.size).toBe(16);
    for (const structure of structures) {
      const id = btf.types.findIndex((type) => type.kind === "struct" && type.name === structure.name);
      expect(structure).toEqual(structureOf(btf, id));
    }
  });
});
