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

/** Compiles the rules of a dialect into one sticky expression with a named group per kind of token. */
const expressionOf = (rules: LexicalRules): RegExp =>
  new RegExp(
    [
      String.raw`(?<space>[ \t\r\f\v]+|/\*[^]*?\*/|${rules.comment})`,
      String.raw`(?<end>\n${rules.separator === undefined ? "" : `|${rules.separator}`})`,
      String.raw`(?<register>(?:${rules.register})(?![\w.$]))`,
      `(?<word>${WORD})`,
      String.raw`(?<number>[0-9]\w*)`,
      String.raw`(?<string>"(?:[^"\\\n]|\\.)*")`,
      String.raw`(?<character>'(?:\\.|[^\\\n])'?)`,
      `(?<punctuation>${PUNCTUATION})`,
    ].join("|"),
    "my",
  );

/** An error about one token. */
export const errorAt = (code: AsmErrorCode, token: Token, message: string, hint?: string): AsmError =>
  new AsmError(code, `${token.line}:${token.column}: ${message}`, {
    place: { line: token.line, column: token.column },
    text: token.text,
    ...(hint !== undefined && { hint }),
  });

const KINDS = ["register", "word", "number", "string", "character", "punctuation"] as const;

/** Splits a text into statements, each a list of at least one token. */
export class Lexer {
  readonly #pattern: RegExp;

  constructor(rules: LexicalRules) {
    this.#pattern = expressionOf(rules);
  }

  /**
   * @throws AsmError `SYNTAX` at a character that begins no token.
   */
  *statements(text: string): Generator<readonly Token[]> {
    const pattern = new RegExp(this.#pattern);
    let line = 1;
    let lineStart = 0;
    let statement: Token[] = [];
    for (let at = 0; at < text.length; at = pattern.lastIndex) {
      pattern.lastIndex = at;
      const found = pattern.exec(text);
      const place = { line, column: at - lineStart + 1 };
      if (found === null) {
        throw errorAt("SYNTAX", { kind: "punctuation", text: text[at]!, ...place }, "no token begins here");
      }
      const { space, end, ...groups } = found.groups as Record<string, string | undefined>;
      if (space === undefined && end === undefined) {
        const kind = KINDS.find((name) => groups[name] !== undefined)!;
        statement.push({ kind, text: found[0], ...place });
        continue;
      }
      for (let newline = found[0].indexOf("\n"); newline >= 0; newline = found[0].indexOf("\n", newline + 1)) {
        line++;
        lineStart = at + newline + 1;
      }
      if (end === undefined) continue;
      if (statement.length > 0) yield statement;
      statement = [];
    }
    if (statement.length > 0) yield statement;
  }
}
