import type { Instruction } from "@ebpf/asm";
import { ProgramHost, Runtime } from "@ebpf/runtime";
import { programOf } from "../../../runtime/test/support/program.js";
import { Grapher } from "../../src/cfg/graph.js";
import { makeReducible } from "../../src/cfg/reduce.js";
import { type Flow, flowOf } from "../../src/flow/flow.js";
import { knowledgeOf } from "../../src/flow/ranges.js";

/** What is found out about a program of one function without a verifier's report. */
export const flowFor = (instructions: readonly Instruction[]): Flow => {
  const host = new ProgramHost(new Runtime({ memoryPages: 16 }), programOf(instructions), { checked: false });
  return flowOf(makeReducible(new Grapher(instructions).graph(0)), 0, knowledgeOf(host, []));
};
