import { Bytes } from "./bytes.js";
import { Code } from "./code.js";
import { TYPE, type ValueType } from "./opcodes.js";

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

interface DefinedFunction extends FunctionReference {
  readonly code: Code;
}

const SECTION = { type: 1, import: 2, function: 3, export: 7, code: 10 } as const;
const IMPORT_FUNCTION = 0x00;
const IMPORT_MEMORY = 0x02;
const LIMITS_WITH_MAXIMUM = 0x01;

/** Builds a module over one imported memory. */
export class ModuleBuilder {
  readonly #imports = new Map<string, FunctionReference>();
  readonly #functions: DefinedFunction[] = [];
  readonly #exports: FunctionReference[] = [];

  /** A function that the host gives; asking for a name again gives the same function. */
  import(name: string, parameters: readonly ValueType[], results: readonly ValueType[]): FunctionReference {
    const known = this.#imports.get(name);
    if (known !== undefined) return known;
    const reference = { name, signature: { parameters, results } };
    this.#imports.set(name, reference);
    return reference;
  }

  /** A function with a body, to be written through its `code`. */
  define(name: string, parameters: readonly ValueType[], results: readonly ValueType[]): DefinedFunction {
    const defined = { name, signature: { parameters, results }, code: new Code(parameters.length) };
    this.#functions.push(defined);
    return defined;
  }

  /** Exports a function under its name. */
  export(reference: FunctionReference): void {
    this.#exports.push(reference);
  }

  /**
   * The binary module.
   *
   * @param pages size of the imported memory `env.memory`
   */
  finish(pages: number): Uint8Array {
    const all: readonly FunctionReference[] = [...this.#imports.values(), ...this.#functions];
    const indices = new Map(all.map((reference, index) => [reference, index] as const));
    const types = new Map<string, { readonly index: number; readonly signature: Signature }>();
    const typeOf = ({ signature }: FunctionReference): number => {
      const key = `${signature.parameters}>${signature.results}`;
      const type = types.get(key) ?? { index: types.size, signature };
      types.set(key, type);
      return type.index;
    };
    const imported = vector([...this.#imports.values()], (out, reference) => {
      out.text("env");
      out.text(reference.name);
      out.byte(IMPORT_FUNCTION);
      out.u32(typeOf(reference));
    });
    const defined = vector(this.#functions, (out, reference) => out.u32(typeOf(reference)));
    const typeSection = vector([...types.values()], (out, { signature }) => {
      out.byte(0x60);
      for (const list of [signature.parameters, signature.results]) {
        out.u32(list.length);
        for (const type of list) out.byte(TYPE[type]);
      }
    });
    const exported = vector(this.#exports, (out, reference) => {
      out.text(reference.name);
      out.byte(0x00);
      out.u32(indices.get(reference)!);
    });
    const code = vector(this.#functions, (out, { code }) => out.sized(code.finish((callee) => indices.get(callee)!)));

    const module = new Bytes(1024);
    module.raw(Uint8Array.of(0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00));
    section(module, SECTION.type, types.size, typeSection);
    section(module, SECTION.import, this.#imports.size + 1, withMemory(imported, pages));
    section(module, SECTION.function, this.#functions.length, defined);
    section(module, SECTION.export, this.#exports.length, exported);
    section(module, SECTION.code, this.#functions.length, code);
    return module.finish();
  }
}

/** The items of a vector, without its length. */
const vector = <T>(items: readonly T[], write: (out: Bytes, item: T) => void): Bytes => {
  const out = new Bytes();
  for (const item of items) write(out, item);
  return out;
};

const withMemory = (imports: Bytes, pages: number): Bytes => {
  imports.text("env");
  imports.text("memory");
  imports.byte(IMPORT_MEMORY);
  imports.byte(LIMITS_WITH_MAXIMUM);
  imports.u32(pages);
  imports.u32(pages);
  return imports;
};

const section = (module: Bytes, id: number, count: number, items: Bytes): void => {
  const body = new Bytes(items.length + 5);
  body.u32(count);
  body.raw(items.finish());
  module.byte(id);
  module.sized(body.finish());
};
