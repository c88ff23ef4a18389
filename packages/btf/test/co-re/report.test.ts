import { type Btf, BtfBuilder, type CoreRelocationRecord, compareTargets } from "@ebpf/btf";
import { expect, test } from "vitest";

const task = (members: Record<string, "int" | "long">, values: Record<string, number>): Btf => {
  const types = new BtfBuilder();
  const ids = { int: types.int("int", 4, "signed"), long: types.int("long", 8, "signed") };
  types.struct("task", Object.fromEntries(Object.entries(members).map(([name, type]) => [name, ids[type]])));
  types.enum("state", values);
  return types.build();
};

test("tells what moved, was renamed or vanished in which kernel", () => {
  const local = task({ pid: "int", tgid: "int", start: "long" }, { RUNNING: 0, DEAD: 5 });
  const targets = [
    { name: "equal", btf: local },
    { name: "moved", btf: task({ start: "long", pid: "int", tgid: "int" }, { RUNNING: 0, DEAD: 7 }) },
    { name: "renamed", btf: task({ pid: "int", group: "int", start: "int" }, { RUNNING: 0, GONE: 5 }) },
    { name: "empty", btf: new BtfBuilder().build() },
  ];
  const record = (typeId: number, access: string, kind: CoreRelocationRecord["kind"]) => ({
    offset: 0,
    typeId,
    access,
    kind,
  });
  const records = [
    record(3, "0:1", "field_byte_offset"),
    record(3, "0:1", "field_byte_offset"),
    record(3, "0:2", "field_byte_size"),
    record(4, "1", "enumval_value"),
    record(3, "0", "type_id_local"),
    record(3, "0", "type_exists"),
    record(3, "0:9", "field_exists"),
  ];
  const rows = compareTargets(local, records, targets);
  const short = rows.map(({ place, count, local: value, findings }) => [
    place,
    count,
    value,
    ...findings.map(({ outcome, value: there, renamed }) => [outcome, there ?? renamed?.join() ?? ""].join(" ")),
  ]);
  expect(short).toEqual([
    ["struct task.tgid", 2, 4n, "same 4", "moved 12", "missing group", "missing "],
    ["struct task.start", 1, 8n, "same 8", "same 8", "changed 4", "missing "],
    ["enum state.DEAD", 1, 5n, "same 5", "changed 7", "missing GONE", "missing "],
    ["struct task", 1, 1n, "same 1", "same 1", "same 1", "missing "],
    ["struct task", 1, undefined, "refused ", "refused ", "refused ", "refused "],
  ]);
  expect(rows[4]!.findings[0]!.problem).toContain("no member 9");
});
