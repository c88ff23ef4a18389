import { describe, expect, it } from "vitest";
import { environmentOf, type Refusal } from "../src/environment.js";
import type { Judgement } from "../src/judgement.js";
import { classOf, type KernelVerdict, outcomeOf, summarize } from "../src/outcome.js";

const IDENTITY = { id: 1, object: "a.o", program: "p" };
const judgement = (ours: Judgement["ours"], message?: string): Judgement => ({
  ours,
  instructions: 1,
  us: 1,
  ...(message !== undefined && { message }),
});
const verdict = (kernel: string, messages: readonly string[] = [], environment?: string): KernelVerdict => ({
  verdict: kernel,
  messages,
  instructions: 1,
  environment,
});

describe("what a program counts as", () => {
  it.each([
    ["accept", "accept", undefined, "agree"],
    ["reject", "reject", undefined, "agree"],
    ["reject", "accept", undefined, "falseAccept"],
    ["accept", "reject", undefined, "falseReject"],
    ["reject", "accept", "lockdown", "environment"],
    ["reject", "reject", "lockdown", "environment"],
    ["reject", "unsupported", undefined, "unsupported"],
    ["accept", "unreadable", undefined, "unsupported"],
    ["reject", "crashed", "lockdown", "crashed"],
    ["reject", "timeout", undefined, "timeout"],
  ] as const)("kernel %s, ours %s, environment %s: %s", (kernel, ours, environment, expected) => {
    const outcome = outcomeOf(IDENTITY, verdict(kernel, [], environment), judgement(ours));
    expect(classOf(outcome)).toBe(expected);
    const summary = summarize([outcome], 4);
    expect(summary).toMatchObject({ total: 1, [expected]: 1, skipped: 4 });
  });

  it("compares messages line by line, without source lines and signatures", () => {
    const kernel = verdict("reject", [
      "; x = 1;",
      "arg#0 reference type",
      "Global function f() has a bad type",
      "a",
      "b",
    ]);
    const agreeing = (message: string): number =>
      summarize([outcomeOf(IDENTITY, kernel, judgement("reject", message))], 0).messageAgree;
    expect([agreeing("a\nb"), agreeing("arg#0 other\na\nb"), agreeing("b\na"), agreeing("b")]).toEqual([1, 1, 0, 0]);
  });

  it("compares the last message where no other was recorded, and nothing where none was", () => {
    const compared = (messages: readonly string[], message: string) => {
      const kernel = { ...verdict("reject", messages), lastMessageOnly: true };
      const { messageAgree, rejectsCompared } = summarize(
        [outcomeOf(IDENTITY, kernel, judgement("reject", message))],
        0,
      );
      return [messageAgree, rejectsCompared];
    };
    expect(compared(["b"], "a\nb")).toEqual([1, 1]);
    expect(compared(["b"], "b\na")).toEqual([0, 1]);
    expect(compared([], "a")).toEqual([0, 0]);
  });

  it("compares messages of common rejections only", () => {
    const outcomes = [
      outcomeOf(IDENTITY, verdict("accept"), judgement("accept")),
      outcomeOf(IDENTITY, verdict("reject", ["a"]), judgement("accept")),
      outcomeOf(IDENTITY, verdict("reject", ["a"], "lockdown"), judgement("reject", "a")),
      outcomeOf(IDENTITY, verdict("reject", ["a"]), judgement("reject", "a")),
    ];
    expect(summarize(outcomes, 0)).toMatchObject({ rejectsCompared: 1, messageAgree: 1, environment: 1 });
  });
});

describe("what the environment decided", () => {
  const refusal: Refusal = { errno: 22, messages: [], type: "kprobe", missingMaps: new Set([7]) };

  it("is a refusal without a word", () => {
    expect(environmentOf({ ...refusal, errno: 1 })).toMatch(/permission/);
    expect(environmentOf({ ...refusal, type: "lirc_mode2" })).toMatch(/no program type lirc_mode2/);
  });

  it("is a helper that configuration takes away, for the program types that have it", () => {
    const messages = ["0: R1=ctx() R10=fp0", "program of this type cannot use helper bpf_override_return#58"];
    expect(environmentOf({ ...refusal, messages })).toMatch(/CONFIG_BPF_KPROBE_OVERRIDE/);
    expect(environmentOf({ ...refusal, messages, type: "xdp" })).toBeUndefined();
    const other = ["program of this type cannot use helper bpf_skb_store_bytes#9"];
    expect(environmentOf({ ...refusal, messages: other })).toBeUndefined();
    const odd = ["program of this type cannot use helper toString#9"];
    expect(environmentOf({ ...refusal, messages: odd })).toBeUndefined();
  });

  it("is a map of constants that are not known, where constants are asked for", () => {
    const messages = ["R3 does not point to a readonly map'"];
    const withoutContent = [".rodata"];
    expect(environmentOf({ ...refusal, messages, withoutContent })).toMatch(/\.rodata/);
    expect(environmentOf({ ...refusal, messages })).toBeUndefined();
    expect(environmentOf({ ...refusal, messages: ["R3 invalid mem access 'scalar'"], withoutContent })).toBeUndefined();
  });

  it("is a map that wasn't made, and not any descriptor that is none", () => {
    const message = (fd: number): Refusal => ({ ...refusal, messages: [`fd ${fd} is not pointing to valid bpf_map`] });
    expect(environmentOf(message(7))).toMatch(/map 7/);
    expect(environmentOf(message(8))).toBeUndefined();
  });
});
