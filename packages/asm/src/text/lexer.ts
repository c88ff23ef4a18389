import { AsmError, type AsmErrorCode } from "../errors.js";

export type TokenKind = "word" | "number" | "register" | "string" | "character" | "punctuation";

/** One lexical unit of assembly text. */
export interface Token {
  readonly kind: TokenKind;
  readonly text: string;
  /** Counts from 1, like `column`. */
  readonly line: number;
  readonly column: number;
}

/** What differs between dialects before any syntax, as sources of regular expressions. */
export interface LexicalRules {
  /** Text without meaning. */
  readonly comment: string;
  /** Ends a statement like the end of the line does; `undefined` when nothing else does. */
  readonly separator?: string;
  readonly register: string;
}

const WORD = String.raw`[A-Za-z_.$][\w.$]*`;
const PUNCTUATION = String.raw`<<=|>>=|<<|>>|[-+*/%&|^=!<>]=|[-+*/%&|^=!<>(){}[\],:;@#~]`;

/** What a match of the expression below is, by the number of its group. */
const GROUPS = [
  "space",
  "end",
  "register",
  "word",
  "number",
  "string",
  "character",
  "unclosed",
  "punctuation",
] as const satisfies readonly (TokenKind | "space" | "end" | "unclosed")[];

/** Compiles the rules of a dialect into one sticky expression with a group per kind of token. */
const expressionOf = (rules: LexicalRules): RegExp => {
  const sources: Readonly<Record<(typeof GROUPS)[number], string>> = {
    space: String.raw`[ \t\r\f\v]+|/\*[^]*?\*/|${rules.comment}`,
    end: rules.separator === undefined ? String.raw`\n` : String.raw`\n|${rules.separator}`,
    register: String.raw`(?:${rules.register})(?![\w.$])`,
    word: WORD,
    number: String.raw`[0-9]\w*`,
    string: String.raw`"(?:[^"\\\n]|\\.)*"`,
    character: String.raw`'(?:\\.|[^\\\n])'?`,
    unclosed: String.raw`/\*|"`,
    punctuation: PUNCTUATION,
  };
  return new RegExp(GROUPS.map((name) => `(${sources[name]})`).join("|"), "my");
};

/** An error about one token. */
export const errorAt = (code: AsmErrorCode, token: Token, message: string, hint?: string): AsmError =>
  new AsmError(code, `${token.line}:${token.column}: ${message}`, {
    place: { line: token.line, column: token.column },
    text: token.text,
    ...(hint !== undefined && { hint }),
  });

/** Splits a text into statements, each a list of at least one token. */
export class Lexer {
  readonly #pattern: RegExp;

  constructor(rules: LexicalRules) {
    this.#pattern = expressionOf(rules);
  }

  /**
   * @throws AsmError `SYNTAX` at a character that begins no token, and at a comment or text without an end.
   */
  *statements(text: string): Generator<readonly Token[]> {
    const pattern = new RegExp(this.#pattern);
    let line = 1;
    let lineStart = 0;
    let statement: Token[] = [];
    for (let at = 0; at < text.length; at = pattern.lastIndex) {
      pattern.lastIndex = at;
      const found = pattern.exec(text);
      const column = at - lineStart + 1;
      if (found === null) {
        const token = { kind: "punctuation", text: text[at]!, line, column } as const;
        throw errorAt("SYNTAX", token, "no token begins here");
      }
      const kind = GROUPS[found.indexOf(found[0], 1) - 1]!;
      if (kind === "unclosed") {
        throw errorAt("SYNTAX", { kind: "punctuation", text: found[0], line, column }, `${found[0]} is not closed`);
      }
      if (kind !== "space" && kind !== "end") {
        statement.push({ kind, text: found[0], line, column });
        continue;
      }
      for (let newline = found[0].indexOf("\n"); newline >= 0; newline = found[0].indexOf("\n", newline + 1)) {
        line++;
        lineStart = at + newline + 1;
      }
      if (kind === "space") continue;
      if (statement.length > 0) yield statement;
      statement = [];
    }
    if (statement.length > 0) yield statement;
  }
}
