import { bytesToHex } from "@ebpf/core";
import type { ByteFuzzReport } from "../bytes/fuzz-bytes.js";
import { caseFromJson, describeCase } from "../fuzz-case.js";
import type { FuzzReport } from "./fuzz.js";

/** A report as text: counts, then each finding with its smallest case. */
export const renderReport = ({ oracle, runs, rate, notes, findings, skipped }: FuzzReport): string => {
  if (skipped !== undefined) return `${oracle}: skipped: ${skipped}`;
  const counts = Object.entries(notes).sort(([, a], [, b]) => b - a);
  const groups = [...findings].sort((a, b) => b.count - a.count);
  return [
    `${oracle}: ${runs} cases, ${rate} a second, ${findings.length} findings`,
    ...counts.map(([note, count]) => `  ${String(count).padStart(8)}  ${note}`),
    ...groups.flatMap(({ key, detail, count, origin, case: json }) => [
      "",
      `${count} × ${key}`,
      detail,
      describeCase(caseFromJson(json)),
      `again: --oracle ${oracle} --replay=${origin.seed}:${origin.index}`,
    ]),
  ].join("\n");
};

/** The same for a run of the byte fuzzer; inputs as hexadecimal digits. */
export const renderByteReport = ({ target, runs, rate, corpus, layouts, findings }: ByteFuzzReport): string =>
  [
    `${target}: ${runs} inputs, ${rate} a second, ${findings.length} findings`,
    `  ${corpus} inputs reached something new; ${layouts} ways through functions`,
    ...findings.flatMap(({ key, detail, input }) => ["", key, detail, bytesToHex(input)]),
  ].join("\n");
