import { assertNever } from "@ebpf/core";
import type { Btf } from "../btf.js";
import { type Extent, layoutOfComposite, nextOffset } from "../c-layout.js";
import { type BtfLeaf, type DeclaratorStyle, declare, joinWords } from "../declarator.js";
import { BtfError } from "../errors.js";
import type { BtfComposite, BtfEnum, BtfEnum64, BtfFloat, BtfInt, BtfMember, BtfType, BtfTypedef } from "../types.js";
import { UniqueNames } from "../unique-names.js";
import { cString, identifier, isBuiltIn } from "./identifiers.js";
import { enumText, numberOfSize } from "./numbers.js";
import { padding, unionPadding } from "./padding.js";

/** Types by value inside of types by value; the kernel's nest a dozen levels. */
const MAX_NESTING = 256;
/** Steps that every type may cost: anonymous types are written wherever they are used. */
const STEPS_PER_TYPE = 64;
const MIN_STEPS = 1 << 20;

/** Where a named type stands on its way into the text. */
type Progress = "open" | "defined";

/** One dump of types: what was written so far, and the names that are taken. */
export class CDump {
  readonly #btf: Btf;
  readonly #lines: string[] = [];
  readonly #progress = new Map<number, Progress>();
  /** Structures, unions and enumerations share their names; typedefs and values of enumerations have others. */
  readonly #tags = new UniqueNames();
  readonly #ordinary = new UniqueNames();
  readonly #names = new Map<number, string>();
  /** The type whose parts are being declared: its own name needs no declaration. */
  #current = 0;
  /** Tag and kind of the structures that are declared, for those that other BTF only knows by name. */
  readonly #declared = new Set<string>();
  /** Texts of tags by `type:component`. */
  readonly #declTags: ReadonlyMap<string, readonly string[]>;
  /** Anonymous enumerations that were written where they are used: their values can be declared only once. */
  readonly #writtenEnums = new Set<number>();
  #steps: number;

  constructor(btf: Btf) {
    this.#btf = btf;
    this.#steps = MIN_STEPS + STEPS_PER_TYPE * btf.typeCount;
    this.#declTags = declTagsOf(btf);
  }

  /** Declares types with all that they need, and returns the lines. */
  run(ids: Iterable<number>): string[] {
    const anonymousEnums: number[] = [];
    for (const id of ids) {
      const type = this.#btf.type(id);
      if (!isDeclarable(type)) continue;
      if (isEnum(type) && type.name === "") anonymousEnums.push(id);
      else this.#need(id, true, 0);
    }
    for (const id of anonymousEnums) {
      if (this.#writtenEnums.has(id)) continue;
      this.#lines.push(`${this.#text(id, "", 0)};`, "");
    }
    return this.#lines;
  }

  /** Makes sure that a type can be used: `complete` where its size matters, as it does not behind a pointer. */
  #need(id: number, complete: boolean, depth: number): void {
    this.#step();
    if (depth > MAX_NESTING) throw this.#endless(id);
    const type = this.#btf.type(id);
    const next = (of: number, whole: boolean): void => this.#need(of, whole, depth + 1);
    switch (type.kind) {
      case "void":
      case "func":
      case "var":
      case "datasec":
      case "decl_tag":
        return;
      case "int":
      case "float":
        this.#needNumber(id, type);
        return;
      case "ptr":
        next(type.type, false);
        return;
      case "volatile":
      case "const":
      case "restrict":
      case "type_tag":
        next(type.type, complete);
        return;
      case "array":
        next(type.elementType, true);
        return;
      case "func_proto":
        next(type.returnType, false);
        for (const parameter of type.parameters) next(parameter.type, false);
        return;
      case "fwd":
        this.#declare(type.target, this.#tagName(id, type.target, type.name));
        return;
      case "typedef":
        this.#needTypedef(id, type, complete, depth);
        return;
      case "enum":
      case "enum64":
        if (type.name !== "" && this.#open(id)) {
          this.#define(id, `${enumText(type, this.#tagName(id, "enum", type.name), this.#ordinary, 0)};`);
        }
        return;
      case "struct":
      case "union":
        this.#needComposite(id, type, complete, depth);
        return;
      default:
        assertNever(type);
    }
  }

  #needTypedef(id: number, type: BtfTypedef, complete: boolean, depth: number): void {
    if (this.#open(id)) {
      const outer = this.#current;
      this.#current = id;
      this.#need(type.type, false, depth + 1);
      this.#current = outer;
      this.#names.set(id, this.#ordinary.take(identifier(type.name)));
      const text = joinWords("typedef", this.#text(type.type, this.#names.get(id)!, 0), this.#attributes(id));
      this.#define(id, `${text};`);
    } else if (this.#progress.get(id) === "open") {
      throw this.#endless(id);
    }
    if (complete) this.#need(type.type, true, depth + 1);
  }

  #needComposite(id: number, type: BtfComposite, complete: boolean, depth: number): void {
    const members = (): void => {
      for (const member of type.members) this.#need(member.type, true, depth + 1);
    };
    if (type.name === "") {
      members();
      return;
    }
    const name = this.#tagName(id, type.kind, type.name);
    if (!complete) {
      if (id !== this.#current) this.#declare(type.kind, name);
      return;
    }
    if (this.#open(id)) {
      const outer = this.#current;
      this.#current = id;
      members();
      this.#current = outer;
      this.#declared.add(`${type.kind} ${name}`);
      this.#define(id, `${this.#composite(id, type, name, 0)};`);
    } else if (this.#progress.get(id) === "open") {
      throw this.#endless(id);
    }
  }

  /** Numbers that C has no word for get one of the same size. */
  #needNumber(id: number, type: BtfInt | BtfFloat): void {
    if (isBuiltIn(type.name) || !this.#open(id)) return;
    this.#names.set(id, this.#ordinary.take(identifier(type.name)));
    this.#define(id, `typedef ${numberOfSize(type, this.#names.get(id)!)};`);
  }

  /** True the first time. */
  #open(id: number): boolean {
    if (this.#progress.has(id)) return false;
    this.#progress.set(id, "open");
    return true;
  }

  #define(id: number, text: string): void {
    this.#progress.set(id, "defined");
    this.#lines.push(text, "");
  }

  #declare(kind: "struct" | "union", name: string): void {
    const declaration = `${kind} ${name}`;
    if (this.#declared.has(declaration)) return;
    this.#declared.add(declaration);
    this.#lines.push(`${declaration};`, "");
  }

  /** A name for a structure, union or enumeration. Declarations share the name of what they declare. */
  #tagName(id: number, kind: "struct" | "union" | "enum", name: string): string {
    const known = this.#names.get(id);
    if (known !== undefined) return known;
    const plain = identifier(name);
    const isDeclaration = this.#btf.type(id).kind === "fwd";
    const whole = isDeclaration ? this.#btf.findByName(name, kind === "enum" ? undefined : kind) : undefined;
    const unique = whole === undefined ? this.#tags.take(plain) : this.#tagName(whole, kind, name);
    this.#names.set(id, unique);
    return unique;
  }

  #text(id: number, inner: string, indent: number): string {
    return declare(this.#btf, id, inner, this.#style(indent));
  }

  #style(indent: number): DeclaratorStyle {
    return {
      leaf: (type, id) => this.#leaf(type, id, indent),
      tag: ({ name, attribute }) => (attribute ? `__attribute__((${name}))` : attributeOf("btf_type_tag", name)),
      parameters: ({ parameters }) => {
        if (parameters.length === 0) return "void";
        return parameters
          .map(({ name, type }) => (type === 0 && name === "" ? "..." : this.#text(type, "", indent)))
          .join(", ");
      },
      stop: (depth) => {
        this.#step();
        if (depth > MAX_NESTING) throw new BtfError("TOO_DEEP", `declarators nest deeper than ${MAX_NESTING} levels`);
        return undefined;
      },
    };
  }

  #leaf(type: BtfLeaf, id: number, indent: number): string {
    switch (type.kind) {
      case "int":
      case "float":
        return this.#names.get(id) ?? type.name;
      case "typedef":
        return this.#names.get(id) ?? type.name;
      case "struct":
      case "union":
        if (type.name === "") return this.#composite(id, type, "", indent);
        return `${type.kind} ${this.#tagName(id, type.kind, type.name)}`;
      case "fwd":
        return `${type.target} ${this.#tagName(id, type.target, type.name)}`;
      case "enum":
      case "enum64":
        if (type.name !== "") return `enum ${this.#tagName(id, "enum", type.name)}`;
        return this.#anonymousEnum(id, type, indent);
      default:
        return "void";
    }
  }

  #anonymousEnum(id: number, type: BtfEnum | BtfEnum64, indent: number): string {
    if (this.#writtenEnums.has(id)) {
      return numberOfSize({ kind: "int", size: type.size, encoding: type.signed ? "signed" : "none" }, "");
    }
    this.#writtenEnums.add(id);
    return enumText(type, "", this.#ordinary, indent);
  }

  #composite(id: number, type: BtfComposite, name: string, indent: number): string {
    const { packed, alignment } = layoutOfComposite(
      type,
      (of) => this.#btf.sizeOf(of),
      (of) => this.#btf.alignOf(of),
    );
    const lines: string[] = [];
    let end = 0;
    for (const [i, member] of type.members.entries()) {
      const extent = this.#extent(member);
      if (type.kind === "struct" && nextOffset(extent, end, packed) < member.bitOffset) {
        lines.push(...this.#padding(end, member.bitOffset));
      }
      lines.push(`${this.#member(member, indent + 1)}${this.#attributes(id, i)};`);
      const memberEnd = member.bitOffset + (member.bitSize || 8 * extent.size);
      end = type.kind === "union" ? Math.max(end, memberEnd) : memberEnd;
    }
    const size = 8 * type.size;
    if (8 * alignment * Math.ceil(end / (8 * alignment)) < size) {
      lines.push(...(type.kind === "union" ? unionPadding(type.size) : this.#padding(end, size)));
    }
    const space = "\t".repeat(indent);
    const body = lines.map((line) => `${space}\t${line}\n`).join("");
    const head = joinWords(type.kind, this.#attributes(id).trim(), name);
    return `${head} {\n${body}${space}}${packed ? " __attribute__((packed))" : ""}`;
  }

  #extent({ type, bitSize }: BtfMember): Extent {
    return { size: this.#btf.sizeOf(type), alignment: this.#btf.alignOf(type), bitSize };
  }

  /** C has no anonymous member of a named type: such a member shows what is in it. */
  #member({ name, type, bitSize }: BtfMember, indent: number): string {
    const id = this.#btf.resolve(type);
    const inner = this.#btf.type(id);
    const isNamed = (inner.kind === "struct" || inner.kind === "union") && inner.name !== "";
    if (name === "" && isNamed) return this.#composite(id, inner, "", indent);
    return `${this.#text(type, name === "" ? "" : identifier(name), indent)}${bitSize > 0 ? ` : ${bitSize}` : ""}`;
  }

  #padding(from: number, to: number): string[] {
    const lines = padding(from, to);
    this.#step(lines.length);
    return lines;
  }

  /** Tags of a type or of one of its members. */
  #attributes(id: number, component = -1): string {
    const tags = this.#declTags.get(`${id}:${component}`) ?? [];
    return tags.map((tag) => ` ${tag}`).join("");
  }

  #step(count = 1): void {
    this.#steps -= count;
    if (this.#steps < 0) throw new BtfError("LIMIT", "anonymous types multiply: the text would have no end");
  }

  #endless(id: number): BtfError {
    const problem = `${this.#btf.typeName(id)} contains itself, or nests deeper than ${MAX_NESTING}`;
    return new BtfError("TOO_DEEP", problem, this.#btf.placeOf(id));
  }
}

const isEnum = (type: BtfType): type is BtfEnum | BtfEnum64 => type.kind === "enum" || type.kind === "enum64";

const isDeclarable = ({ kind }: BtfType): boolean =>
  kind === "struct" || kind === "union" || kind === "enum" || kind === "enum64" || kind === "typedef";

const attributeOf = (name: string, text: string): string => `__attribute__((${name}(${cString(text)})))`;

const declTagsOf = (btf: Btf): Map<string, string[]> => {
  const tags = new Map<string, string[]>();
  for (let id = 1; id < btf.typeCount; id++) {
    const tag = btf.type(id);
    if (tag.kind !== "decl_tag") continue;
    const key = `${tag.type}:${tag.component}`;
    const text = tag.attribute ? `__attribute__((${tag.name}))` : attributeOf("btf_decl_tag", tag.name);
    const known = tags.get(key);
    if (known === undefined) tags.set(key, [text]);
    else known.push(text);
  }
  return tags;
};
