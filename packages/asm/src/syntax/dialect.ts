import { OPERATIONS } from "../operations.js";
import { Lexer, type LexicalRules } from "../text/lexer.js";
import { Matcher } from "../text/matcher.js";
import type { Syntax } from "./syntax.js";
import { ubpfSyntax } from "./ubpf.js";

/** The ways of writing eBPF assembly. */
export type DialectName = "ubpf";

/** What the assembler needs to know of a dialect. */
export interface Dialect {
  readonly lexer: Lexer;
  readonly matcher: Matcher;
  /** True when the first `exit` also defines the label `exit`, unless the text does. */
  readonly exitLabel: boolean;
}

const dialect = (rules: LexicalRules, syntaxes: readonly Syntax[], exitLabel = false): Dialect => {
  const lexer = new Lexer(rules);
  return { lexer, matcher: new Matcher(OPERATIONS, syntaxes, lexer), exitLabel };
};

/** Every dialect by name. */
export const DIALECTS: Readonly<Record<DialectName, Dialect>> = {
  ubpf: dialect(
    { comment: String.raw`#[^\n]*|//[^\n]*|;[^\n]*`, separator: "", register: "%?r1?[0-9]", special: "" },
    [ubpfSyntax],
    true,
  ),
};
