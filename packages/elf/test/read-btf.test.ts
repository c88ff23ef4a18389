import { BtfBuilder, encodeBtf } from "@ebpf/btf";
import { MalformedError } from "@ebpf/core";
import { expect, test } from "vitest";
import { ElfError, readBtf } from "../src/index.js";
import { fixture } from "./support/fixture.js";
import { locateSection, view } from "./support/locate.js";

const MACHINE = 18;
const X86_64 = 62;

const types = (): Uint8Array => {
  const builder = new BtfBuilder();
  builder.struct("task", { pid: builder.int("int", 4, "signed") });
  return encodeBtf(builder.build());
};

test("types come from BTF, and from an ELF file for any machine, in either byte order", () => {
  expect(readBtf(types()).findByName("task")).toBe(2);
  const kernel = fixture("features-el.o");
  view(kernel).setUint16(MACHINE, X86_64, true);
  for (const file of [kernel, fixture("features-eb.o")]) expect(readBtf(file).findByName("task")).toBeGreaterThan(0);
});

const errorOf = (bytes: Uint8Array): unknown => {
  try {
    return readBtf(bytes, { path: "vmlinux" });
  } catch (error) {
    return error;
  }
};

test("a file without types, or with broken ones, is an error with a place", () => {
  const withoutTypes = errorOf(fixture("legacy-el.o"));
  expect(withoutTypes).toBeInstanceOf(ElfError);
  expect(withoutTypes).toMatchObject({ code: "NO_BTF", path: "vmlinux" });
  const broken = fixture("features-el.o");
  const { offset } = locateSection(broken, ".BTF");
  broken[offset] = 0;
  expect(errorOf(broken)).toMatchObject({ path: "vmlinux/.BTF", offset });
  for (const length of [0, 3, 20, 200]) {
    const error = errorOf(fixture("features-el.o").subarray(0, length));
    expect([MalformedError, ElfError].some((kind) => error instanceof kind)).toBe(true);
  }
});
