import type { ByteOrder } from "@ebpf/core";
import type { Btf } from "../btf.js";
import { BtfError } from "../errors.js";
import { enumText, interfaceText, readerText, writerText } from "./declarations.js";
import { HELPERS } from "./helpers.js";
import { TypeNames } from "./type-names.js";

/** Members of all types together; anonymous structures could multiply them without end. A kernel has 200,000. */
const MAX_MEMBERS = 1 << 20;

/** What `dumpTypeScript` writes. */
export interface TypeScriptDumpOptions {
  /** Ids of the types to declare, with all that they hold; all with a name by default. */
  readonly types?: Iterable<number>;
  /** Byte order of the data; that of the BTF by default. */
  readonly order?: ByteOrder;
}

/**
 * Writes a TypeScript module for types: for each structure, union or data section `NAME` an interface, `sizeOfNAME`,
 * `readNAME(view, offset)` and `writeNAME(view, offset, value)` over a `DataView`, and for each enumeration its values. A
 * member becomes what `decodeValue` makes of it. Writers leave alone what isn't given, and let numbers wrap around as
 * `DataView` does; they throw a RangeError for texts and arrays that don't fit. The module needs nothing else.
 *
 * @throws BtfError `INCOMPLETE_TYPE`, `UNSUPPORTED`, `TOO_DEEP`, `LIMIT` for types that have no values.
 */
export const dumpTypeScript = (btf: Btf, options: TypeScriptDumpOptions = {}): string => {
  const names = new TypeNames(btf);
  for (const id of options.types ?? namedIds(btf)) names.of(id, "");
  let members = 0;
  const parts = Array.from(names.declared(), (id) => {
    if (!isEnum(btf, id)) members += btf.fields(id).length;
    if (members > MAX_MEMBERS) throw new BtfError("LIMIT", `more than ${MAX_MEMBERS} members`);
    return declaration(btf, names, id);
  });
  const code = parts.join("\n");
  const helpers = HELPERS.filter(({ name }) => code.includes(`${name}(`)).map(({ text }) => text);
  const order = `const LITTLE = ${(options.order ?? btf.order) === "little"};\n`;
  const needsOrder = [code, ...helpers].some((text) => text.includes("LITTLE"));
  return [...(needsOrder ? [order] : []), ...helpers, code].join("\n");
};

const isEnum = (btf: Btf, id: number): boolean => ["enum", "enum64"].includes(btf.type(id).kind);

const declaration = (btf: Btf, names: TypeNames, id: number): string => {
  const name = names.of(id, "");
  const type = btf.type(id);
  if (type.kind === "enum" || type.kind === "enum64") return enumText(type, name);
  const fields = btf.fields(id);
  return [
    interfaceText(btf, names, { id, name, fields }),
    `/** Bytes of a ${name}. */\nexport const sizeOf${name} = ${btf.sizeOf(id)};\n`,
    readerText(btf, names, { id, name, fields }),
    writerText(btf, names, { id, name, fields }),
  ].join("\n");
};

const namedIds = (btf: Btf): number[] =>
  Array.from({ length: btf.typeCount - 1 }, (_, i) => i + 1).filter((id) => {
    const type = btf.type(id);
    switch (type.kind) {
      case "struct":
      case "union":
      case "enum":
      case "enum64":
        return type.name !== "";
      case "datasec":
        return true;
      case "typedef":
        return ["struct", "union", "enum", "enum64"].includes(btf.resolvedType(id).kind);
      default:
        return false;
    }
  });
