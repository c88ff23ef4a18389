// The object reader, and the linker of objects.
import { readFileSync } from "node:fs";
import { assemble } from "../../packages/asm/dist/index.js";
import { BtfBuilder } from "../../packages/btf/dist/index.js";
import { linkObjects, readObject, writeObject } from "../../packages/elf/dist/index.js";
import { mutate } from "./mutate.mjs";

/** Programs in two sections, a subprogram, maps, data, a jump table, types and lines. */
const TEXT = `.section xdp,"ax",@progbits
.globl count
.type count,@function
count:
  r1 = counters ll
  call bump
  r1 = limit ll
  r1 = *(u32 *)(r1 + 0)
  r2 = table ll
  r2 = *(u64 *)(r2 + 0)
  gotox r2
out:
  r0 = 2
  exit

.section tc,"ax",@progbits
.globl drop
.type drop,@function
drop:
  call bump
  r0 = 0
  exit

.text
.type bump,@function
bump:
  r0 = 0
  exit

.section .rodata,"a",@progbits
.globl limit
.type limit,@object
limit: .long 42

.section .jumptables,"",@progbits
.type table,@object
table: .quad 80
.size table, 8
`;

const MAPS = [
  { name: "counters", type: "array", keySize: 4, valueSize: 8, maxEntries: 4, flags: 0 },
  { name: "events", type: "ringbuf", keySize: 0, valueSize: 0, maxEntries: 4096, flags: 0 },
];

const small = ["little", "big"].map((order) =>
  writeObject({
    assembly: assemble(TEXT, { dialect: "kernel", order }),
    order,
    license: "GPL",
    maps: MAPS,
    source: { file: "count.s", text: TEXT },
  }),
);

/** Everything that clang writes: larger, and so rarer. */
const FIXTURES = ["features-el.o", "features-eb.o", "legacy-el.o", "legacy-eb.o"];
const large = FIXTURES.map(
  (name) => new Uint8Array(readFileSync(new URL(`../../packages/elf/test/fixtures/${name}`, import.meta.url))),
);

/** A kernel that has some of what the objects ask for, so that looking up goes on to adapting. */
const kernel = () => {
  const types = new BtfBuilder();
  const int = types.int("int", 4, "signed");
  types.func("missing_function", types.signature(0), "static");
  types.func("do_exit", types.signature(0, { code: int }), "static");
  types.struct("task", { pads: types.array(int, 3), pid: int });
  return { btf: types.build(), release: "6.18.0" };
};
const options = { kernel: kernel() };

/** An object, and whether it has a kernel; every so many inputs it is linked with itself under other names, too. */
export default {
  every: 8,
  next: (random) => [mutate(random(50) === 0 ? large[random(large.length)] : small[random(2)], random)],
  use: ([bytes], attempt, deep) => {
    attempt(() => readObject(bytes, deep ? options : {}));
    if (deep) attempt(() => linkObjects([{ path: "a.o", bytes }]));
  },
};
