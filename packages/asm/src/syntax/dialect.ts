import { OPERATIONS } from "../operations.js";
import { Lexer, type LexicalRules } from "../text/lexer.js";
import { Matcher } from "../text/matcher.js";
import { gasSyntax } from "./gas.js";
import { kernelSyntax } from "./kernel.js";
import { kernelLogSyntax } from "./kernel-log.js";
import type { Syntax } from "./syntax.js";
import { ubpfSyntax } from "./ubpf.js";

/**
 * The ways of writing eBPF assembly: `kernel` is the C-like text of LLVM, clang's inline assembly and kernel logs, `gas`
 * GNU's "normal" syntax, `ubpf` the text of uBPF and the conformance tests.
 */
export type DialectName = "kernel" | "gas" | "ubpf";

/** What the assembler needs to know of a dialect. */
export interface Dialect {
  readonly lexer: Lexer;
  readonly matcher: Matcher;
  /** True when the first `exit` also defines the label `exit`, unless the text does. */
  readonly exitLabel: boolean;
  /** True when an instruction may begin with its opcode in parentheses, as in kernel logs. */
  readonly opcodePrefix: boolean;
}

const dialect = (
  rules: LexicalRules,
  syntaxes: readonly Syntax[],
  habits: Partial<Pick<Dialect, "exitLabel" | "opcodePrefix">> = {},
): Dialect => {
  const lexer = new Lexer(rules);
  const matcher = new Matcher(OPERATIONS, syntaxes, lexer);
  return { lexer, matcher, exitLabel: false, opcodePrefix: false, ...habits };
};

/**
 * Comments of the C-like dialect, which is pasted from assembly, logs and disassembly alike. A pattern that looks back
 * does so only after its own character was found, so that a line is not read again for each of its tokens.
 */
const KERNEL_COMMENTS = [
  String.raw`(?<=\bcall[ \t]+)[A-Za-z_][\w.]*#(?=[0-9])`, // the name in `call name#number`
  String.raw`#[^\n]*`,
  String.raw`//[^\n]*`,
  String.raw`;(?<=^[ \t]*;)[^\n]*`, // a source line in a log
  String.raw`;(?<=^[ \t]*[0-9]+: \([0-9a-f]{2}\)[^\n;]*;)[^\n]*`, // the registers after an instruction in a log
  String.raw`<[\w.$+]*>(?=[ \t\r]*$)`, // where a jump of llvm-objdump goes
].join("|");

/** Every dialect by name. */
export const DIALECTS: Readonly<Record<DialectName, Dialect>> = {
  kernel: dialect(
    { comment: KERNEL_COMMENTS, separator: ";", register: "[rRwW]1?[0-9]" },
    [kernelSyntax, kernelLogSyntax],
    { opcodePrefix: true },
  ),
  gas: dialect({ comment: String.raw`#[^\n]*|//[^\n]*|;[^\n]*`, register: "%(?:[rR]1?[0-9]|fp)" }, [gasSyntax]),
  ubpf: dialect({ comment: String.raw`#[^\n]*|//[^\n]*|;[^\n]*`, register: "%?r1?[0-9]" }, [ubpfSyntax], {
    exitLabel: true,
  }),
};
