import { spawnSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { Attributes, COMMANDS } from "../src/attributes.js";
import { countCpus } from "../src/cpus.js";
import { statisticsOf } from "../src/log.js";
import { encodeLines } from "../src/program-info.js";

/** The C names of the fields. A prefix names the part of the union that has a name itself. */
const C_NAMES: Readonly<Record<keyof typeof COMMANDS, Readonly<Record<string, string>>>> = {
  mapCreate: {
    mapType: "map_type",
    keySize: "key_size",
    valueSize: "value_size",
    maxEntries: "max_entries",
    mapFlags: "map_flags",
    innerMapFd: "inner_map_fd",
    numaNode: "numa_node",
    mapName: "map_name",
    btfFd: "btf_fd",
    btfKeyTypeId: "btf_key_type_id",
    btfValueTypeId: "btf_value_type_id",
    btfVmlinuxValueTypeId: "btf_vmlinux_value_type_id",
    mapExtra: "map_extra",
  },
  mapLookup: { mapFd: "map_fd", key: "key", value: "value", flags: "flags" },
  mapUpdate: { mapFd: "map_fd", key: "key", value: "value", flags: "flags" },
  mapDelete: { mapFd: "map_fd", key: "key", value: "value", flags: "flags" },
  mapNextKey: { mapFd: "map_fd", key: "key", value: "next_key", flags: "flags" },
  programLoad: {
    programType: "prog_type",
    instructionCount: "insn_cnt",
    instructions: "insns",
    license: "license",
    logLevel: "log_level",
    logSize: "log_size",
    logBuffer: "log_buf",
    programFlags: "prog_flags",
    programName: "prog_name",
    expectedAttachType: "expected_attach_type",
    programBtfFd: "prog_btf_fd",
    functionRecordSize: "func_info_rec_size",
    functions: "func_info",
    functionCount: "func_info_cnt",
    lineRecordSize: "line_info_rec_size",
    lines: "line_info",
    lineCount: "line_info_cnt",
    attachBtfId: "attach_btf_id",
    attachProgramFd: "attach_prog_fd",
  },
  programTestRun: {
    programFd: "test.prog_fd",
    returnValue: "test.retval",
    dataSizeIn: "test.data_size_in",
    dataSizeOut: "test.data_size_out",
    dataIn: "test.data_in",
    dataOut: "test.data_out",
    repeat: "test.repeat",
    duration: "test.duration",
    contextSizeIn: "test.ctx_size_in",
    contextSizeOut: "test.ctx_size_out",
    contextIn: "test.ctx_in",
    contextOut: "test.ctx_out",
    flags: "test.flags",
  },
  btfLoad: {
    btf: "btf",
    logBuffer: "btf_log_buf",
    btfSize: "btf_size",
    logSize: "btf_log_size",
    logLevel: "btf_log_level",
  },
  mapFreeze: { mapFd: "map_fd" },
};

/** Newer than the headers of some distributions. Both stand behind the last field of their part that older ones have. */
const NEWER_THAN_HEADERS = new Set(["programLoad.logTrueSize", "btfLoad.logTrueSize"]);

const compiler = ["clang-19", "clang", "gcc"].find((name) => spawnSync(name, ["--version"]).status === 0);

/** Lets a C compiler check the table: every wrong row is an error that names it. */
const compileAssertions = (): string => {
  const assertions = Object.entries(COMMANDS).flatMap(([command, { fields }]) =>
    Object.entries(fields)
      .filter(([field]) => !NEWER_THAN_HEADERS.has(`${command}.${field}`))
      .map(([field, [offset, size]]) => {
        const name = C_NAMES[command as keyof typeof COMMANDS][field];
        const test = `offsetof(union bpf_attr, ${name}) == ${offset} && sizeof(((union bpf_attr *)0)->${name}) == ${size}`;
        return `_Static_assert(${test}, "${command}.${field}");`;
      }),
  );
  const input = `#include <linux/bpf.h>\n#include <stddef.h>\n${assertions.join("\n")}\n`;
  return spawnSync(compiler!, ["-fsyntax-only", "-xc", "-"], { input, encoding: "utf8" }).stderr;
};

describe("the arguments of bpf(2)", () => {
  it.skipIf(compiler === undefined)(
    `lie where <linux/bpf.h> has them${compiler === undefined ? " (skipped: there is no C compiler)" : ""}`,
    () => expect(compileAssertions()).toBe(""),
  );

  it("are little-endian, and names are cut and cleaned", () => {
    const attributes = new Attributes("mapCreate").set({
      mapType: 0x01020304,
      mapExtra: 1n << 63n,
      keySize: undefined,
    });
    attributes.name("mapName", "a-rather/long name.x");
    expect([...attributes.bytes.slice(0, 8)]).toEqual([4, 3, 2, 1, 0, 0, 0, 0]);
    expect(attributes.bytes[71]).toBe(0x80);
    expect(new TextDecoder().decode(attributes.bytes.slice(28, 44))).toBe("a_rather_long_n\0");
  });
});

describe("what the kernel writes", () => {
  it("says what verification cost, in the words of old and new kernels", () => {
    const log = `0: (95) exit
verification time 22 usec
stack depth 8+0+16
processed 11 insns (limit 1000000) max_states_per_insn 1 total_states 3 peak_states 2 mark_read 4
`;
    const statistics = {
      processedInstructions: 11,
      maxStatesPerInstruction: 1,
      totalStates: 3,
      peakStates: 2,
      verificationTime: 22,
      stackDepths: [8, 0, 16],
    };
    expect(statisticsOf(log)).toEqual({ ...statistics, markRead: 4 });
    expect(statisticsOf(log.replace(" mark_read 4", ""))).toEqual(statistics);
    expect(statisticsOf("unreachable insn 1\n")).toBeUndefined();
  });

  it.each([
    ["0\n", 1],
    ["0-1\n", 2],
    ["0-3,8,10-11", 7],
  ])("names CPUs as %j", (list, count) => expect(countCpus(list)).toBe(count));
});

describe("line records", () => {
  it("hold line and column in one word, and refer to texts", () => {
    const line = { pc: 3, file: "a.c", text: "x = 1;", line: 5, column: 9 };
    const offsets = new Map([
      ["a.c", 1],
      ["x = 1;", 5],
    ]);
    const words = new Uint32Array(encodeLines([line], offsets).buffer);
    expect([...words]).toEqual([3, 1, 5, 5 * 1024 + 9]);
    expect(new Uint32Array(encodeLines([{ ...line, column: 5000 }], offsets).buffer)[3]).toBe(5 * 1024 + 1023);
  });
});
