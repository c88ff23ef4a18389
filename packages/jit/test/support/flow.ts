import type { Instruction } from "@ebpf/asm";
import type { ProgramSpec } from "@ebpf/platform";
import { ProgramHost, Runtime } from "@ebpf/runtime";
import { type InstructionFacts, verify } from "@ebpf/verifier";
import { programOf } from "../../../runtime/test/support/program.js";
import { Grapher } from "../../src/cfg/graph.js";
import { makeReducible } from "../../src/cfg/reduce.js";
import { type Flow, flowOf } from "../../src/flow/flow.js";
import { Inliner } from "../../src/flow/inline.js";
import { knowledgeOf } from "../../src/flow/ranges.js";

const flowWith = (spec: ProgramSpec, facts: readonly (InstructionFacts | undefined)[]): Flow => {
  const host = new ProgramHost(new Runtime({ memoryPages: 16 }), spec, { checked: false });
  const { graph, registers } = new Inliner(new Grapher(spec.instructions), host).function(0);
  return flowOf({ graph: makeReducible(graph), registers }, 0, knowledgeOf(host, facts));
};

/** What is found out about a program's main function without a verifier's report. */
export const flowFor = (instructions: readonly Instruction[]): Flow => flowWith(programOf(instructions), []);

/** The same with the report of a verifier that accepts it. */
export const verifiedFlowFor = (spec: ProgramSpec): Flow => {
  const { verdict, facts } = verify(spec);
  if (verdict !== "accept") throw new Error(`${spec.name} is not accepted`);
  return flowWith(spec, facts);
};
