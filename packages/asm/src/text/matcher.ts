import { invariant } from "@ebpf/core";
import type { Operation } from "../operation.js";
import { HOLES, type Hole, type HoleKind, piecesOf, type Syntax, templatesOf } from "../syntax/syntax.js";
import { type Capture, READERS } from "./capture.js";
import { Cursor } from "./cursor.js";
import type { ExpressionScope } from "./expression.js";
import { errorAt, type Lexer, type Token } from "./lexer.js";

/** The operation that a statement is written as, and what filled the holes of its template. */
export interface Match {
  readonly op: Operation;
  readonly captures: ReadonlyMap<Hole, Capture>;
}

/** The end of a template. */
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
  readonly #build: () => Node;
  /** Built at the first use: most programs that import this package assemble nothing. */
  #root: Node | undefined;

  constructor(operations: readonly Operation[], syntaxes: readonly Syntax[], lexer: Lexer) {
    this.#build = () => {
      const root = emptyNode();
      for (const op of operations) {
        const templates = syntaxes.flatMap((syntax) => templatesOf(syntax, op) ?? []);
        for (const template of new Set(templates)) addTemplate(root, template, op, lexer);
      }
      return root;
    };
  }

  /**
   * @param opcode the first byte of the encoding, where the text says it, as kernel logs do
   * @throws AsmError `UNKNOWN_MNEMONIC` when no template begins like the statement, `SYNTAX` when none ends like it.
   */
  match(tokens: readonly Token[], scope: ExpressionScope, opcode?: number): Match {
    const cursor = new Cursor(tokens);
    const statement: Statement = { cursor, scope, opcode, differs: false };
    this.#root ??= this.#build();
    const match = walk(this.#root, statement, []);
    if (match !== undefined) return match;
    const [first, stuck] = [tokens[0]!, tokens[cursor.furthest]];
    if (cursor.furthest === 0) throw errorAt("UNKNOWN_MNEMONIC", first, `no instruction begins with "${first.text}"`);
    if (statement.differs) throw errorAt("SYNTAX", first, "source and destination must be the same register");
    if (stuck === undefined) throw errorAt("SYNTAX", tokens.at(-1)!, "the instruction ends too early");
    throw errorAt("SYNTAX", stuck, `${stuck.kind === "register" ? "register " : ""}"${stuck.text}" does not fit here`);
  }
}

/** Walks the trie along the tokens: a literal before any hole, and back when an edge leads nowhere. */
const walk = (node: Node, statement: Statement, read: readonly Capture[]): Match | undefined => {
  const { cursor, scope } = statement;
  if (cursor.done) {
    const found = firstMatch(node.leaves, statement, read);
    if (found !== undefined) return found;
  }
  const start = cursor.at;
  const literal = node.literals.get(cursor.peek()?.text ?? "");
  if (literal !== undefined) {
    cursor.next();
    const found = walk(literal, statement, read);
    if (found !== undefined) return found;
  }
  for (const [kind, next] of node.holes) {
    cursor.at = start;
    const capture = READERS[kind](cursor, scope);
    const found = capture && walk(next, statement, [...read, capture]);
    if (found !== undefined) return found;
  }
  cursor.at = start;
  return undefined;
};

const firstMatch = (leaves: readonly Leaf[], statement: Statement, read: readonly Capture[]): Match | undefined => {
  for (const leaf of leaves) {
    if (statement.opcode !== undefined && statement.opcode !== leaf.op.opcode) continue;
    const captures = capturesOf(leaf, read);
    if (captures !== undefined) return { op: leaf.op, captures };
    statement.differs = true;
  }
  return undefined;
};

/** Pairs a leaf's holes with what was read, or gives `undefined` when a register stands twice and differs. */
const capturesOf = (leaf: Leaf, read: readonly Capture[]): Map<Hole, Capture> | undefined => {
  const captures = new Map<Hole, Capture>();
  for (const [i, hole] of leaf.holes.entries()) {
    const capture = read[i]!;
    const earlier = captures.get(hole);
    const isOther = earlier?.kind === "register" && capture.kind === "register" && earlier.index !== capture.index;
    if (isOther) return undefined;
    captures.set(hole, capture);
  }
  return captures;
};
