import type { Size } from "@ebpf/asm";
import { InvariantError } from "@ebpf/core";
import type { ProgramSpec } from "@ebpf/platform";
import {
  type Executable,
  type ExecutionOptions,
  loadFromPacket,
  ProgramHost,
  RingBufferMap,
  type Runtime,
  STACK_TOP,
} from "@ebpf/runtime";
import { ADDRESS_REACH, type InstructionFacts } from "@ebpf/verifier";
import { JitError } from "./errors.js";
import { knowledgeOf } from "./flow/ranges.js";
import { FAULTS, type RaisedFault } from "./lower/function.js";
import { buildModule, type FinishedModule, type FinishOptions } from "./module.js";
import type { SourceMap } from "./wasm/source-map.js";

/** How much work compiling may be. */
export type Tier =
  | "baseline" // each instruction by itself: ready soonest
  | "optimized"; // everything that the program's own flow and the verifier's facts allow

/** How a program is to be compiled and run. */
export interface CompileOptions extends ExecutionOptions, FinishOptions {
  /** Default: `optimized`. */
  readonly tier?: Tier;
  /** What the verifier found out about each slot: `Report.facts` of the very same program, by pc. */
  readonly facts?: readonly (InstructionFacts | undefined)[];
}

/** A program as a WebAssembly instance over the runtime's memory. */
export interface CompiledProgram extends Executable {
  /** The binary module. */
  readonly wasm: Uint8Array;
  /** Where the module's code comes from, when it was asked for. */
  readonly sourceMap?: SourceMap;
}

interface Exports {
  readonly entry: (r1: number, r2: number, frame: number) => number;
  readonly enter: (r1: number, r2: number, frame: number) => number;
  readonly run?: (r1: number) => number;
  readonly runOnPackets?: (count: number, words: number) => void;
  readonly callback: (pc: number, frame: number, ...words: readonly number[]) => number;
}

/**
 * Compiles a program for a runtime, at once.
 *
 * @throws RuntimeError `BAD_PROGRAM` for a program that no engine can take, `UNKNOWN_MAP` for a reference to a map that
 * is not there, and what creating the program's maps throws.
 * @throws JitError `TOO_LARGE`; `UNSUPPORTED` for a source map of what a back end makes
 */
export const compile = (spec: ProgramSpec, runtime: Runtime, options: CompileOptions): CompiledProgram => {
  const host = new ProgramHost(runtime, spec, options);
  const lowered = lower(host, options);
  const module = compileModule(lowered.bytes, spec);
  const instance = new WebAssembly.Instance(module, importsOf(module, host));
  return programOf(host, lowered, instance);
};

/** A program as a module. */
export const lower = (host: ProgramHost, options: CompileOptions): FinishedModule => {
  const { tier = "optimized", facts = [], checked } = options;
  // What is found out holds for programs that do nothing forbidden.
  const isRoomy = host.runtime.memory.bytes.length + ADDRESS_REACH <= 2 ** 32;
  const knowledge = tier === "optimized" && !checked ? knowledgeOf(host, isRoomy ? facts : []) : undefined;
  return buildModule(host, knowledge, options);
};

/** The program that an instance of its module is; the host's callbacks go there from now on. */
export const programOf = (
  host: ProgramHost,
  { bytes: wasm, map }: FinishedModule,
  instance: WebAssembly.Instance,
): CompiledProgram => {
  const { entry, enter, run, runOnPackets, callback } = instance.exports as unknown as Exports;
  host.setCallback((pc, frame, words) => {
    const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0, i = 0, j = 0] = words;
    return callback(pc, frame, a, b, c, d, e, f, g, h, i, j);
  });
  return {
    spec: host.spec,
    budget: host.budget,
    wasm,
    enter,
    run: run ?? ((r1) => entry(r1, 0, STACK_TOP)),
    ...(runOnPackets && { runOnPackets }),
    ...(map && { sourceMap: map }),
  };
};

/** @throws JitError `TOO_LARGE` */
export const compileModule = (wasm: Uint8Array, spec: ProgramSpec): WebAssembly.Module => {
  try {
    return new WebAssembly.Module(wasm as Uint8Array<ArrayBuffer>);
  } catch (cause) {
    // Everything that is lowered is valid, so it can only be a limit of the engine.
    const message = `${spec.name} of ${spec.instructions.length} instructions is too large to be compiled`;
    throw new JitError("TOO_LARGE", message, { cause, hint: "run it in the interpreter" });
  }
};

const MESSAGES: Readonly<Record<RaisedFault, string>> = {
  BAD_INSTRUCTION: "no instruction that can be executed",
  BUDGET_EXCEEDED: "the run takes more instructions than its budget",
  CALL_DEPTH: "more nested calls than stack frames",
  UNSUPPORTED_INSTRUCTION: "the address of a kernel symbol is not known here",
};

/** What every module may import beside helpers; see `FunctionWriter` and `lower/call.ts` for who calls what. */
const fixedImports = (host: ProgramHost): Readonly<Record<string, (...words: number[]) => number | undefined>> => {
  const { runtime } = host;
  return {
    fault: (code, pc) => {
      const fault = FAULTS[code!]!;
      throw host.fault(fault, MESSAGES[fault], pc);
    },
    fault_of_call: (pc) => {
      const { op, imm } = host.spec.instructions[pc!]!;
      const callee = op.family === "call" && op.target === "kfunc" ? host.kfunc(imm) : host.helper(imm);
      if (callee.kind === "missing") throw host.fault(callee.code, callee.message, pc);
      return undefined;
    },
    fault_of_pointer: (pc) => {
      throw host.pointerFault(pc);
    },
    check_access: (low, high, size, write, pc, frame) => {
      host.checkAccess([low!, high!], { size: size!, write: write !== 0 }, { pc: pc!, frame: frame! });
      return undefined;
    },
    load_from_packet: (offset, size) => loadFromPacket(runtime.memory, offset!, size as Size),
    tail_call_target: (context, map, index) => host.tailCallTarget(context!, map!, index!),
    record_arrived: (handle) => {
      const map = runtime.mapAt(handle!);
      if (map instanceof RingBufferMap) map.ring.arrived();
      return undefined;
    },
    call_by_number: (low, high, ...rest) => host.callByNumber(low!, high!, rest, rest[10]!),
  };
};

/** What a module may ask for: memory, the table of programs, and functions by their names. */
export const importsOf = (module: WebAssembly.Module, host: ProgramHost): WebAssembly.Imports => {
  const fixed = fixedImports(host);
  const { memory, programs } = host.runtime;
  const env: Record<string, WebAssembly.ImportValue> = { memory: memory.wasm, programs: programs.table };
  for (const { name, kind } of WebAssembly.Module.imports(module)) {
    if (kind === "function") env[name] = fixed[name] ?? implementationOf(host, name);
  }
  return { env };
};

/** `helper_N` and `kfunc_N`; `host_N` is what a helper that is code asks of its host. */
const implementationOf = (host: ProgramHost, name: string): ((...words: number[]) => number) => {
  const [kind, id] = name.split("_") as [string, string];
  const callee = kind === "kfunc" ? host.kfunc(Number(id)) : host.helper(Number(id));
  if (callee.kind !== "function") throw new InvariantError(`no function behind the import ${name}`);
  return host.bind(callee.implementation);
};
