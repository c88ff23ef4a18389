import type { JumpOperation } from "@ebpf/asm";
import { CELL, MAX_MAY_GOTO, PAGE_SIZE, type ProgramHost } from "@ebpf/runtime";
import { edgesOf, type Graph, Grapher } from "./cfg/graph.js";
import { makeReducible } from "./cfg/reduce.js";
import { writeStructure } from "./cfg/structure.js";
import { defineCheck } from "./check.js";
import { DEMAND } from "./flow/effects.js";
import { demandsOf, flowOf } from "./flow/flow.js";
import type { Knowledge } from "./flow/ranges.js";
import { FUNCTION_PARAMETERS, FunctionWriter, type ProgramFunctions } from "./lower/function.js";
import { lowerInstruction } from "./lower/instruction.js";
import { lowerCondition } from "./lower/jump.js";
import type { Code } from "./wasm/code.js";
import { type FunctionReference, ModuleBuilder } from "./wasm/module.js";
import type { ValueType } from "./wasm/opcodes.js";

/**
 * Lowers a program to a WebAssembly module over the runtime's memory.
 *
 * Every function of the program becomes one of the module: r1..r5 and the end of its stack frame are its parameters,
 * r0 its result. Exports, whose 64-bit results are a low word with the high one in `CELL.resultHigh`:
 *
 * - `enter(r1, r2, frame)`: runs the program; the words r1 and r2 are zero-extended
 * @param knowledge what the code may rely on; without it every instruction is lowered by itself
 *
 * - `callback(pc, frame, r1 low, r1 high, … r5 high)`: runs the function that begins at `pc`
 */
export const buildModule = (host: ProgramHost, knowledge: Knowledge | undefined): Uint8Array => {
  const module = new ModuleBuilder();
  const functions = new Map<number, FunctionReference>();
  const pending: { readonly start: number; readonly code: Code }[] = [];
  const at = (start: number): FunctionReference => {
    const known = functions.get(start);
    if (known !== undefined) return known;
    const defined = module.define(`function_${start}`, FUNCTION_PARAMETERS, ["i64"]);
    functions.set(start, defined);
    pending.push({ start, code: defined.code });
    return defined;
  };
  const program: ProgramFunctions = {
    module,
    at,
    inlined: new Map(),
    check: host.checked ? defineCheck(module) : undefined,
  };
  defineEnter(module, at(0));
  defineCallback(module, host.functionStarts, at);
  const grapher = new Grapher(host.spec.instructions);
  for (let next = 0; next < pending.length; next++) {
    const { start, code } = pending[next]!;
    const graph = makeReducible(grapher.graph(start));
    const flow = knowledge && flowOf(graph, start, knowledge);
    writeFunction(new FunctionWriter(code, host, program, flow), flow?.graph ?? graph);
  }
  return module.finish(host.runtime.memory.bytes.length / PAGE_SIZE);
};

/** Splits the 64-bit result on the stack: the low word stays, the high one goes to its cell. */
const splitResult = (code: Code): void => {
  const result = code.local("i64");
  code.set(result).i32(0).get(result).i64(32).op("i64.shr_u", "i32.wrap_i64").memory("i32.store", CELL.resultHigh);
  code.get(result).op("i32.wrap_i64");
};

const defineEnter = (module: ModuleBuilder, entry: FunctionReference): void => {
  const enter = module.define("enter", ["i32", "i32", "i32"], ["i32"]);
  const { code } = enter;
  code.get(0).op("i64.extend_i32_u").get(1).op("i64.extend_i32_u").i64(0).i64(0).i64(0).get(2).call(entry);
  splitResult(code);
  module.export(enter);
};

const defineCallback = (
  module: ModuleBuilder,
  starts: readonly number[],
  at: (start: number) => FunctionReference,
): void => {
  const callback = module.define("callback", new Array<ValueType>(12).fill("i32"), ["i32"]);
  const { code } = callback;
  const [PC, FRAME, WORDS] = [0, 1, 2] as const;
  for (const start of starts) {
    code.get(PC).i32(start).op("i32.eq").open("if");
    for (let low = WORDS; low < WORDS + 10; low += 2) {
      code.get(low).op("i64.extend_i32_u");
      code
        .get(low + 1)
        .op("i64.extend_i32_u")
        .i64(32)
        .op("i64.shl", "i64.or");
    }
    code.get(FRAME).call(at(start));
    splitResult(code);
    code.op("return", "end");
  }
  code.op("unreachable");
  module.export(callback);
};

const writeFunction = (writer: FunctionWriter, graph: Graph): void => {
  const { code, host, flow } = writer;
  writer.begin();
  code.i32(MAX_MAY_GOTO).set(writer.mayGoto);
  writeStructure(graph, {
    code,
    body: (block, id) => {
      writer.enterBlock(id);
      if (block.selects !== undefined) code.i32(block.selects).set(writer.selector);
      if (block.start === host.spec.instructions.length) writer.fault("BAD_INSTRUCTION", block.start);
      const demands = flow && demandsOf(flow, id);
      block.steps.forEach((step, index) => {
        writer.step(step, demands?.[index] ?? DEMAND.full, () => lowerInstruction(writer, step));
      });
      if (block.jump !== undefined) lowerInstruction(writer, block.jump);
      if (block.terminator.kind === "leave") code.op("unreachable");
      writer.leaveBlock(edgesOf(block).map(({ target }) => target));
    },
    condition: ({ jump }) => lowerCondition(writer, jump!.slot, jump!.slot.op as JumpOperation),
    selector: (by) => code.get(writer[by]),
    charge: ({ jump }, { cost }) => writer.charge(() => code.i32(cost), jump!.pc),
  });
};
