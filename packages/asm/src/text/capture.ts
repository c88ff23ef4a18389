import type { HoleKind } from "../syntax/syntax.js";
import type { Cursor } from "./cursor.js";
import { type Expression, type ExpressionScope, parseExpression } from "./expression.js";
import type { Token } from "./lexer.js";

/** What filled a hole of a template. */
export type Capture =
  | { readonly kind: "register"; readonly index: number }
  /** `token` is where the expression begins. */
  | { readonly kind: "expression"; readonly value: Expression; readonly token: Token };

type Reader = (cursor: Cursor, scope: ExpressionScope) => Capture | undefined;

const register =
  (low: boolean): Reader =>
  (cursor) => {
    const token = cursor.peek();
    if (token?.kind !== "register") return undefined;
    // The one register without a number is the frame pointer.
    const index = Number(/[0-9]+$/.exec(token.text)?.[0] ?? 10);
    if (index > 10 || low !== /^w/i.test(token.text)) return undefined;
    cursor.next();
    return { kind: "register", index };
  };

const value: Reader = (cursor, scope) => {
  const token = cursor.peek();
  const expression = parseExpression(cursor, scope);
  return expression && token && { kind: "expression", value: expression, token };
};

const number: Reader = (cursor, scope) => {
  const capture = value(cursor, scope);
  return capture?.kind === "expression" && capture.value.kind === "number" ? capture : undefined;
};

const isSign = (token: Token | undefined) => token?.text === "+" || token?.text === "-";

const displacement: Reader = (cursor, scope) => {
  const token = cursor.peek();
  if (isSign(token)) return value(cursor, scope);
  return { kind: "expression", value: { kind: "number", value: 0n }, token: token ?? cursor.tokens.at(-1)! };
};

/** `pc` before a sign is the next slot, from which distances count anyway. */
const target: Reader = (cursor, scope) => {
  const start = cursor.at;
  if (/^pc$/i.test(cursor.next()?.text ?? "") && isSign(cursor.peek())) return value(cursor, scope);
  cursor.at = start;
  return value(cursor, scope);
};

/** Reads what a hole of each kind accepts at the cursor, or gives `undefined`. */
export const READERS: Readonly<Record<HoleKind, Reader>> = {
  register: register(false),
  register32: register(true),
  value,
  number,
  displacement,
  target,
};
