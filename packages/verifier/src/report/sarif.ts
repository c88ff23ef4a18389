import type { LineInfo } from "@ebpf/platform";
import { CODES, type RejectionCode } from "./codes.js";
import type { Diagnostic } from "./report.js";

/** A rejected program, and the file it came from. */
export interface RejectedProgram {
  readonly program: string;
  /** Path of the object file, where there is one: the place of rejections that have no line of C. */
  readonly object?: string;
  readonly rejection: Diagnostic;
}

/** A file and, where it is known, a line and column in it, both from 1. */
export interface SarifLocation {
  readonly physicalLocation?: {
    readonly artifactLocation: { readonly uri: string };
    readonly region?: {
      readonly startLine: number;
      readonly startColumn?: number;
      readonly snippet?: { readonly text: string };
    };
  };
  readonly logicalLocations: {
    readonly name: string;
    readonly kind: "function";
    readonly fullyQualifiedName: string;
  }[];
}

/** A line of C, and what is to be said of it. */
export interface SarifRemark {
  readonly physicalLocation: NonNullable<SarifLocation["physicalLocation"]>;
  readonly message: { readonly text: string };
}

/** A step of the path to a rejection. */
export interface SarifStep {
  readonly location: SarifRemark;
}

export interface SarifRule {
  readonly id: RejectionCode;
  readonly shortDescription: { readonly text: string };
  readonly help: { readonly text: string };
}

export interface SarifResult {
  readonly ruleId: RejectionCode;
  readonly ruleIndex: number;
  readonly level: "error";
  readonly message: { readonly text: string };
  readonly locations: SarifLocation[];
  /** The decisions that led there, where lines of C are known for them. */
  readonly codeFlows?: { readonly threadFlows: { readonly locations: SarifStep[] }[] }[];
  /** Where the values came from that the rule is about. */
  readonly relatedLocations?: SarifRemark[];
  readonly properties: { readonly pc?: number; readonly instruction?: string; readonly registers: readonly number[] };
}

/** The part of a SARIF 2.1.0 log that rejections need. */
export interface SarifLog {
  readonly version: "2.1.0";
  readonly $schema: string;
  readonly runs: {
    readonly tool: {
      readonly driver: { readonly name: string; readonly informationUri: string; readonly rules: SarifRule[] };
    };
    readonly results: SarifResult[];
  }[];
}

const SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";
const INFORMATION = "https://www.npmjs.com/package/@ebpf/verifier";

/** A path as the URI reference that SARIF wants. */
const uriOf = (path: string): string => path.split("/").map(encodeURIComponent).join("/");

const placeOf = ({ file, line, column, text }: LineInfo): NonNullable<SarifLocation["physicalLocation"]> => ({
  artifactLocation: { uri: uriOf(file) },
  region: {
    startLine: line,
    ...(column > 0 && { startColumn: column }),
    ...(text !== "" && { snippet: { text } }),
  },
});

const physicalLocation = ({ object, rejection: { source } }: RejectedProgram): SarifLocation["physicalLocation"] => {
  if (source !== undefined) return placeOf(source);
  return object === undefined ? undefined : { artifactLocation: { uri: uriOf(object) } };
};

const remark = (line: LineInfo, text: string): SarifRemark => ({
  physicalLocation: placeOf(line),
  message: { text },
});

const relatedTo = ({ history }: Diagnostic): Pick<SarifResult, "relatedLocations"> => {
  const remarks = history.flatMap(({ subject, steps }) =>
    steps.flatMap(({ pc, instruction, source }) =>
      source === undefined ? [] : [remark(source, `history of ${subject}: ${pc}: ${instruction}`)],
    ),
  );
  return remarks.length === 0 ? {} : { relatedLocations: remarks };
};

/** The path as the one flow of a result: decisions that lines of C are known for, and where it ended. */
const flowOf = ({ path, source, message }: Diagnostic): Pick<SarifResult, "codeFlows"> => {
  const step = (line: LineInfo, text: string): SarifStep => ({ location: remark(line, text) });
  const decisions = path.flatMap(({ from, to, instruction, source: line }) =>
    line === undefined ? [] : [step(line, `${from} → ${to}: ${instruction}`)],
  );
  if (source === undefined || decisions.length === 0) return {};
  return { codeFlows: [{ threadFlows: [{ locations: [...decisions, step(source, message)] }] }] };
};

const locationOf = (rejected: RejectedProgram): SarifLocation => {
  const { program, rejection } = rejected;
  const name = rejection.function ?? program;
  const physical = physicalLocation(rejected);
  return {
    ...(physical && { physicalLocation: physical }),
    logicalLocations: [
      { name, kind: "function", fullyQualifiedName: name === program ? program : `${program}::${name}` },
    ],
  };
};

const messageOf = ({ program, rejection: { message, rule, hint } }: RejectedProgram): string =>
  `${program} is rejected: ${message.replaceAll("\n", "; ")}. ${rule} ${hint}`;

/**
 * Rejections as a SARIF 2.1.0 log, which code hosts and editors show beside the line of C.
 *
 * Only the rules that were broken are listed; a log without rejections has no rules and no results.
 */
export const toSarif = (rejected: readonly RejectedProgram[]): SarifLog => {
  const codes = [...new Set(rejected.map(({ rejection }) => rejection.code))].sort();
  const rules = codes.map((id): SarifRule => {
    const [rule, hint] = CODES[id];
    return { id, shortDescription: { text: rule }, help: { text: hint } };
  });
  const results = rejected.map((each): SarifResult => {
    const { code, pc, instruction, registers } = each.rejection;
    return {
      ruleId: code,
      ruleIndex: codes.indexOf(code),
      level: "error",
      message: { text: messageOf(each) },
      locations: [locationOf(each)],
      ...relatedTo(each.rejection),
      ...flowOf(each.rejection),
      properties: { ...(pc !== undefined && { pc }), ...(instruction !== undefined && { instruction }), registers },
    };
  });
  const driver = { name: "ebpf verify", informationUri: INFORMATION, rules };
  return { version: "2.1.0", $schema: SCHEMA, runs: [{ tool: { driver }, results }] };
};
