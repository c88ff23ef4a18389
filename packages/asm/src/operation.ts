/** The families that consumers dispatch on. `lddw-tail` is the second slot of an LD_IMM64, `raw` an unknown encoding. */
export type Family = "alu" | "load" | "store" | "atomic" | "jump" | "call" | "exit" | "lddw" | "lddw-tail" | "raw";

/** The four fields of an instruction slot beside the opcode byte. */
export type Field = "dst" | "src" | "offset" | "imm";

/** The instruction set version of LLVM's `-mcpu`, in which an operation first appears. */
export type CpuVersion = "v1" | "v2" | "v3" | "v4";

/** The conformance groups of RFC 9669 §2.4; `extension` is what came after the RFC. */
export type ConformanceGroup =
  | "base32"
  | "base64"
  | "atomic32"
  | "atomic64"
  | "divmul32"
  | "divmul64"
  | "packet"
  | "extension";

export type Width = 32 | 64;

/** Access sizes in bytes. */
export type Size = 1 | 2 | 4 | 8;

/** Where the second operand comes from. */
export type Operand = "imm" | "reg" | "none";

export type AluOperator =
  | "add"
  | "sub"
  | "mul"
  | "div"
  | "sdiv"
  | "or"
  | "and"
  | "lsh"
  | "rsh"
  | "arsh"
  | "neg"
  | "mod"
  | "smod"
  | "xor"
  | "mov"
  | "movsx"
  | "le"
  | "be"
  | "bswap"
  | "addr_space_cast";

/** Operators with a destination and a second operand, which may be a register or a number. */
export type BinaryOperator = Exclude<AluOperator, "neg" | "movsx" | "le" | "be" | "bswap" | "addr_space_cast">;

export type AtomicOperator = "add" | "or" | "and" | "xor" | "xchg" | "cmpxchg" | "load_acquire" | "store_release";

/** The comparisons of conditional jumps; `set` is "any common bit". */
export type Comparison = "eq" | "ne" | "gt" | "ge" | "lt" | "le" | "sgt" | "sge" | "slt" | "sle" | "set";

export type JumpOperator = Comparison | "always" | "may_goto" | "gotox";

export type CallTarget = "helper" | "local" | "kfunc" | "register";

/** What the 64 bits of an LD_IMM64 mean (its `src` field). */
export type WideMeaning =
  | "value"
  | "map" // imm is a map handle
  | "map_value" // imm is a map handle, the second imm an offset into its value
  | "ksym" // imm is a BTF id of a kernel variable
  | "function" // imm is a pc-relative offset of a subprogram, for callbacks
  | "map_index" // imm is an index into the load's file-descriptor array
  | "map_index_value";

interface OperationBase {
  /** Unique in the table, for example `add64_imm`. */
  readonly name: string;
  /** The first byte of the encoding. */
  readonly opcode: number;
  /** Fields that are operands. */
  readonly uses: readonly Field[];
  /** Fields whose value tells operations of one opcode apart. Any field in neither list must be 0. */
  readonly fixed: Readonly<Partial<Record<Field, number>>>;
  readonly cpu: CpuVersion;
  readonly group: ConformanceGroup;
}

export interface AluOperation extends OperationBase {
  readonly family: "alu";
  readonly operator: AluOperator;
  readonly width: Width;
  readonly operand: Operand;
  /** For `movsx`, `le`, `be` and `bswap`: how many low bits are read. */
  readonly bits?: 8 | 16 | 32 | 64;
}

export interface LoadOperation extends OperationBase {
  readonly family: "load";
  /** `abs` and `ind` are the legacy packet loads into r0. */
  readonly mode: "mem" | "abs" | "ind";
  readonly size: Size;
  readonly signed: boolean;
}

export interface StoreOperation extends OperationBase {
  readonly family: "store";
  readonly size: Size;
  readonly operand: "imm" | "reg";
}

export interface AtomicOperation extends OperationBase {
  readonly family: "atomic";
  readonly operator: AtomicOperator;
  readonly size: Size;
  /** True when the old value of memory is returned, in `src` (in r0 for `cmpxchg`). */
  readonly fetch: boolean;
}

export interface JumpOperation extends OperationBase {
  readonly family: "jump";
  readonly operator: JumpOperator;
  readonly width: Width;
  readonly operand: Operand;
  /** The field that holds the target relative to the next slot; `dst` is an absolute code address (`gotox`). */
  readonly target: "offset" | "imm" | "dst";
}

export interface CallOperation extends OperationBase {
  readonly family: "call";
  readonly target: CallTarget;
}

export interface ExitOperation extends OperationBase {
  readonly family: "exit";
}

export interface WideOperation extends OperationBase {
  readonly family: "lddw";
  readonly meaning: WideMeaning;
}

export interface WideTailOperation extends OperationBase {
  readonly family: "lddw-tail";
}

export interface RawOperation extends OperationBase {
  readonly family: "raw";
}

/** A row of the operation table: everything that is known of an operation, in one place. */
export type Operation =
  | AluOperation
  | LoadOperation
  | StoreOperation
  | AtomicOperation
  | JumpOperation
  | CallOperation
  | ExitOperation
  | WideOperation
  | WideTailOperation
  | RawOperation;

export type OperationOf<F extends Family> = Extract<Operation, { readonly family: F }>;
