import { type EbpfError, isEbpfError } from "@ebpf/core";
import { linux } from "@ebpf/platform";
import {
  type Executable,
  type ExecutionOptions,
  HEAP_BASE,
  KeyedMap,
  type RunInput,
  type RunResult,
  Runtime,
  type RuntimeMap,
  verifiedContext,
} from "@ebpf/runtime";
import type { FuzzCase } from "../fuzz-case.js";

/** Pages of a runtime for one case; generated programs have small maps. */
const MEMORY_PAGES = 32;
/** Instructions that a run may take. */
const BUDGET = 200_000;
/** Entries of the program array that holds the program itself. */
const SELF = new Uint8Array(4);

/** Makes a program ready in a runtime: `interpret`, `compile`. */
export type Engine = (spec: FuzzCase["spec"], runtime: Runtime, options: ExecutionOptions) => Executable;

/** What a run did, as far as anybody can see. */
export interface Observation {
  /** What the run returned, or the typed error that ended it. */
  readonly end:
    | { readonly kind: "returned"; readonly result: RunResult }
    | { readonly kind: "threw"; readonly error: EbpfError };
  /** All memory of maps, byte for byte. */
  readonly heap: Uint8Array;
  /** Lines that the program printed. */
  readonly trace: readonly string[];
}

/** A runtime in which the same things happen every time. */
export const steadyRuntime = (trace: (line: string) => void = () => {}): Runtime => {
  let ticks = 0n;
  let random = 0x2545_f491;
  return new Runtime({
    platform: linux,
    memoryPages: MEMORY_PAGES,
    clock: () => {
      ticks += 1000n;
      return ticks;
    },
    random: () => {
      random = (Math.imul(random, 1_664_525) + 1_013_904_223) >>> 0;
      return random;
    },
    trace,
  });
};

/** The maps of a case with their contents. */
export const makeMaps = ({ spec, contents }: FuzzCase, runtime: Runtime): ReadonlyMap<number, RuntimeMap> => {
  const maps = new Map<number, RuntimeMap>();
  for (const [handle, map] of spec.maps) {
    const made = runtime.createMap(map);
    maps.set(handle, made);
    if (!(made instanceof KeyedMap)) continue;
    for (const { key, value } of contents.get(handle) ?? []) {
      if (value instanceof Uint8Array) made.initialize(key, value);
    }
  }
  return maps;
};

interface PrepareOptions extends ExecutionOptions {
  readonly engine: Engine;
  /** Whether program arrays hold the program itself at index 0, which is so unless this is false. */
  readonly tailCalls?: boolean;
}

/** A case in an engine, ready to run. */
export const prepare = (
  fuzzCase: FuzzCase,
  runtime: Runtime,
  { engine, tailCalls = true, ...options }: PrepareOptions,
): { readonly program: Executable; readonly maps: ReadonlyMap<number, RuntimeMap> } => {
  const maps = makeMaps(fuzzCase, runtime);
  const program = engine(fuzzCase.spec, runtime, { budget: BUDGET, ...options, maps });
  if (!tailCalls) return { program, maps };
  const number = new Uint8Array(Uint32Array.of(runtime.register(program)).buffer);
  for (const map of maps.values()) {
    if (map.spec.type === "prog_array" && map instanceof KeyedMap) map.initialize(SELF, number);
  }
  return { program, maps };
};

/** The input, without addresses that lead nowhere: programs that were accepted rely on it. */
const inputOf = ({ spec, input }: FuzzCase): RunInput => {
  const layout = linux.programTypes[spec.type]?.context;
  return layout !== undefined && "context" in input ? { context: verifiedContext(layout, input.context) } : input;
};

/**
 * Runs a case in an engine, with a runtime of its own.
 *
 * Throws what is no typed error: that is a finding.
 */
export const observe = (
  fuzzCase: FuzzCase,
  options: { readonly engine: Engine; readonly checked: boolean },
): Observation => {
  const trace: string[] = [];
  const runtime = steadyRuntime((line) => trace.push(line));
  const rest = (): Pick<Observation, "heap" | "trace"> => ({
    heap: runtime.memory.bytes.subarray(HEAP_BASE, runtime.memory.heapEnd),
    trace,
  });
  try {
    const { program } = prepare(fuzzCase, runtime, options);
    const result = runtime.run(program, inputOf(fuzzCase));
    return { end: { kind: "returned", result }, ...rest() };
  } catch (error) {
    if (!isEbpfError(error)) throw error;
    return { end: { kind: "threw", error }, ...rest() };
  }
};
