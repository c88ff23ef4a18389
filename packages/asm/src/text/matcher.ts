import { invariant } from "@ebpf/core";
import type { Operation } from "../operation.js";
import { HOLES, type Hole, type HoleKind, piecesOf, type Syntax, templatesOf } from "../syntax/syntax.js";
import { Cursor } from "./cursor.js";
import { type Expression, type ExpressionScope, parseExpression } from "./expression.js";
import { errorAt, type Lexer, type Token } from "./lexer.js";

/** What filled a hole. */
export type Capture =
  | { readonly kind: "register"; readonly index: number }
  | { readonly kind: "expression"; readonly value: Expression; readonly token: Token }
  /** A distance from the next slot, written `pc+3`. */
  | { readonly kind: "distance"; readonly value: Expression; readonly token: Token };

export type Captures = ReadonlyMap<Hole, Capture>;

export interface Match {
  readonly op: Operation;
  readonly captures: Captures;
}

interface Leaf {
  readonly op: Operation;
  readonly holes: readonly Hole[];
}

/** A node of the trie of all templates of a dialect: an edge per literal token, an edge per kind of hole. */
interface Node {
  readonly literals: Map<string, Node>;
  readonly holes: Map<HoleKind, Node>;
  readonly leaves: Leaf[];
}

const emptyNode = (): Node => ({ literals: new Map(), holes: new Map(), leaves: [] });

const child = <K>(edges: Map<K, Node>, key: K): Node => {
  const known = edges.get(key);
  if (known !== undefined) return known;
  const made = emptyNode();
  edges.set(key, made);
  return made;
};

const addTemplate = (root: Node, template: string, op: Operation, lexer: Lexer): void => {
  const holes: Hole[] = [];
  let node = root;
  for (const piece of piecesOf(template)) {
    if ("hole" in piece) {
      invariant(piece.hole in HOLES, `template "${template}" has an unknown hole`);
      holes.push(piece.hole);
      node = child(node.holes, HOLES[piece.hole]);
    } else {
      for (const token of [...lexer.statements(piece.text)].flat()) node = child(node.literals, token.text);
    }
  }
  node.leaves.push({ op, holes });
};

const PC = /^pc$/i;

/** Reads what a hole of one kind accepts, or gives `undefined`. */
const READ: Readonly<Record<HoleKind, (cursor: Cursor, scope: ExpressionScope) => Capture | undefined>> = {
  register: (cursor) => readRegister(cursor, false),
  register32: (cursor) => readRegister(cursor, true),
  value: (cursor, scope) => {
    const token = cursor.peek();
    const value = parseExpression(cursor, scope);
    return value && token && { kind: "expression", value, token };
  },
  number: (cursor, scope) => {
    const capture = READ.value(cursor, scope);
    return capture?.kind === "expression" && capture.value.kind === "number" ? capture : undefined;
  },
  displacement: (cursor, scope) => {
    const token = cursor.peek();
    if (token?.text === "+" || token?.text === "-") return READ.value(cursor, scope);
    // Nothing stands here: no displacement. The token only gives the place.
    return { kind: "expression", value: { kind: "number", value: 0n }, token: token ?? cursor.tokens.at(-1)! };
  },
  target: (cursor, scope) => {
    const token = cursor.peek();
    const start = cursor.at;
    if (token !== undefined && PC.test(token.text)) {
      cursor.next();
      const sign = cursor.peek()?.text;
      const value = sign === "+" || sign === "-" ? parseExpression(cursor, scope) : undefined;
      if (value !== undefined) return { kind: "distance", value, token };
      cursor.at = start;
    }
    return READ.value(cursor, scope);
  },
};

const readRegister = (cursor: Cursor, low: boolean): Capture | undefined => {
  const token = cursor.peek();
  if (token?.kind !== "register") return undefined;
  const index = Number(/[0-9]+$/.exec(token.text)?.[0] ?? 10);
  if (index > 10 || low !== /^w/i.test(token.text)) return undefined;
  cursor.next();
  return { kind: "register", index };
};

/** Pairs a leaf's holes with what was read, or gives `undefined` when the leaf does not accept it. */
const captureLeaf = (leaf: Leaf, statement: Statement, read: readonly Capture[]): Match | undefined => {
  const captures = new Map<Hole, Capture>();
  for (const [i, hole] of leaf.holes.entries()) {
    const capture = read[i]!;
    const earlier = captures.get(hole);
    if (earlier?.kind === "register" && capture.kind === "register" && earlier.index !== capture.index) {
      statement.differs = true;
      return undefined;
    }
    captures.set(hole, capture);
  }
  return { op: leaf.op, captures };
};

/** What is being matched. */
interface Statement {
  readonly cursor: Cursor;
  readonly scope: ExpressionScope;
  readonly opcode: number | undefined;
  /** True once a template would have fitted, were it not that a register stands twice and differs. */
  differs: boolean;
}

/** Finds the operation that a statement is written as, among the templates of one dialect. */
export class Matcher {
  readonly #root = emptyNode();

  constructor(operations: readonly Operation[], syntaxes: readonly Syntax[], lexer: Lexer) {
    for (const op of operations) {
      const templates = syntaxes.flatMap((syntax) => templatesOf(syntax, op) ?? []);
      for (const template of new Set(templates)) addTemplate(this.#root, template, op, lexer);
    }
  }

  /**
   * @param opcode the first byte of the encoding, where the text says it, as kernel logs do
   * @throws AsmError `UNKNOWN_MNEMONIC` when no template begins like the statement, `SYNTAX` when none ends like it.
   */
  match(tokens: readonly Token[], scope: ExpressionScope, opcode?: number): Match {
    const cursor = new Cursor(tokens);
    const statement: Statement = { cursor, scope, opcode, differs: false };
    const match = this.#walk(this.#root, statement, []);
    if (match !== undefined) return match;
    const token = tokens[cursor.furthest];
    if (cursor.furthest === 0) {
      throw errorAt("UNKNOWN_MNEMONIC", tokens[0]!, `no instruction begins with "${tokens[0]!.text}"`);
    }
    if (statement.differs) throw errorAt("SYNTAX", tokens[0]!, "source and destination must be the same register");
    if (token === undefined) throw errorAt("SYNTAX", tokens.at(-1)!, "the instruction ends too early");
    if (token.kind === "register") throw errorAt("SYNTAX", token, `register ${token.text} can't stand here`);
    throw errorAt("SYNTAX", token, `"${token.text}" does not fit here`);
  }

  #walk(node: Node, statement: Statement, read: readonly Capture[]): Match | undefined {
    const { cursor } = statement;
    if (cursor.done) {
      const found = firstMatch(node.leaves, statement, read);
      if (found !== undefined) return found;
    }
    const start = cursor.at;
    const literal = node.literals.get(cursor.peek()?.text ?? "");
    if (literal !== undefined) {
      cursor.next();
      const found = this.#walk(literal, statement, read);
      if (found !== undefined) return found;
    }
    for (const [kind, next] of node.holes) {
      cursor.at = start;
      const capture = READ[kind](cursor, statement.scope);
      const found = capture && this.#walk(next, statement, [...read, capture]);
      if (found !== undefined) return found;
    }
    cursor.at = start;
    return undefined;
  }
}

const firstMatch = (leaves: readonly Leaf[], statement: Statement, read: readonly Capture[]): Match | undefined => {
  for (const leaf of leaves) {
    if (statement.opcode !== undefined && statement.opcode !== leaf.op.opcode) continue;
    const found = captureLeaf(leaf, statement, read);
    if (found !== undefined) return found;
  }
  return undefined;
};
