import type { Btf, BtfType } from "@ebpf/btf";

/*
 * Compares a type with what a compiler made of its C declaration. Not compared is what C can't say or says otherwise:
 * the order of qualifiers, those of anonymous members (clang drops them), the compiler's names of numbers, whether a structure behind a pointer is defined. Types with
 * a name are compared by it; each of them is compared by itself.
 */

interface Side {
  readonly btf: Btf;
  readonly id: number;
}

const plainName = (name: string): string =>
  name.replace(/___\d+$/, "").replace(/^__builtin_va_list_$/, "__builtin_va_list");

/** The type behind qualifiers, and which they are. An array's qualifiers are its elements'. */
const unqualified = ({ btf, id }: Side): { side: Side; qualifiers: string } => {
  const qualifiers = new Set<string>();
  let current = id;
  for (;;) {
    const type = btf.type(current);
    if (type.kind === "type_tag") qualifiers.add(`tag ${type.name}`);
    else if (type.kind === "const" || type.kind === "volatile" || type.kind === "restrict") qualifiers.add(type.kind);
    else return { side: { btf, id: current }, qualifiers: [...qualifiers].sort().join(" ") };
    current = type.type;
  }
};

const tagOf = (type: BtfType): string | undefined => {
  if (type.kind === "fwd") return `${type.target} ${plainName(type.name)}`;
  if (type.kind === "enum64") return type.name === "" ? undefined : `enum ${plainName(type.name)}`;
  if (type.kind !== "struct" && type.kind !== "union" && type.kind !== "enum" && type.kind !== "typedef")
    return undefined;
  return type.name === "" ? undefined : `${type.kind} ${plainName(type.name)}`;
};

/** What differs between two references, or undefined. */
const references = (a: Side, b: Side, place: string): string | undefined => {
  const [left, right] = [unqualified(a), unqualified(b)];
  const leftType = left.side.btf.type(left.side.id);
  const rightType = right.side.btf.type(right.side.id);
  if (leftType.kind === "array" && rightType.kind === "array") {
    if (leftType.length !== rightType.length) return `${place}: ${leftType.length} and ${rightType.length} elements`;
    const element = (side: Side, id: number, qualifiers: string): [Side, string] => {
      const inner = unqualified({ btf: side.btf, id });
      return [
        inner.side,
        [...new Set([...qualifiers.split(" "), ...inner.qualifiers.split(" ")])].sort().join(" ").trim(),
      ];
    };
    const [leftElement, leftQualifiers] = element(left.side, leftType.elementType, left.qualifiers);
    const [rightElement, rightQualifiers] = element(right.side, rightType.elementType, right.qualifiers);
    if (leftQualifiers !== rightQualifiers) return `${place}: elements ${leftQualifiers} and ${rightQualifiers}`;
    return references(leftElement, rightElement, `${place}[]`);
  }
  if (left.qualifiers !== right.qualifiers) return `${place}: "${left.qualifiers}" and "${right.qualifiers}"`;
  const [leftTag, rightTag] = [tagOf(leftType), tagOf(rightType)];
  if (leftTag !== rightTag) return `${place}: ${leftTag} and ${rightTag}`;
  return leftTag === undefined ? bodies(left.side, right.side, place) : undefined;
};

/** What differs between two types, names aside, or undefined. */
const bodies = (a: Side, b: Side, place: string): string | undefined => {
  const [left, right] = [a.btf.type(a.id), b.btf.type(b.id)];
  const of = (leftId: number, rightId: number, where: string) =>
    references({ btf: a.btf, id: leftId }, { btf: b.btf, id: rightId }, where);
  if (left.kind !== right.kind) return `${place}: ${left.kind} and ${right.kind}`;
  if (left.kind === "ptr" && right.kind === "ptr") return of(left.type, right.type, `*${place}`);
  if (left.kind === "typedef" && right.kind === "typedef") return of(left.type, right.type, place);
  if (left.kind === "int" && right.kind === "int") {
    const [x, y] = [left, right].map(({ size, encoding }) => `${size} ${encoding.replace("char", "signed")}`);
    return x === y ? undefined : `${place}: ${x} and ${y}`;
  }
  if ((left.kind === "struct" || left.kind === "union") && (right.kind === "struct" || right.kind === "union")) {
    if (left.size !== right.size) return `${place}: ${left.size} and ${right.size} bytes`;
    if (left.members.length !== right.members.length) return `${place}: number of members`;
    for (const [i, member] of left.members.entries()) {
      const other = right.members[i]!;
      const where = `${place}.${member.name}`;
      if (member.name !== other.name) return `${where}: ${other.name}`;
      if (member.bitOffset !== other.bitOffset) return `${where}: bits ${member.bitOffset} and ${other.bitOffset}`;
      if (member.bitSize !== other.bitSize) return `${where}: ${member.bitSize} and ${other.bitSize} bits`;
      const [mine, theirs] = [member.type, other.type].map((id, side) => {
        const whole = { btf: side === 0 ? a.btf : b.btf, id };
        return member.name === "" ? unqualified(whole).side.id : id;
      });
      const problem = of(mine!, theirs!, where);
      if (problem !== undefined) return problem;
    }
    return undefined;
  }
  if ((left.kind === "enum" || left.kind === "enum64") && (right.kind === "enum" || right.kind === "enum64")) {
    if (left.size !== right.size) return `${place}: ${left.size} and ${right.size} bytes`;
    const text = ({ values }: typeof left) => values.map(({ name, value }) => `${plainName(name)}=${value}`).join();
    return text(left) === text(right) ? undefined : `${place}: ${text(left)} and ${text(right)}`;
  }
  if (left.kind === "func_proto" && right.kind === "func_proto") {
    if (left.parameters.length !== right.parameters.length) return `${place}: number of parameters`;
    for (const [i, { type }] of left.parameters.entries()) {
      const problem = of(type, right.parameters[i]!.type, `${place}(${i})`);
      if (problem !== undefined) return problem;
    }
    return of(left.returnType, right.returnType, `${place}()`);
  }
  if (left.kind === "float" && right.kind === "float") return left.size === right.size ? undefined : `${place}: size`;
  return undefined;
};

/** What differs between a named type and its copy, or undefined. */
export const difference = (a: Btf, leftId: number, b: Btf, rightId: number): string | undefined =>
  bodies({ btf: a, id: leftId }, { btf: b, id: rightId }, a.typeName(leftId));
