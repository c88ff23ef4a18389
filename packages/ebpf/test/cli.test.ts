import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { BtfBuilder, encodeBtf } from "@ebpf/btf";
import type { toSarif } from "@ebpf/verifier";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { main } from "../src/cli/main.js";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const example = (name: string) => join(root, "examples", name);
const folder = mkdtempSync(join(tmpdir(), "ebpf-cli-"));
afterAll(() => rmSync(folder, { recursive: true }));

const file = (name: string, content: string | Uint8Array): string => {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
};

interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
  readonly bytes: Uint8Array;
}

/** Runs the command line in this process. */
const ebpf = async (...argv: string[]): Promise<Outcome> => {
  const out: string[] = [];
  const err: string[] = [];
  const written: number[] = [];
  const code = await main(argv, "0.0.0", {
    line: (text = "") => out.push(text),
    note: (text) => err.push(text),
    bytes: (bytes) => written.push(...bytes),
    interactive: false,
  });
  return { code, out: out.join("\n"), err: err.join("\n"), bytes: Uint8Array.from(written) };
};

/** A line of a stack trace. */
const STACK_TRACE = /^\s+at .*\.[jt]s:\d+/m;

/** `r0 = 2; exit` */
const PASS = "b700000002000000\n9500000000000000";

describe("ebpf run", () => {
  it("prints verdicts, maps by their types, and the time", async () => {
    const { code, out } = await ebpf("run", example("xdp_firewall.o"), "--pcap", example("traffic.pcap"));
    expect(code).toBe(0);
    expect(out).toMatch(/XDP_PASS\s+201\s+83\.8 %/);
    expect(out).toMatch(/XDP_DROP\s+39\s+16\.3 %/);
    expect(out).toMatch(/0xcb007142 → \{ since_ns: \d+, dropped: 17 \}/);
    expect(out).toMatch(/trap_port = 23/);
    expect(out).toMatch(/per packet \(median, jit\)/);
  });

  it.each(["jit", "interpreter"])("gives the same as JSON with the %s", async (engine) => {
    const argv = ["run", example("xdp_firewall.o"), "--pcap", example("traffic.pcap"), "--engine", engine, "--json"];
    const report = JSON.parse((await ebpf(...argv)).out);
    expect(report).toMatchObject({ engine, verified: true, runs: 240, verdicts: { XDP_PASS: 201, XDP_DROP: 39 } });
    expect(report.maps.protocols[2].value).toEqual({ packets: "160", bytes: "70333" });
  });

  it("sets global variables", async () => {
    const argv = [
      "run",
      example("xdp_firewall.o"),
      "--pcap",
      example("traffic.pcap"),
      "--set",
      "trap_port=1",
      "--json",
    ];
    expect(JSON.parse((await ebpf(...argv)).out).verdicts).toEqual({ XDP_PASS: 240 });
  });

  it("decodes events", async () => {
    const { out } = await ebpf("run", example("trace_events.o"), "--repeat", "3", "--events", "events=open_event");
    expect(out).toContain("3 records, 0 lost");
    expect(out).toMatch(/time_ns: \d+, pid: 0, uid: 0, flags: 0, command: ""/);
  });
});

describe("ebpf verify", () => {
  it("accepts the examples", async () => {
    for (const name of [
      "xdp_firewall",
      "tc_rewrite",
      "socket_filter",
      "trace_events",
      "kprobe_latency",
      "flow_sampler",
    ]) {
      expect(await ebpf("verify", example(`${name}.o`), "--self-check")).toMatchObject({ code: 0 });
    }
  });

  it("explains a rejection with the line of C, a caret, the path and a hint", async () => {
    const { code, out } = await ebpf("verify", join(root, "packages/ebpf/test/fixtures/rejected.o"));
    expect(code).toBe(1);
    expect(out).toContain("null_dereference: rejected");
    expect(out).toMatch(/rejected\.c:\d+/);
    expect(out).toMatch(/\d+ \| \t\t\*value \+= 1;\n\s+\| \t\t\s+\^/);
    expect(out).toContain("path:");
    expect(out).toContain("hint:");
    expect(out).toContain("past_the_end: rejected");
  });

  it("writes rejections as SARIF, one result each, at the line of C", async () => {
    const { code, out } = await ebpf("verify", join(root, "packages/ebpf/test/fixtures/rejected.o"), "--sarif");
    expect(code).toBe(1);
    const log = JSON.parse(out) as ReturnType<typeof toSarif>;
    expect(log.version).toBe("2.1.0");
    const places = log.runs[0]!.results.map(({ locations }) => locations[0]!.physicalLocation!);
    expect(places.length).toBeGreaterThanOrEqual(2);
    for (const { artifactLocation, region } of places) {
      expect(artifactLocation.uri).toMatch(/rejected\.c$/);
      expect(region!.startLine).toBeGreaterThan(0);
    }
  });

  it("writes the kernel's log beside the verdict", async () => {
    const rejected = join(root, "packages/ebpf/test/fixtures/rejected.o");
    const { out, err } = await ebpf("verify", rejected, "--log", "2");
    const plain = await ebpf("verify", rejected);
    expect(out).toBe(plain.out);
    const lines = err.split("\n");
    // What a log of Linux begins and ends with, program by program.
    expect(lines[0]).toBe("func#0 @0");
    const ends = lines.filter((line) => /^processed \d+ insns \(limit 1000000\) max_states_per_insn/.test(line));
    expect(ends).toHaveLength(out.match(/: (accepted|rejected)/g)!.length);
    await expect(ebpf("verify", rejected, "--log", "3")).resolves.toMatchObject({ code: 2 });
  });

  it("judges the same program in either byte order", async () => {
    const codes = async (path: string) => {
      const { out } = await ebpf("verify", path, "--json");
      return JSON.parse(out).programs.map((program: { rejection?: { code: string } }) => program.rejection?.code);
    };
    const fixtures = join(root, "packages/ebpf/test/fixtures");
    expect(await codes(join(fixtures, "rejected-eb.o"))).toEqual(await codes(join(fixtures, "rejected.o")));
  });
});

describe("ebpf asm and disasm", () => {
  it.each(["kernel", "gas", "ubpf"])("are inverse in the %s dialect", async (dialect) => {
    const { bytes: code } = await ebpf(
      "asm",
      file("p.s", "r0 = 2\nif r0 > 1 goto out\nr0 <<= 3\nout:\nexit"),
      "-o",
      "-",
    );
    const text = (await ebpf("disasm", "--raw", file("p.bin", code), "--dialect", dialect)).out;
    expect((await ebpf("asm", file("q.s", text), "--dialect", dialect, "-o", "-")).bytes).toEqual(code);
  });

  it("print hexadecimal slots and take helpers by name", async () => {
    expect((await ebpf("asm", file("a.s", "r0 = 2\nexit"))).out).toBe(PASS);
    expect((await ebpf("asm", file("b.s", "call bpf_ktime_get_ns"))).out).toBe("8500000005000000");
  });

  it("show C lines and maps of an object", async () => {
    const { out } = await ebpf("disasm", example("xdp_firewall.o"));
    expect(out).toContain("# blocked = bpf_map_lookup_elem(&blocklist, &ip->source);");
    expect(out).toContain("map blocklist");
  });
});

describe("ebpf inspect and compile", () => {
  it("list programs and maps", async () => {
    const { out } = await ebpf("inspect", example("flow_sampler.o"), "--json");
    expect(JSON.parse(out)).toMatchObject({
      byteOrder: "little",
      license: "GPL",
      programs: [{ name: "flow_sampler", type: "xdp", maps: ["samples", ".rodata", ".bss"] }],
    });
  });

  it("write a valid WebAssembly module", async () => {
    const { bytes } = await ebpf("compile", example("xdp_firewall.o"), "-o", "-");
    expect(WebAssembly.validate(bytes as Uint8Array<ArrayBuffer>)).toBe(true);
  });
});

describe("ebpf asm --object, link and types", () => {
  const PROGRAM = `.section xdp,"ax"
.globl pass
.type pass,@function
pass:
  call two
  exit`;
  const FUNCTION = `.text
.globl two
.type two,@function
two:
  mov %r0, 2
  exit`;
  const object = async (name: string, text: string): Promise<string> => {
    const path = join(folder, `${name}.o`);
    const argv = ["asm", file(`${name}.s`, text), "--dialect", "gas", "--object", "--license", "GPL", "-o", path];
    expect((await ebpf(...argv)).code).toBe(0);
    return path;
  };

  it("make one object of two texts, which verifies and runs", async () => {
    const [caller, callee] = [await object("caller", PROGRAM), await object("callee", FUNCTION)];
    expect((await ebpf("verify", caller)).code).toBe(3);
    const linked = join(folder, "linked.o");
    expect((await ebpf("link", caller, callee, "-o", linked, "--json")).out).toContain('"bytes":');
    expect((await ebpf("verify", linked)).out).toMatch(/^pass: accepted/);
    const { out } = await ebpf("run", linked, "--packet", "00".repeat(14), "--json");
    expect(JSON.parse(out)).toMatchObject({ verdicts: { XDP_PASS: 1 } });
  });

  it("write types as C, as TypeScript and as JSON", async () => {
    const firewall = example("xdp_firewall.o");
    const c = (await ebpf("types", firewall, "--only", "block", "--preserve-access-index")).out;
    expect(c).toMatch(/struct block \{\n\t__u64 since_ns;\n\t__u64 dropped;\n\}/);
    expect(c).toContain("preserve_access_index");
    const typescript = (await ebpf("types", firewall, "--as", "typescript", "--only", "block")).out;
    expect(typescript).toContain("export const readBlock = (view: DataView");
    const { types } = JSON.parse((await ebpf("types", firewall, "--only", "block", "--json")).out);
    expect(types).toMatchObject([{ kind: "struct", name: "block", size: 16 }]);
    expect((await ebpf("types", firewall)).out).toContain("struct block {");
  });
});

describe("ebpf core", () => {
  const object = join(root, "packages/elf/test/fixtures/features-el.o");
  /** A kernel whose `struct task` has these members, all of them `int`. */
  const kernel = (name: string, members: readonly string[]): string => {
    const types = new BtfBuilder();
    const int = types.int("int", 4, "signed");
    types.struct("task", Object.fromEntries(members.map((member) => [member, int])));
    return file(name, encodeBtf(types.build()));
  };
  const kernels = [kernel("moved.btf", ["state", "pid"]), kernel("renamed.btf", ["number"]), object];
  const options = kernels.flatMap((name) => ["--btf", name]);

  it("tells what moved and what is missing in which kernel, of BTF and of ELF files", async () => {
    const { code, out } = await ebpf("core", object, ...options);
    expect(code).toBe(0);
    expect(out.split("\n").map((line) => line.replaceAll(folder, "").trim())).toEqual([
      "struct task.pid  (field_byte_offset, 1 time)",
      expect.stringMatching(/^\/moved.btf\s+moved: 0 → 4$/),
      expect.stringMatching(/^\/renamed.btf\s+missing, perhaps number$/),
      expect.stringMatching(/features-el.o\s+same$/),
      "1 thing asked of 3 kernels: 1 same, 1 moved, 1 missing",
    ]);
  });

  it("tells the same as JSON, and nothing of what is the same unless asked", async () => {
    const report = JSON.parse((await ebpf("core", object, ...options, "--json")).out);
    expect(report.relocations).toMatchObject([
      { place: "struct task.pid", count: 1, findings: [{ value: "4" }, { renamed: ["number"] }, { outcome: "same" }] },
    ]);
    expect((await ebpf("core", object, "--btf", object)).out).toBe("1 thing asked of 1 kernel: 1 same");
    expect((await ebpf("core", object, "--btf", object, "--all")).out).toContain("struct task.pid");
    expect((await ebpf("core", example("xdp_firewall.o"), "--btf", object)).out).toContain("no CO-RE relocations");
  });

  it("fails where a kernel's types contradict the object", async () => {
    const types = new BtfBuilder();
    for (const type of ["int", "long"]) {
      const id = types.int(type, type === "int" ? 4 : 8, "signed");
      types.struct("task", { ...(type === "long" && { pad: id }), pid: types.int("int", 4, "signed") });
    }
    const { code, out } = await ebpf("core", object, "--btf", file("two.btf", encodeBtf(types.build())));
    expect(out).toContain("refused: ");
    expect(code).toBe(1);
  });
});

describe("what is wrong is said, with its place and an exit code", () => {
  const cut = readFileSync(example("xdp_firewall.o")).subarray(0, 1000);
  const elf = readFileSync(example("xdp_firewall.o"));
  const withoutTypes = join(root, "packages/elf/test/fixtures/legacy-el.o");
  const wrongMachine = Uint8Array.from(elf);
  wrongMachine[18] = 62;
  const capture = readFileSync(example("traffic.pcap")).subarray(0, 1001);
  const firewall = example("xdp_firewall.o");

  it.each([
    ["no command", [], 2, ""],
    ["an unknown command", ["fly"], 2, "fly"],
    ["an unknown option", ["run", firewall, "--fast"], 2, "--fast"],
    ["no file", ["run"], 2, "object file"],
    ["two files", ["run", firewall, "other.o"], 2, "other.o"],
    ["a number that is none", ["run", firewall, "--repeat", "x"], 2, "--repeat x"],
    ["a packet that is no hexadecimal", ["run", firewall, "--packet", "0g"], 2, "0g"],
    ["an unknown engine", ["run", firewall, "--engine", "v12"], 2, "v12"],
    ["a program that isn't there", ["run", firewall, "--program", "nobody"], 2, "nobody"],
    ["several programs and no choice", ["run", example("kprobe_latency.o")], 2, "function_entered"],
    ["a variable that isn't there", ["run", firewall, "--set", "nothing=1"], 2, "nothing"],
    ["a file that isn't there", ["verify", join(folder, "none.o")], 3, "none.o"],
    ["a folder", ["verify", folder], 3, folder],
    ["a file that can't be written", ["compile", firewall, "-o", join(folder, "none", "x.wasm")], 3, "x.wasm"],
    ["an empty object", ["inspect", file("empty.o", "")], 3, "empty.o"],
    ["nothing to link", ["link", "-o", "x.o"], 2, "object files"],
    ["an object without a name", ["link", firewall], 2, "to write"],
    ["an assembled object without a name", ["asm", "--object", file("c.s", "exit")], 2, "name"],
    ["a type that isn't there", ["types", firewall, "--only", "nothing"], 2, "nothing"],
    ["two objects that define the same", ["link", firewall, firewall, "-o", "-"], 3, "xdp_firewall.o"],
    ["no kernel to compare with", ["core", firewall], 2, "--btf"],
    ["a kernel without types", ["core", firewall, "--btf", withoutTypes], 3, "legacy-el.o"],
    ["a truncated object", ["run", file("cut.o", cut)], 3, "cut.o"],
    ["an object for another machine", ["run", file("x86.o", wrongMachine)], 3, "x86.o"],
    ["a text that does not parse", ["asm", file("bad.s", "r0 = 1\nr0 = = 2\n")], 3, "bad.s:2:"],
    ["a text beyond the version", ["asm", file("new.s", "r0 s/= r1"), "--cpu", "v3"], 3, "new.s:1:1"],
    ["bytes that are no whole slots", ["disasm", "--raw", file("odd.bin", "12345")], 3, "5 bytes"],
    ["a capture that is cut off", ["run", firewall, "--pcap", file("cut.pcap", capture)], 3, "cut.pcap"],
    ["a packet for a program that takes none", ["run", example("trace_events.o"), "--packet", "00"], 3, "packet"],
    [
      "a big-endian object",
      ["run", join(root, "packages/ebpf/test/fixtures/rejected-eb.o"), "--program", "past_the_end"],
      3,
      "big-endian",
    ],
    [
      "a program that is rejected",
      ["run", join(root, "packages/ebpf/test/fixtures/rejected.o"), "--program", "past_the_end"],
      1,
      "rejected.c",
    ],
  ])("%s", async (_, argv, code, word) => {
    const outcome = await ebpf(...argv);
    expect(outcome.code).toBe(code);
    if (argv.length > 0) expect(outcome.err).toContain(word);
    expect(outcome.err).not.toMatch(STACK_TRACE);

    if (argv.length === 0) return;
    const json = JSON.parse((await ebpf(...argv, "--json")).out);
    expect(json.error.code).toMatch(/^[A-Z_0-9]+$/);
  });

  it("also for objects with any byte changed: a result or a typed error, never a bug of ours", async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(elf.length - 1), fc.integer({ min: 1, max: 255 }), async (at, change) => {
        const bytes = Uint8Array.from(elf);
        bytes[at]! ^= change;
        const path = file("mutated.o", bytes);
        const { code } = await ebpf("run", path, "--pcap", example("dns.pcap"));
        expect([0, 1, 2, 3, 4]).toContain(code);
      }),
      { seed: 7, numRuns: 150 },
    );
  });
});

describe("the executable", () => {
  const bin = join(root, "packages/ebpf/bin/ebpf.js");

  it("takes - for standard input", () => {
    const text = execFileSync(process.execPath, [bin, "asm", "-"], { input: "r0 = 2\nexit\n", encoding: "utf8" });
    expect(text.trim()).toBe(PASS);
    const object = execFileSync(process.execPath, [bin, "inspect", "-", "--json"], {
      input: elfOf("flow_sampler.o"),
      encoding: "utf8",
    });
    expect(JSON.parse(object).license).toBe("GPL");
  });

  it("exits with the code, and prints no stack trace", () => {
    const { status, stderr } = spawnSync(process.execPath, [bin, "verify", "-"], {
      input: "no object",
      encoding: "utf8",
    });
    expect(status).toBe(3);
    expect(stderr).toMatch(/^error\[/);
    expect(stderr).not.toMatch(STACK_TRACE);
  });

  it("does not mind a reader that goes away", () => {
    const { status, stderr } = spawnSync(
      "sh",
      ["-c", `"${process.execPath}" "${bin}" disasm "${example("flow_sampler.o")}" | head -n 1`],
      {
        encoding: "utf8",
      },
    );
    expect([status, stderr]).toEqual([0, ""]);
  });
});

const elfOf = (name: string) => readFileSync(example(name));
