import { type JumpOperation, targetOf } from "@ebpf/asm";
import { type LineInfo, takesPackets } from "@ebpf/platform";
import { CELL, MAX_MAY_GOTO, PAGE_SIZE, type ProgramHost } from "@ebpf/runtime";
import type { Backend } from "./backend.js";
import { type Order, orderBlocks } from "./cfg/dominators.js";
import { edgesOf, type Graph, Grapher } from "./cfg/graph.js";
import { makeReducible } from "./cfg/reduce.js";
import { type BlockWriter, writeStructure } from "./cfg/structure.js";
import { defineCheck } from "./check.js";
import { JitError } from "./errors.js";
import { DEMAND } from "./flow/effects.js";
import { demandsOf, flowOf, returnsWord } from "./flow/flow.js";
import { Inliner, REGISTERS } from "./flow/inline.js";
import type { Knowledge } from "./flow/ranges.js";
import { implementHelper, isCode } from "./inline/helper-bodies.js";
import { MapOperations } from "./inline/map-operations.js";
import {
  AMONG_FUNCTIONS,
  type Convention,
  FROM_OUTSIDE,
  FunctionWriter,
  type ProgramFunctions,
} from "./lower/function.js";
import { lowerInstruction } from "./lower/instruction.js";
import { lowerCondition } from "./lower/jump.js";
import { defineRun, splitResult, storeCell } from "./run.js";
import { defineRunOnPackets } from "./run-on-packet.js";
import type { Code, LinePlace } from "./wasm/code.js";
import { type EncodedModule, type FunctionReference, ModuleBuilder, withSections } from "./wasm/module.js";
import type { ValueType } from "./wasm/opcodes.js";
import { dataUrl, type SourceMap, sourceMapOf, sourceMapSection } from "./wasm/source-map.js";

/** What every program of a module may share. */
export interface ModuleParts {
  readonly module: ModuleBuilder;
  readonly operations: MapOperations;
  /** Whether code is to say which line of the source it comes from. */
  readonly lines: boolean;
}

/**
 * Lowers a program to a WebAssembly module over the runtime's memory. Its exports are those of `addProgram`, `run` where a
 * run begins with more than `entry`, and `runOnPackets` where programs of this type take packets.
 *
 * @param knowledge what the code may rely on; without it every instruction is lowered by itself
 */
export const buildModule = (
  host: ProgramHost,
  knowledge: Knowledge | undefined,
  options: FinishOptions,
): FinishedModule => {
  const module = new ModuleBuilder();
  const parts = {
    module,
    operations: new MapOperations(module, host.runtime, { wakesHost: true }),
    lines: (options.sourceMap ?? false) !== false,
  };
  const { entry, enter, callback } = addProgram(host, knowledge, parts);
  module.export(entry, "entry");
  module.export(enter, "enter");
  module.export(callback, "callback");
  if (knowledge !== undefined) implementHelpers(host, parts, callback);
  // A program that counts nothing may call one that does.
  const counts = host.checked || module.hasTable;
  const run = { entry, clearStack: false, ...(counts && { budget: host.budget }) };
  if (counts) module.export(defineRun(module, "run", run));
  const context = host.runtime.platform.programTypes[host.spec.type]?.context;
  if (context && takesPackets(context)) module.export(defineRunOnPackets(module, "runOnPackets", run, context));
  const pages = host.runtime.memory.bytes.length / PAGE_SIZE;
  return finishModule(module, module.finish({ kind: "imported", pages }), options);
};

/** Gives bodies to the helpers that a module of a runtime with one CPU can do without its host. */
const implementHelpers = (
  host: ProgramHost,
  { module, operations }: ModuleParts,
  callback: FunctionReference,
): void => {
  const { runtime } = host;
  if (runtime.cpus !== 1) return;
  const parts = { maps: [...new Set(host.maps())], mayMeetOthers: true, operations, callback };
  for (const reference of module.imports) {
    const prototype = runtime.platform.helpers.get(Number(/^helper_(\d+)$/.exec(reference.name)?.[1]));
    if (prototype === undefined || !isCode(prototype.name, runtime)) continue;
    implementHelper(module, reference, prototype, parts);
  }
};

/** How a module is finished. */
export interface FinishOptions {
  /**
   * For debuggers: the module names its functions and locals, and carries a source map made of the program's line
   * information (`true`), or the URL where its `sourceMap` will be found.
   */
  readonly sourceMap?: boolean | string;
  /** What works on the encoded module, such as `loadBinaryen` gives; it leaves no source map. Default: nothing. */
  readonly backend?: Backend;
}

/** A module, with its source map if one was asked for. */
export interface FinishedModule {
  readonly bytes: Uint8Array;
  readonly map: SourceMap | undefined;
}

/** @throws JitError `UNSUPPORTED` for a source map of what a back end made */
export const finishModule = (
  module: ModuleBuilder,
  { bytes, marks }: EncodedModule,
  { sourceMap = false, backend }: FinishOptions,
): FinishedModule => {
  if (sourceMap === false) return { bytes: backend?.transform(bytes) ?? bytes, map: undefined };
  if (backend !== undefined) throw new JitError("UNSUPPORTED", "there is no source map of what a back end makes");
  const map = sourceMapOf(marks);
  const url = sourceMap === true ? dataUrl(map) : sourceMap;
  return { bytes: withSections(bytes, [module.names(), sourceMapSection(url)]), map };
};

/** The ways into a program. A 64-bit result is a low word, with the high one in `CELL.resultHigh`. */
export interface ProgramEntries {
  /** `enter(r1, r2, frame)` runs the program; the words r1 and r2 are zero-extended. */
  readonly enter: FunctionReference;
  /** The same for who needs the low word only: the high one may be left as it was. */
  readonly entry: FunctionReference;
  /** `callback(pc, frame, r1 low, r1 high, … r5 high)` runs the function that begins at `pc`. */
  readonly callback: FunctionReference;
}

/**
 * Adds a program to a module: every function of the program becomes one of the module; r1..r5 and the end of its stack
 * frame are its parameters, r0 its result.
 */
export const addProgram = (
  host: ProgramHost,
  knowledge: Knowledge | undefined,
  { module, operations, lines }: ModuleParts,
): ProgramEntries => {
  const { spec } = host;
  const functions = new Map<number, FunctionReference>();
  const pending: PendingFunction[] = [];
  const define = (start: number, convention: Convention): FunctionReference => {
    const name = spec.functions.find(({ pc }) => pc === start)?.name ?? `${spec.name}_${start}`;
    const defined = module.define(name, convention.parameters, convention.results);
    pending.push({ start, convention, code: defined.code });
    return defined;
  };
  const at = (start: number): FunctionReference => {
    const known = functions.get(start) ?? define(start, AMONG_FUNCTIONS);
    functions.set(start, known);
    return known;
  };
  let calledBack: readonly number[] = [];
  const program: ProgramFunctions = {
    ...{ module, at, operations, check: host.checked ? defineCheck(module) : undefined },
    expectCallbacks: () => {
      calledBack = callbackStarts(host);
      calledBack.forEach(at);
    },
    ...(lines && { lineAt: lineFinder(spec.lines) }),
  };
  const entry = define(0, FROM_OUTSIDE);
  const grapher = new Grapher(spec.instructions);
  const inliner = knowledge && new Inliner(grapher, host);
  let enter = entry;
  for (let next = 0; next < pending.length; next++) {
    const { start, code, convention } = pending[next]!;
    const { graph: original, registers } = inliner?.function(start) ?? {
      graph: grapher.graph(start),
      registers: REGISTERS,
    };
    const order = orderBlocks(original);
    const graph = makeReducible(original, order);
    const flow = knowledge && flowOf({ graph, registers }, start, knowledge);
    const written = flow?.graph ?? graph;
    const isWord = convention === FROM_OUTSIDE && flow !== undefined && returnsWord(flow);
    if (isWord) enter = defineEnter(module, entry);
    const writer = new FunctionWriter(code, { host, program, flow, convention: { ...convention, isWord } });
    writeFunction(writer, written, written === original ? order : orderBlocks(written));
  }
  return { entry, enter, callback: defineCallback(module, calledBack, at) };
};

/** The functions that a helper may be told to call back: unchecked programs only have addresses that they load. */
const callbackStarts = ({ checked, functionStarts, spec }: ProgramHost): readonly number[] => {
  if (checked) return functionStarts;
  const taken = spec.instructions.map((slot, pc) => (slot.op.family === "lddw" ? targetOf(slot, pc) : undefined));
  return functionStarts.filter((start) => taken.includes(start));
};

/** A function that is defined, and still to be written. */
interface PendingFunction {
  readonly start: number;
  readonly convention: Convention;
  readonly code: Code;
}

/** Finds the line that a slot comes from; slots before the first have none. */
const lineFinder = (lines: readonly LineInfo[]): ((pc: number) => LinePlace | undefined) => {
  return (pc) => {
    let low = 0;
    let high = lines.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (lines[middle]!.pc <= pc) low = middle + 1;
      else high = middle;
    }
    return lines[low - 1];
  };
};

/** The entry of a program that only returns words, with the high word left where others look for it. */
const defineEnter = (module: ModuleBuilder, entry: FunctionReference): FunctionReference => {
  const enter = module.define("enter", FROM_OUTSIDE.parameters, FROM_OUTSIDE.results);
  const { code } = enter;
  for (const parameter of FROM_OUTSIDE.parameters.keys()) code.get(parameter);
  code.call(entry);
  storeCell(code, CELL.resultHigh, () => code.i32(0));
  return enter;
};

const defineCallback = (
  module: ModuleBuilder,
  starts: readonly number[],
  at: (start: number) => FunctionReference,
): FunctionReference => {
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
  return callback;
};

const writeFunction = (writer: FunctionWriter, graph: Graph, order: Order): void => {
  const { code, host, flow } = writer;
  writer.begin();
  code.i32(MAX_MAY_GOTO).set(writer.mayGoto);
  const blocks: BlockWriter = {
    code,
    body: (block, id) => {
      writer.enterBlock(id);
      if (block.selects !== undefined) code.i32(block.selects).set(writer.selector);
      if (block.start === host.spec.instructions.length) writer.fault("BAD_INSTRUCTION", block.start);
      const demands = flow && demandsOf(flow, id);
      for (let index = 0; index < block.steps.length; index++) {
        writer.step(block.steps[index]!, demands?.[index] ?? DEMAND.full, lowerInstruction);
      }
      if (block.jump !== undefined) {
        writer.mark(block.jump);
        lowerInstruction(writer, block.jump);
      }
      if (block.terminator.kind === "leave") code.op("unreachable");
      if (flow !== undefined) writer.leaveBlock(edgesOf(block).map(({ target }) => target));
    },
    condition: ({ jump }) => lowerCondition(writer, jump!.slot, jump!.slot.op as JumpOperation),
    selector: (by) => {
      if (typeof by === "string") code.get(writer[by]);
      else writer.pushSwitchValue(by);
    },
    charge: ({ jump }, { cost }) => writer.charge(() => code.i32(cost), jump!.pc),
  };
  writeStructure(graph, blocks, order);
};
