import type { Token } from "./lexer.js";

/** A position in the tokens of one statement. */
export class Cursor {
  readonly tokens: readonly Token[];
  /** Index of the next token. */
  at = 0;
  /** Index of the furthest token that was looked at, which is where a failed parse is reported. */
  furthest = 0;

  constructor(tokens: readonly Token[]) {
    this.tokens = tokens;
  }

  /** The next token, or `undefined` at the end. */
  peek(): Token | undefined {
    this.furthest = Math.max(this.furthest, this.at);
    return this.tokens[this.at];
  }

  /** Takes the next token. */
  next(): Token | undefined {
    const token = this.peek();
    if (token !== undefined) this.at++;
    return token;
  }

  /** Takes the next token when its text is `text`. */
  take(text: string): boolean {
    if (this.peek()?.text !== text) return false;
    this.at++;
    return true;
  }

  /** True when every token was taken. */
  get done(): boolean {
    return this.at >= this.tokens.length;
  }
}
