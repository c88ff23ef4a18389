import type {
  AluOperation,
  AluOperator,
  AtomicOperation,
  AtomicOperator,
  CallOperation,
  Comparison,
  ConformanceGroup,
  CpuVersion,
  ExitOperation,
  JumpOperation,
  LoadOperation,
  Operation,
  RawOperation,
  Size,
  StoreOperation,
  WideMeaning,
  WideOperation,
  WideTailOperation,
  Width,
} from "./operation.js";

/*
 * The opcode byte (RFC 9669 §3).
 *
 *   ALU, ALU64, JMP, JMP32          LD, LDX, ST, STX
 *   7       4   3   2     0         7    5 4    3 2     0
 *  ┌─────────┬───┬───────┐         ┌──────┬──────┬───────┐
 *  │  code   │ X │ class │         │ mode │ size │ class │
 *  └─────────┴───┴───────┘         └──────┴──────┴───────┘
 */
const CLASS = { ld: 0, ldx: 1, st: 2, stx: 3, alu: 4, jmp: 5, jmp32: 6, alu64: 7 } as const;
const SOURCE = { imm: 0x00, reg: 0x08 } as const;
const MODE = { imm: 0x00, abs: 0x20, ind: 0x40, mem: 0x60, memsx: 0x80, atomic: 0xc0 } as const;
const SIZE_BITS: Readonly<Record<Size, number>> = { 4: 0x00, 2: 0x08, 1: 0x10, 8: 0x18 };
/** The RFC's names of access sizes: byte, half word, word, double word. */
export const SIZE_SUFFIX: Readonly<Record<Size, string>> = { 1: "b", 2: "h", 4: "w", 8: "dw" };

const WIDTHS = [64, 32] as const;
const SIZES = [1, 2, 4, 8] as const;
const OPERANDS = ["imm", "reg"] as const;

const aluClass = (width: Width) => (width === 64 ? CLASS.alu64 : CLASS.alu);
const baseGroup = (width: Width): ConformanceGroup => (width === 64 ? "base64" : "base32");

interface AluCode {
  readonly code: number;
  readonly offset?: number;
  readonly cpu?: CpuVersion;
  readonly divmul?: true;
}

/** RFC 9669 §4.1. `sdiv` and `smod` are `div` and `mod` with offset 1. */
const ALU_CODES: Readonly<Partial<Record<AluOperator, AluCode>>> = {
  add: { code: 0x00 },
  sub: { code: 0x10 },
  mul: { code: 0x20, divmul: true },
  div: { code: 0x30, divmul: true },
  sdiv: { code: 0x30, offset: 1, cpu: "v4", divmul: true },
  or: { code: 0x40 },
  and: { code: 0x50 },
  lsh: { code: 0x60 },
  rsh: { code: 0x70 },
  mod: { code: 0x90, divmul: true },
  smod: { code: 0x90, offset: 1, cpu: "v4", divmul: true },
  xor: { code: 0xa0 },
  mov: { code: 0xb0 },
  arsh: { code: 0xc0 },
};

const binaryAlu = (): AluOperation[] =>
  (Object.entries(ALU_CODES) as [AluOperator, AluCode][]).flatMap(([operator, row]) =>
    WIDTHS.flatMap((width) =>
      OPERANDS.map((operand) => ({
        family: "alu" as const,
        name: `${operator}${width}_${operand}`,
        opcode: row.code | SOURCE[operand] | aluClass(width),
        uses: ["dst", operand === "imm" ? "imm" : "src"] as const,
        fixed: row.offset === undefined ? {} : { offset: row.offset },
        cpu: row.cpu ?? "v1",
        group: row.divmul ? (`divmul${width}` as const) : baseGroup(width),
        operator,
        width,
        operand,
      })),
    ),
  );

const negate = (): AluOperation[] =>
  WIDTHS.map((width) => ({
    family: "alu",
    name: `neg${width}`,
    opcode: 0x80 | aluClass(width),
    uses: ["dst"],
    fixed: {},
    cpu: "v1",
    group: baseGroup(width),
    operator: "neg",
    width,
    operand: "none",
  }));

/** Sign-extending moves: `mov` from a register whose offset tells how many bits are extended. */
const signExtendingMoves = (): AluOperation[] =>
  WIDTHS.flatMap((width) =>
    ([8, 16, 32] as const)
      .filter((bits) => bits < width)
      .map((bits) => ({
        family: "alu" as const,
        name: `movsx${bits}_${width}`,
        opcode: 0xb0 | SOURCE.reg | aluClass(width),
        uses: ["dst", "src"] as const,
        fixed: { offset: bits },
        cpu: "v4" as const,
        group: baseGroup(width),
        operator: "movsx" as const,
        width,
        operand: "reg" as const,
        bits,
      })),
  );

/** RFC 9669 §4.2. `le` and `be` convert between host and the named order, `bswap` always swaps. */
const byteSwaps = (): AluOperation[] =>
  (["le", "be", "bswap"] as const).flatMap((operator) =>
    ([16, 32, 64] as const).map((bits) => ({
      family: "alu" as const,
      name: `${operator}${bits}`,
      opcode: 0xd0 | (operator === "be" ? SOURCE.reg : SOURCE.imm) | (operator === "bswap" ? CLASS.alu64 : CLASS.alu),
      uses: ["dst"] as const,
      fixed: { imm: bits },
      cpu: operator === "bswap" ? ("v4" as const) : ("v1" as const),
      group: bits === 64 ? ("base64" as const) : ("base32" as const),
      operator,
      width: 64 as const,
      operand: "none" as const,
      bits,
    })),
  );

/** `mov` with offset 1; imm holds the destination address space in its high and the source's in its low half. */
const ADDR_SPACE_CAST: AluOperation = {
  family: "alu",
  name: "addr_space_cast",
  opcode: 0xb0 | SOURCE.reg | CLASS.alu64,
  uses: ["dst", "src", "imm"],
  fixed: { offset: 1 },
  cpu: "v4",
  group: "extension",
  operator: "addr_space_cast",
  width: 64,
  operand: "reg",
};

const loads = (): LoadOperation[] =>
  [false, true].flatMap((signed) =>
    SIZES.filter((size) => !(signed && size === 8)).map((size) => ({
      family: "load" as const,
      name: `ldx${signed ? "s" : ""}${SIZE_SUFFIX[size]}`,
      opcode: (signed ? MODE.memsx : MODE.mem) | SIZE_BITS[size] | CLASS.ldx,
      uses: ["dst", "src", "offset"] as const,
      fixed: {},
      cpu: signed ? ("v4" as const) : ("v1" as const),
      group: signed || size === 8 ? ("base64" as const) : ("base32" as const),
      mode: "mem" as const,
      size,
      signed,
    })),
  );

/** RFC 9669 §5.5: the legacy packet loads. */
const packetLoads = (): LoadOperation[] =>
  (["abs", "ind"] as const).flatMap((mode) =>
    ([1, 2, 4] as const).map((size) => ({
      family: "load" as const,
      name: `ld_${mode}_${SIZE_SUFFIX[size]}`,
      opcode: MODE[mode] | SIZE_BITS[size] | CLASS.ld,
      uses: mode === "abs" ? (["imm"] as const) : (["src", "imm"] as const),
      fixed: {},
      cpu: "v1" as const,
      group: "packet" as const,
      mode,
      size,
      signed: false,
    })),
  );

const stores = (): StoreOperation[] =>
  OPERANDS.flatMap((operand) =>
    SIZES.map((size) => ({
      family: "store" as const,
      name: `${operand === "imm" ? "st" : "stx"}${SIZE_SUFFIX[size]}`,
      opcode: MODE.mem | SIZE_BITS[size] | (operand === "imm" ? CLASS.st : CLASS.stx),
      uses: ["dst", operand === "imm" ? "imm" : "src", "offset"] as const,
      fixed: {},
      cpu: "v1" as const,
      group: size === 8 ? ("base64" as const) : ("base32" as const),
      size,
      operand,
    })),
  );

const FETCH = 0x01;

interface AtomicCode {
  readonly operator: AtomicOperator;
  readonly imm: number;
  readonly cpu: CpuVersion;
  readonly sizes: readonly Size[];
}

/** RFC 9669 §5.3; the last two came after it. */
const ATOMIC_CODES: readonly AtomicCode[] = [
  { operator: "add", imm: 0x00, cpu: "v1", sizes: [4, 8] },
  { operator: "add", imm: 0x00 | FETCH, cpu: "v3", sizes: [4, 8] },
  { operator: "or", imm: 0x40, cpu: "v3", sizes: [4, 8] },
  { operator: "or", imm: 0x40 | FETCH, cpu: "v3", sizes: [4, 8] },
  { operator: "and", imm: 0x50, cpu: "v3", sizes: [4, 8] },
  { operator: "and", imm: 0x50 | FETCH, cpu: "v3", sizes: [4, 8] },
  { operator: "xor", imm: 0xa0, cpu: "v3", sizes: [4, 8] },
  { operator: "xor", imm: 0xa0 | FETCH, cpu: "v3", sizes: [4, 8] },
  { operator: "xchg", imm: 0xe0 | FETCH, cpu: "v3", sizes: [4, 8] },
  { operator: "cmpxchg", imm: 0xf0 | FETCH, cpu: "v3", sizes: [4, 8] },
  { operator: "load_acquire", imm: 0x100, cpu: "v4", sizes: SIZES },
  { operator: "store_release", imm: 0x110, cpu: "v4", sizes: SIZES },
];

const atomicName = ({ operator, imm }: AtomicCode): string => {
  if (operator === "load_acquire" || operator === "store_release") return operator;
  const fetches = (imm & FETCH) !== 0 && operator !== "xchg" && operator !== "cmpxchg";
  return `atomic_${fetches ? "fetch_" : ""}${operator}`;
};

const atomics = (): AtomicOperation[] =>
  ATOMIC_CODES.flatMap((row) =>
    row.sizes.map((size) => ({
      family: "atomic" as const,
      name: `${atomicName(row)}${8 * size}`,
      opcode: MODE.atomic | SIZE_BITS[size] | CLASS.stx,
      uses: ["dst", "src", "offset"] as const,
      fixed: { imm: row.imm },
      cpu: row.cpu,
      group: row.imm >= 0x100 ? ("extension" as const) : size === 8 ? ("atomic64" as const) : ("atomic32" as const),
      operator: row.operator,
      size,
      fetch: row.imm < 0x100 && (row.imm & FETCH) !== 0,
    })),
  );

const COMPARISON_CODES: Readonly<Record<Comparison, number>> = {
  eq: 0x10,
  gt: 0x20,
  ge: 0x30,
  set: 0x40,
  ne: 0x50,
  sgt: 0x60,
  sge: 0x70,
  lt: 0xa0,
  le: 0xb0,
  slt: 0xc0,
  sle: 0xd0,
};

const SINCE_V2: ReadonlySet<Comparison> = new Set(["lt", "le", "slt", "sle"]);

const conditionalJumps = (): JumpOperation[] =>
  (Object.entries(COMPARISON_CODES) as [Comparison, number][]).flatMap(([operator, code]) =>
    WIDTHS.flatMap((width) =>
      OPERANDS.map((operand) => ({
        family: "jump" as const,
        name: `j${operator}${width}_${operand}`,
        opcode: code | SOURCE[operand] | (width === 64 ? CLASS.jmp : CLASS.jmp32),
        uses: ["dst", operand === "imm" ? "imm" : "src", "offset"] as const,
        fixed: {},
        cpu: width === 32 ? ("v3" as const) : SINCE_V2.has(operator) ? ("v2" as const) : ("v1" as const),
        group: baseGroup(width),
        operator,
        width,
        operand,
        target: "offset" as const,
      })),
    ),
  );

const OTHER_JUMPS: readonly JumpOperation[] = [
  {
    family: "jump",
    name: "ja",
    opcode: 0x00 | CLASS.jmp,
    uses: ["offset"],
    fixed: {},
    cpu: "v1",
    group: "base32",
    operator: "always",
    width: 64,
    operand: "none",
    target: "offset",
  },
  {
    family: "jump",
    name: "gotol",
    opcode: 0x00 | CLASS.jmp32,
    uses: ["imm"],
    fixed: {},
    cpu: "v4",
    group: "base32",
    operator: "always",
    width: 32,
    operand: "none",
    target: "imm",
  },
  {
    family: "jump",
    name: "may_goto",
    opcode: 0xe0 | CLASS.jmp,
    uses: ["offset"],
    fixed: {},
    cpu: "v4",
    group: "extension",
    operator: "may_goto",
    width: 64,
    operand: "none",
    target: "offset",
  },
  {
    family: "jump",
    name: "gotox",
    opcode: 0x00 | SOURCE.reg | CLASS.jmp,
    uses: ["dst"],
    fixed: {},
    cpu: "v4",
    group: "extension",
    operator: "gotox",
    width: 64,
    operand: "none",
    target: "dst",
  },
];

/** RFC 9669 §4.3.1; `src` tells the meaning of `imm`. A kfunc's `offset` selects the module's BTF. */
const CALLS: readonly CallOperation[] = [
  {
    family: "call",
    name: "call",
    opcode: 0x80 | CLASS.jmp,
    uses: ["imm"],
    fixed: {},
    cpu: "v1",
    group: "base32",
    target: "helper",
  },
  {
    family: "call",
    name: "call_local",
    opcode: 0x80 | CLASS.jmp,
    uses: ["imm"],
    fixed: { src: 1 },
    cpu: "v1",
    group: "base32",
    target: "local",
  },
  {
    family: "call",
    name: "call_kfunc",
    opcode: 0x80 | CLASS.jmp,
    uses: ["imm", "offset"],
    fixed: { src: 2 },
    cpu: "v1",
    group: "base32",
    target: "kfunc",
  },
  {
    family: "call",
    name: "callx",
    opcode: 0x80 | SOURCE.reg | CLASS.jmp,
    uses: ["dst"],
    fixed: {},
    cpu: "v1",
    group: "extension",
    target: "register",
  },
];

const EXIT: ExitOperation = {
  family: "exit",
  name: "exit",
  opcode: 0x90 | CLASS.jmp,
  uses: [],
  fixed: {},
  cpu: "v1",
  group: "base32",
};

/** RFC 9669 §5.4; the index in this list is the `src` field. */
const WIDE_MEANINGS: readonly WideMeaning[] = [
  "value",
  "map",
  "map_value",
  "ksym",
  "function",
  "map_index",
  "map_index_value",
];

const wideLoads = (): WideOperation[] =>
  WIDE_MEANINGS.map((meaning, src) => ({
    family: "lddw",
    name: meaning === "value" ? "lddw" : `lddw_${meaning}`,
    opcode: MODE.imm | SIZE_BITS[8] | CLASS.ld,
    uses: ["dst", "imm"],
    fixed: { src },
    cpu: "v1",
    group: "base64",
    meaning,
  }));

/** The second slot of an LD_IMM64: only its `imm`, the high 32 bits, is used. It stands nowhere else. */
export const WIDE_TAIL: WideTailOperation = {
  family: "lddw-tail",
  name: "lddw_tail",
  opcode: 0,
  uses: ["imm"],
  fixed: {},
  cpu: "v1",
  group: "base64",
};

/** Stands for every slot that is no known operation; the fields of the slot are kept as they are. */
export const RAW: RawOperation = {
  family: "raw",
  name: "raw",
  opcode: 0,
  uses: ["dst", "src", "offset", "imm"],
  fixed: {},
  cpu: "v1",
  group: "extension",
};

/** The table of operations: every operation of the instruction set, once. */
export const OPERATIONS: readonly Operation[] = Object.freeze([
  ...binaryAlu(),
  ...negate(),
  ...signExtendingMoves(),
  ...byteSwaps(),
  ADDR_SPACE_CAST,
  ...loads(),
  ...packetLoads(),
  ...stores(),
  ...atomics(),
  ...conditionalJumps(),
  ...OTHER_JUMPS,
  ...CALLS,
  EXIT,
  ...wideLoads(),
]);
