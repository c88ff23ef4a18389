import { type CoreComparison, type CoreFinding, type CoreOutcome, compareTargets } from "@ebpf/btf";
import { openObject, readBtf } from "@ebpf/elf";
import type { Arguments, Command } from "../command.js";
import { EXIT } from "../exit-codes.js";
import { inputName, readInput } from "../files.js";
import { counted, type Output, table, toJson } from "../output.js";
import { UsageError } from "../usage-error.js";

const OUTCOMES: readonly CoreOutcome[] = ["same", "moved", "changed", "missing", "refused"];

const compare = (args: Arguments): CoreComparison[] => {
  const file = args.file("object file");
  const kernels = args.list("btf");
  if (kernels.length === 0)
    throw new UsageError("no kernel is named", "--btf /sys/kernel/btf/vmlinux is the running one");
  const object = openObject(readInput(file), { path: inputName(file) });
  const targets = kernels.map((name) => ({ name, btf: readBtf(readInput(name), { path: inputName(name) }) }));
  return object.btf === undefined ? [] : compareTargets(object.btf, object.coreRelocations, targets);
};

const isSameEverywhere = ({ findings }: CoreComparison): boolean => findings.every(({ outcome }) => outcome === "same");

const describe = ({ outcome, value, renamed = [], problem }: CoreFinding, local: bigint | undefined): string => {
  if (outcome === "refused") return `refused: ${problem}`;
  if (outcome !== "missing") return outcome === "same" ? outcome : `${outcome}: ${local} → ${value}`;
  return renamed.length === 0 ? outcome : `${outcome}, perhaps ${renamed.join(" or ")}`;
};

const print = (rows: readonly CoreComparison[], all: boolean, output: Output): void => {
  for (const row of rows) {
    if (!all && isSameEverywhere(row)) continue;
    output.line(`${row.place}  (${row.kind}, ${counted(row.count, "time")})`);
    for (const line of table(row.findings.map((finding) => [finding.target, describe(finding, row.local)]))) {
      output.line(line);
    }
  }
  const outcomes = rows.flatMap(({ findings }) => findings.map(({ outcome }) => outcome));
  const counts = OUTCOMES.map((outcome) => [outcome, outcomes.filter((one) => one === outcome).length] as const);
  const summary = counts.flatMap(([outcome, count]) => (count === 0 ? [] : [`${count} ${outcome}`])).join(", ");
  output.line(
    `${counted(rows.length, "thing")} asked of ${counted(rows[0]?.findings.length ?? 0, "kernel")}: ${summary}`,
  );
};

const run = async (args: Arguments, output: Output): Promise<number> => {
  const rows = compare(args);
  if (args.flag("json")) output.line(toJson({ relocations: rows }));
  else if (rows.length === 0) output.line("the object asks nothing of its kernel: it has no CO-RE relocations");
  else print(rows, args.flag("all"), output);
  const isRefused = rows.some(({ findings }) => findings.some(({ outcome }) => outcome === "refused"));
  return isRefused ? EXIT.rejected : EXIT.ok;
};

export const coreCommand: Command = {
  name: "core",
  summary: "tell what moved, changed or vanished for an object between kernels",
  help: `ebpf core FILE --btf KERNEL [--btf KERNEL …] [options]

Takes each CO-RE relocation of an object file to each kernel, and tells what moved, what changed and what is missing there, and what
may have taken its place. Exit code 1 when a kernel's types contradict the object so that it can't be loaded.

  --btf FILE           types of a kernel: raw, such as /sys/kernel/btf/vmlinux, or in an ELF file (repeatable)
  --all                also what is the same everywhere
  --json               {"relocations": [{"place", "kind", "local", "count", "findings"}]}`,
  options: { btf: { type: "string", multiple: true }, all: { type: "boolean" } },
  run,
};
