import type { Diagnostic, PathStep } from "./report.js";

export interface RenderOptions {
  /** Decisions of the path to show at most; 8 by default. */
  readonly pathSteps?: number;
}

const INDENT = "  ";

const place = ({ pc, function: name }: Diagnostic): string => {
  if (pc === undefined) return "the program as a whole";
  return name === undefined ? `instruction ${pc}` : `instruction ${pc} in ${name}`;
};

/** The C line with a caret under its column, as compilers print them. */
const sourceLines = ({ source }: Diagnostic): string[] => {
  if (source === undefined) return [];
  const at = `${source.file}:${source.line}${source.column > 0 ? `:${source.column}` : ""}`;
  const gutter = `${source.line} | `;
  const lines = [`${INDENT}--> ${at}`];
  if (source.text === "") return lines;
  lines.push(`${INDENT}${gutter}${source.text}`);
  if (source.column > 0) {
    // Tabs before the column stay tabs, so that the caret stands under its character.
    const before = source.text.slice(0, source.column - 1).replace(/[^\t]/g, " ");
    lines.push(`${INDENT}${" ".repeat(gutter.length - 2)}| ${before}^`);
  }
  return lines;
};

/** A decision: which way it went, and the C line that made it or else the jump. */
const stepLine = ({ from, to, instruction, source }: PathStep): string => {
  const what = source === undefined || source.text === "" ? instruction : `${source.line} | ${source.text.trim()}`;
  return `${INDENT}${INDENT}${from} → ${to}  ${what}`;
};

const pathLines = ({ path, pathTruncated }: Diagnostic, { pathSteps = 8 }: RenderOptions): string[] => {
  if (path.length === 0) return [];
  const shown = path.slice(-pathSteps);
  const omitted = pathTruncated || shown.length < path.length;
  return [`${INDENT}path:`, ...(omitted ? [`${INDENT}${INDENT}…`] : []), ...shown.map(stepLine)];
};

const historyLines = ({ history }: Diagnostic): string[] =>
  history.flatMap(({ subject, steps, truncated }) => [
    `${INDENT}history of ${subject}:`,
    ...(truncated ? [`${INDENT}${INDENT}…`] : []),
    ...steps.map(({ pc, instruction, source }) => {
      const line = source === undefined ? "" : `  ; line ${source.line}`;
      return `${INDENT}${INDENT}${pc}: ${instruction}${line}`;
    }),
  ]);

/** Renders a diagnostic for a person: what happened and where, the C line, the rule, the path and what would mend it. */
export const renderDiagnostic = (diagnostic: Diagnostic, options: RenderOptions = {}): string => {
  const { code, message, pc, instruction, rule, hint } = diagnostic;
  const text = instruction === undefined ? [] : [`${INDENT}${pc}: ${instruction}`];
  return [
    `${code}: ${message.replaceAll("\n", "; ")}`,
    `${INDENT}at ${place(diagnostic)}`,
    ...text,
    ...sourceLines(diagnostic),
    `${INDENT}rule: ${rule}`,
    ...historyLines(diagnostic),
    ...pathLines(diagnostic, options),
    `${INDENT}hint: ${hint}`,
  ].join("\n");
};
