import type { Cursor } from "./cursor.js";
import type { Token } from "./lexer.js";

/** A number that may depend on where symbols end up. Constants are folded while parsing. */
export type Expression =
  | { readonly kind: "number"; readonly value: bigint }
  | { readonly kind: "symbol"; readonly name: string; readonly token: Token }
  /** A byte of a section: the meaning of `.` at that place. */
  | { readonly kind: "place"; readonly section: string; readonly offset: number }
  | { readonly kind: "unary"; readonly operator: string; readonly operand: Expression }
  | { readonly kind: "binary"; readonly operator: string; readonly left: Expression; readonly right: Expression };

/** What an expression needs to know of the text around it. */
export interface ExpressionScope {
  /** The place of the statement, for `.`. */
  here(): Expression;
  /** The name that stands for a local label such as `1b` or `1f`, or `undefined` when there is none. */
  localLabel(reference: string): string | undefined;
}

/** Binding strength, weakest first, as GNU assemblers have it: bitwise binds tighter than additive. */
const PRECEDENCE: ReadonlyMap<string, number> = new Map([
  ["+", 1],
  ["-", 1],
  ["|", 2],
  ["^", 2],
  ["&", 2],
  ["*", 3],
  ["/", 3],
  ["%", 3],
  ["<<", 3],
  [">>", 3],
]);

/** Deeper nesting than any real text has; bounds our own recursion. */
const MAX_DEPTH = 64;

const wrap = (value: bigint) => BigInt.asIntN(64, value);

/** Applies a unary operator to 64 bits. */
export const applyUnary = (operator: string, value: bigint): bigint => {
  if (operator === "-") return wrap(-value);
  return operator === "~" ? wrap(~value) : value;
};

const shift = (value: bigint, count: bigint, left: boolean): bigint => {
  if (BigInt.asUintN(64, count) > 63n) return 0n;
  return wrap(left ? value << count : BigInt.asUintN(64, value) >> count);
};

const BINARY: Readonly<Record<string, (left: bigint, right: bigint) => bigint | undefined>> = {
  "+": (left, right) => left + right,
  "-": (left, right) => left - right,
  "*": (left, right) => left * right,
  "/": (left, right) => (right === 0n ? undefined : left / right),
  "%": (left, right) => (right === 0n ? undefined : left % right),
  "|": (left, right) => left | right,
  "^": (left, right) => left ^ right,
  "&": (left, right) => left & right,
  "<<": (left, right) => shift(left, right, true),
  ">>": (left, right) => shift(left, right, false),
};

/** Applies a binary operator to 64 bits; `undefined` for a division by zero. */
export const applyBinary = (operator: string, left: bigint, right: bigint): bigint | undefined => {
  const value = BINARY[operator]!(left, right);
  return value === undefined ? undefined : wrap(value);
};

/** Reads a number as C and GNU assemblers write it: 0x1f, 0b101, 017, 42. Values above 64 bits are not numbers. */
export const parseNumber = (text: string): bigint | undefined => {
  const octal = /^0[0-7]+$/.test(text);
  if (!octal && !/^(0[xX][0-9a-fA-F]{1,64}|0[bB][01]{1,256}|0|[1-9][0-9]{0,64})$/.test(text)) return undefined;
  if (text.length > 260) return undefined;
  const value = BigInt(octal ? `0o${text.slice(1)}` : text);
  return value < 1n << 64n ? value : undefined;
};

const ESCAPES: Readonly<Record<string, string>> = { n: "\n", t: "\t", r: "\r", b: "\b", f: "\f", "0": "\0" };

/** The value of a character constant such as `'a'` or `'\n'`. */
const characterValue = (text: string): bigint => {
  const body = text[1] === "\\" ? (ESCAPES[text[2]!] ?? text[2]!) : text[1]!;
  return BigInt(body.charCodeAt(0));
};

const parsePrimary = (cursor: Cursor, scope: ExpressionScope, depth: number): Expression | undefined => {
  const token = cursor.next();
  switch (token?.kind) {
    case "number": {
      const value = parseNumber(token.text);
      if (value !== undefined) return { kind: "number", value: wrap(value) };
      const name = /^[0-9]+[bf]$/.test(token.text) ? scope.localLabel(token.text) : undefined;
      return name === undefined ? undefined : { kind: "symbol", name, token };
    }
    case "character":
      return { kind: "number", value: characterValue(token.text) };
    case "word":
      return token.text === "." ? scope.here() : { kind: "symbol", name: token.text, token };
    case "string":
      return { kind: "symbol", name: token.text.slice(1, -1), token };
    case "punctuation":
      if (token.text === "(") {
        const inner = parseBinary(cursor, scope, depth + 1, 0);
        return inner !== undefined && cursor.take(")") ? inner : undefined;
      }
      if (token.text === "-" || token.text === "+" || token.text === "~") {
        const operand = depth < MAX_DEPTH ? parsePrimary(cursor, scope, depth + 1) : undefined;
        return operand === undefined ? undefined : unary(token.text, operand);
      }
      return undefined;
    default:
      return undefined;
  }
};

const unary = (operator: string, operand: Expression): Expression =>
  operand.kind === "number"
    ? { kind: "number", value: applyUnary(operator, operand.value) }
    : { kind: "unary", operator, operand };

const binary = (operator: string, left: Expression, right: Expression): Expression => {
  if (left.kind === "number" && right.kind === "number") {
    const value = applyBinary(operator, left.value, right.value);
    if (value !== undefined) return { kind: "number", value };
  }
  return { kind: "binary", operator, left, right };
};

const parseBinary = (
  cursor: Cursor,
  scope: ExpressionScope,
  depth: number,
  weakest: number,
): Expression | undefined => {
  if (depth > MAX_DEPTH) return undefined;
  let left = parsePrimary(cursor, scope, depth);
  for (let terms = 0; left !== undefined; terms++) {
    const operator = cursor.peek()?.text ?? "";
    const strength = PRECEDENCE.get(operator);
    if (strength === undefined || strength <= weakest) return left;
    if (terms > MAX_DEPTH && left.kind !== "number") return undefined;
    cursor.next();
    const right = parseBinary(cursor, scope, depth + 1, strength);
    left = right === undefined ? undefined : binary(operator, left, right);
  }
  return left;
};

/** Parses the longest expression at the cursor; `undefined` when none stands there. */
export const parseExpression = (cursor: Cursor, scope: ExpressionScope): Expression | undefined =>
  parseBinary(cursor, scope, 0, 0);
