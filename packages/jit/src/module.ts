import { CELL, MAX_MAY_GOTO, PAGE_SIZE, type ProgramHost } from "@ebpf/runtime";
import { type Block, Grapher } from "./cfg/graph.js";
import { makeReducible } from "./cfg/reduce.js";
import { writeStructure } from "./cfg/structure.js";
import { defineCheck } from "./check.js";
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
 * - `callback(pc, frame, r1 low, r1 high, … r5 high)`: runs the function that begins at `pc`
 */
export const buildModule = (host: ProgramHost): Uint8Array => {
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
  const program: ProgramFunctions = { module, at, check: host.checked ? defineCheck(module) : undefined };
  defineEnter(module, at(0));
  defineCallback(module, host.functionStarts, at);
  const grapher = new Grapher(host.spec.instructions);
  for (let next = 0; next < pending.length; next++) {
    const { start, code } = pending[next]!;
    writeFunction(new FunctionWriter(code, host, program), grapher, start);
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

const writeFunction = (writer: FunctionWriter, grapher: Grapher, start: number): void => {
  const { code, host } = writer;
  const { instructions } = host.spec;
  const lastSlot = ({ end }: Block): number => end - 1;
  code.get(writer.frame).op("i64.extend_i32_u");
  writer.set(10);
  code.i32(MAX_MAY_GOTO).set(writer.mayGoto);
  writeStructure(makeReducible(grapher.graph(start)), {
    code,
    body: (block) => {
      if (block.selects !== undefined) code.i32(block.selects).set(writer.selector);
      if (block.start === instructions.length) writer.fault("BAD_INSTRUCTION", block.start);
      for (let pc = block.start; pc < block.end; pc++) {
        const slot = instructions[pc]!;
        lowerInstruction(writer, slot, pc);
        if (slot.op.family === "lddw") pc++;
      }
    },
    condition: (block) => {
      const slot = instructions[lastSlot(block)]!;
      if (slot.op.family === "jump") lowerCondition(writer, slot, slot.op);
    },
    selector: (by) => code.get(writer[by]),
    charge: (block, { cost }) => writer.charge(() => code.i32(cost), lastSlot(block)),
  });
};
