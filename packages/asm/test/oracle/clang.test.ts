import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Assembly, assemble } from "../../src/index.js";
import { missingTools } from "../tools.js";

const missing = missingTools("clang-19", "llvm-objcopy-19");

/** Code, data, calls between sections, external calls, inline assembly, and debugging information. */
const SOURCE = `
typedef unsigned int __u32;
struct { int (*type)[2]; int (*max_entries)[4]; int *key; long *value; } counts __attribute__((section(".maps"), used));
static void *(*bpf_map_lookup_elem)(void *, const void *) = (void *)1;
struct xdp_md { __u32 data, data_end; };
const volatile int factor = 3;
long total;
char text[] = "a\\tb\\377";
static int start = 5;
void *pointer = &start;
extern int kernel_function(int) __attribute__((section(".ksyms")));
static __attribute__((noinline)) int scale(int a) { return a * factor + (total++); }
__attribute__((noinline)) int both(int a) { return a + scale(a); }
__attribute__((section("xdp"), used)) int prog(struct xdp_md *ctx) {
  int key = 0;
  long *value = bpf_map_lookup_elem(&counts, &key);
  if (value) __sync_fetch_and_add(value, 1);
  switch (ctx->data) { case 1: return 2; case 5: return 9; case 7: return 55; }
  asm volatile("r1 = 5; r2 = r1; if r1 > 5 goto 1f; r3 = 3\\n1: r4 = 4" ::: "r1", "r2", "r3", "r4");
  return scale(ctx->data) + kernel_function(3) + text[1] + both(3) + start;
}
`;

const SECTIONS = [".text", "xdp", ".rodata", ".data", ".maps", ".BTF", ".BTF.ext"];

describe.skipIf(missing !== "")(`what clang 19 writes with -S${missing}`, () => {
  let folder = "";
  let assembly: Assembly;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "ebpf-asm-"));
    const source = join(folder, "in.c");
    writeFileSync(source, SOURCE);
    const options = ["-target", "bpf", "-O2", "-g", "-mcpu=v3"];
    execFileSync("clang-19", [...options, "-S", source, "-o", join(folder, "out.s")]);
    execFileSync("clang-19", [...options, "-c", source, "-o", join(folder, "out.o")]);
    assembly = assemble(readFileSync(join(folder, "out.s"), "utf8"), { dialect: "kernel" });
  });

  afterAll(() => rmSync(folder, { recursive: true }));

  /** Bytes with the places that relocations fill set to zero, because LLVM prefers section symbols where it can. */
  const withoutRelocations = (name: string, bytes: Uint8Array): Uint8Array => {
    const blank = Uint8Array.from(bytes);
    for (const { section, offset, kind } of assembly.relocations) {
      if (section !== name) continue;
      if (kind === "imm64") blank.fill(0, offset + 4, offset + 16);
      else if (kind === "call") blank.fill(0, offset + 4, offset + 8);
      else blank.fill(0, offset, offset + (kind === "abs32" ? 4 : 8));
    }
    return blank;
  };

  it.each(SECTIONS)("gives the bytes of clang's own object in %s", (name) => {
    const binary = join(folder, "section.bin");
    execFileSync("llvm-objcopy-19", [`--dump-section=${name}=${binary}`, join(folder, "out.o")]);
    const theirs = new Uint8Array(readFileSync(binary));
    const ours = assembly.sections.find((section) => section.name === name)!.bytes;
    expect(withoutRelocations(name, ours)).toEqual(withoutRelocations(name, theirs));
  });

  it("gives its functions, its objects and what it needs from elsewhere", () => {
    const named = (type: string) => assembly.symbols.filter((symbol) => symbol.type === type).map(({ name }) => name);
    expect(named("function").sort()).toEqual(["both", "prog", "scale"]);
    expect(named("object").sort()).toEqual(["counts", "factor", "pointer", "start", "text", "total"]);
    const code = assembly.relocations.filter(({ section }) => section === "xdp");
    expect(code.map(({ kind, symbol }) => [kind, symbol])).toEqual([
      ["imm64", "counts"],
      ["call", "scale"],
      ["call", "kernel_function"],
      ["imm64", "text"],
      ["call", "both"],
      ["imm64", "start"],
    ]);
  });
});
