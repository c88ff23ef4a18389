import { Bytes } from "./bytes.js";
import { Code, type Mark } from "./code.js";
import { OP, TYPE, type ValueType } from "./opcodes.js";

/** Parameters and results of a function. */
export interface Signature {
  readonly parameters: readonly ValueType[];
  readonly results: readonly ValueType[];
}

/** A function of the module: imported, or with a body. Its index is known when the module is finished. */
export interface FunctionReference {
  readonly name: string;
  readonly signature: Signature;
}

/** A table of functions that all have one signature. */
export interface FunctionTable {
  readonly signature: Signature;
}

interface DefinedFunction extends FunctionReference {
  readonly code: Code;
}

/** The two names under which a function of the host is imported. */
export type ImportNames = readonly [module: string, name: string];

/** Bytes that memory begins with. */
export interface DataSegment {
  readonly address: number;
  readonly bytes: Uint8Array;
}

/** Where a module's memory comes from; sizes are in pages of 64 KiB. */
export type ModuleMemory =
  | { readonly kind: "imported"; readonly pages: number } // `env.memory`, of exactly this size
  | { readonly kind: "exported"; readonly pages: number; readonly data: readonly DataSegment[] }; // `memory`, at least so large

/** A section that engines pass over. */
export interface CustomSection {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** A finished module. */
export interface EncodedModule {
  readonly bytes: Uint8Array;
  /** Where its code comes from, in order of offsets into `bytes`. */
  readonly marks: readonly Mark[];
}

const SECTION = {
  custom: 0,
  type: 1,
  import: 2,
  function: 3,
  table: 4,
  memory: 5,
  export: 7,
  element: 9,
  code: 10,
  data: 11,
} as const;
const KIND_FUNCTION = 0x00;
const KIND_TABLE = 0x01;
const FUNCTIONS = 0x70;
const KIND_MEMORY = 0x02;
const LIMITS_WITH_MAXIMUM = 0x01;
const LIMITS_WITHOUT_MAXIMUM = 0x00;
const HEADER = Uint8Array.of(0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00);
/** Parts of the custom section "name". */
const NAMES = { functions: 1, locals: 2 } as const;

/** Builds a module over one memory. */
export class ModuleBuilder {
  readonly #imports = new Map<string, FunctionReference>();
  readonly #functions: DefinedFunction[] = [];
  readonly #exports: { readonly name: string; readonly reference: FunctionReference }[] = [];
  readonly #namesOf: (name: string) => ImportNames;
  #table: FunctionTable | undefined;

  /** @param namesOf what an import is called outside of the module */
  constructor(namesOf: (name: string) => ImportNames = (name) => ["env", name]) {
    this.#namesOf = namesOf;
  }

  /** A function that the host gives; asking for a name again gives the same function. */
  import(name: string, parameters: readonly ValueType[], results: readonly ValueType[]): FunctionReference {
    const known = this.#imports.get(name);
    if (known !== undefined) return known;
    const reference = { name, signature: { parameters, results } };
    this.#imports.set(name, reference);
    return reference;
  }

  /** The functions that the host is asked for so far. */
  get imports(): readonly FunctionReference[] {
    return [...this.#imports.values()];
  }

  /** A function with a body, to be written through its `code`. */
  define(name: string, parameters: readonly ValueType[], results: readonly ValueType[]): DefinedFunction {
    const defined = { name, signature: { parameters, results }, code: new Code(parameters.length) };
    this.#functions.push(defined);
    return defined;
  }

  /** The module's one table, of functions with this signature. */
  table(signature: Signature): FunctionTable {
    this.#table ??= { signature };
    return this.#table;
  }

  get hasTable(): boolean {
    return this.#table !== undefined;
  }

  /** Gives a body to a function that was asked for as an import: the host need not have it any more. */
  implement(reference: FunctionReference): Code {
    this.#imports.delete(reference.name);
    const code = new Code(reference.signature.parameters.length);
    this.#functions.push(Object.assign(reference, { code }));
    return code;
  }

  /** Exports a function, under its own name unless another is given. */
  export(reference: FunctionReference, name = reference.name): void {
    this.#exports.push({ name, reference });
  }

  /**
   * The binary module.
   *
   * @param content the functions of its table by their indices; without it the host gives a table, `env.programs`
   */
  finish(memory: ModuleMemory, content?: ReadonlyMap<number, FunctionReference>): EncodedModule {
    const functions: readonly FunctionReference[] = [...this.#imports.values(), ...this.#functions];
    const indices = new Map<FunctionReference | FunctionTable, number>(
      functions.map((reference, index) => [reference, index] as const),
    );
    const types = new TypeTable();
    if (this.#table !== undefined) indices.set(this.#table, types.indexOf(this.#table.signature));
    const imports = [...this.#imports.values()];
    const importItems = vector(imports, (out, reference) => {
      for (const name of this.#namesOf(reference.name)) out.text(name);
      out.byte(KIND_FUNCTION);
      out.u32(types.indexOf(reference.signature));
    });
    const functionItems = vector(this.#functions, (out, { signature }) => out.u32(types.indexOf(signature)));
    const exportItems = vector(this.#exports, (out, { name, reference }) => {
      out.text(name);
      out.byte(KIND_FUNCTION);
      out.u32(indices.get(reference)!);
    });

    const module = new Bytes(1024);
    module.raw(HEADER);
    section(module, SECTION.type, types.signatures.length, types.encode());
    const own = memory.kind === "exported";
    if (!own) importMemory(importItems, memory.pages);
    const importsTable = this.hasTable && content === undefined;
    if (importsTable) importTable(importItems);
    section(module, SECTION.import, imports.length + (own ? 0 : 1) + (importsTable ? 1 : 0), importItems);
    section(module, SECTION.function, this.#functions.length, functionItems);
    const ownTable = this.hasTable ? content : undefined;
    if (ownTable !== undefined) section(module, SECTION.table, 1, tableOf(1 + Math.max(0, ...ownTable.keys())));
    if (own) {
      section(module, SECTION.memory, 1, limits(memory.pages));
      exportMemory(exportItems);
    }
    section(module, SECTION.export, this.#exports.length + (own ? 1 : 0), exportItems);
    if (ownTable !== undefined) {
      const elements = vector([...ownTable], (out, [at, reference]) => writeElement(out, at, indices.get(reference)!));
      section(module, SECTION.element, ownTable.size, elements);
    }
    const marks = this.#writeCode(module, indices);
    if (own) section(module, SECTION.data, memory.data.length, vector(memory.data, writeSegment));
    return { bytes: module.finish(), marks };
  }

  /** The names of functions and locals, as the custom section that engines and debuggers read. */
  names(): CustomSection {
    const imports = [...this.#imports.values()];
    const functions: readonly FunctionReference[] = [...imports, ...this.#functions];
    const out = new Bytes();
    const named = functions.map(({ name }, index) => [index, name] as const);
    part(out, NAMES.functions, (body) => nameMap(body, named));
    part(out, NAMES.locals, (body) => {
      body.u32(this.#functions.length);
      this.#functions.forEach(({ code }, index) => {
        body.u32(imports.length + index);
        nameMap(
          body,
          [...code.names].sort(([a], [b]) => a - b),
        );
      });
    });
    return { name: "name", bytes: out.finish() };
  }

  #writeCode(module: Bytes, indices: ReadonlyMap<FunctionReference | FunctionTable, number>): readonly Mark[] {
    const items = new Bytes(4096);
    const marks: Mark[] = [];
    for (const { code } of this.#functions) {
      const body = code.finish((callee) => indices.get(callee)!);
      items.u32(body.bytes.length);
      for (const { offset, place } of body.marks) marks.push({ offset: items.length + offset, place });
      items.raw(body.bytes);
    }
    const start = section(module, SECTION.code, this.#functions.length, items);
    return marks.map(({ offset, place }) => ({ offset: start + offset, place }));
  }
}

/** The same module with further custom sections at its end. */
export const withSections = (module: Uint8Array, sections: readonly CustomSection[]): Uint8Array => {
  const out = new Bytes(module.length + 1024);
  out.raw(module);
  for (const { name, bytes } of sections) {
    const body = new Bytes(bytes.length + name.length + 5);
    body.text(name);
    body.raw(bytes);
    out.byte(SECTION.custom);
    out.sized(body.finish());
  }
  return out.finish();
};

/** The signatures of a module, each once. */
class TypeTable {
  readonly signatures: Signature[] = [];
  readonly #indices = new Map<string, number>();

  indexOf(signature: Signature): number {
    const key = `${signature.parameters}>${signature.results}`;
    const known = this.#indices.get(key);
    if (known !== undefined) return known;
    this.#indices.set(key, this.signatures.length);
    return this.signatures.push(signature) - 1;
  }

  encode(): Bytes {
    return vector(this.signatures, (out, { parameters, results }) => {
      out.byte(0x60);
      for (const list of [parameters, results]) {
        out.u32(list.length);
        for (const type of list) out.byte(TYPE[type]);
      }
    });
  }
}

/** The items of a vector, without its length. */
const vector = <T>(items: readonly T[], write: (out: Bytes, item: T) => void): Bytes => {
  const out = new Bytes();
  for (const item of items) write(out, item);
  return out;
};

const importMemory = (imports: Bytes, pages: number): void => {
  imports.text("env");
  imports.text("memory");
  imports.byte(KIND_MEMORY);
  imports.byte(LIMITS_WITH_MAXIMUM);
  imports.u32(pages);
  imports.u32(pages);
};

const exportMemory = (exports: Bytes): void => {
  exports.text("memory");
  exports.byte(KIND_MEMORY);
  exports.u32(0);
};

const limits = (pages: number): Bytes => {
  const out = new Bytes();
  out.byte(LIMITS_WITHOUT_MAXIMUM);
  out.u32(pages);
  return out;
};

/** A table of functions, at least so long. */
const tableOf = (length: number): Bytes => {
  const out = new Bytes();
  out.byte(FUNCTIONS);
  out.byte(LIMITS_WITHOUT_MAXIMUM);
  out.u32(length);
  return out;
};

const importTable = (imports: Bytes): void => {
  imports.text("env");
  imports.text("programs");
  imports.byte(KIND_TABLE);
  imports.raw(tableOf(0).finish());
};

/** The start of a segment of memory 0 or table 0: a constant place. */
const writePlace = (out: Bytes, place: number): void => {
  out.byte(0x00);
  out.byte(OP["i32.const"]);
  out.s32(place);
  out.byte(OP.end);
};

const writeSegment = (out: Bytes, { address, bytes }: DataSegment): void => {
  writePlace(out, address);
  out.sized(bytes);
};

/** A segment of one function. */
const writeElement = (out: Bytes, at: number, index: number): void => {
  writePlace(out, at);
  out.u32(1);
  out.u32(index);
};

/** Appends a section; returns where its items begin in the module. */
const section = (module: Bytes, id: number, count: number, items: Bytes): number => {
  const body = new Bytes(items.length + 5);
  body.u32(count);
  const before = body.length;
  body.raw(items.finish());
  module.byte(id);
  module.u32(body.length);
  const start = module.length + before;
  module.raw(body.finish());
  return start;
};

const part = (out: Bytes, id: number, write: (body: Bytes) => void): void => {
  const body = new Bytes();
  write(body);
  out.byte(id);
  out.sized(body.finish());
};

const nameMap = (out: Bytes, names: readonly (readonly [index: number, name: string])[]): void => {
  out.u32(names.length);
  for (const [index, name] of names) {
    out.u32(index);
    out.text(name);
  }
};
