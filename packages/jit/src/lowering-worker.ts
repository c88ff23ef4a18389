import { decode, encode } from "@ebpf/asm";
import { linux, type MapSpec, type ProgramSpec, programSpec } from "@ebpf/platform";
import { LINUX_HELPERS, PAGE_SIZE, ProgramHost, Runtime, type RuntimeMap } from "@ebpf/runtime";
import { type CompileOptions, lower } from "./compile.js";
import type { FinishedModule } from "./module.js";
import { unref } from "./unref.js";

/** A worker, of Node or of a browser, whose script calls `serveLowering`. */
export interface LoweringWorker {
  /** @param transfer a `MessagePort`; Node and browsers have different types for what it may be */
  postMessage(message: unknown, transfer: never[]): void;
}

/** Where a worker's messages arrive: `parentPort` of Node's `worker_threads`, or `self` of a browser's worker. */
export interface LoweringPort {
  addEventListener(type: "message", listener: (event: { readonly data: unknown }) => void): void;
  start?(): void;
}

/** A program, and as much of its runtime as lowering depends on, as a message can carry it. */
interface Request {
  readonly spec: Pick<ProgramSpec, "name" | "type" | "functions" | "lines">;
  readonly text: Uint8Array;
  readonly options: Pick<CompileOptions, "facts" | "sourceMap" | "budget">;
  readonly runtime: { readonly memoryPages: number; readonly cpus: number; readonly ownsRandom: boolean };
  /** All maps of the runtime in the order in which they were made. */
  readonly maps: readonly MapSpec[];
  /** Where each of them lies: maps that are made in the same order get the same addresses. */
  readonly places: readonly (readonly [handle: number, values: number])[];
  /** For each handle of the program the index of its map. */
  readonly handles: readonly (readonly [handle: number, index: number])[];
}

/** Milliseconds after which nobody waits for a worker: one that has ended takes messages, and doesn't answer. */
const PATIENCE = 10_000;

const KIND = "@ebpf/jit lower";

interface Message {
  readonly kind: typeof KIND;
  readonly request: Request;
  /** Takes the answer. */
  readonly port: MessagePort;
}

interface Answer {
  /** Absent when the program can't be lowered there. */
  readonly module?: FinishedModule | undefined;
}

/** A map's description without types, which messages can't carry and lowering doesn't need. */
const untyped = ({ btf: _btf, structOps: _structOps, ...spec }: MapSpec): MapSpec => spec;

/** The request to lower a program; `undefined` where something is the embedder's own, which no message can carry. */
const requestOf = (host: ProgramHost, options: CompileOptions): Request | undefined => {
  const { runtime, spec, budget } = host;
  const made = [...runtime.maps];
  const isOwn = runtime.platform !== linux || runtime.implementations !== LINUX_HELPERS || runtime.kfuncs.size > 0;
  if (isOwn || options.backend !== undefined || made.some((map) => map.spec.inner !== undefined)) return undefined;
  const { name, type, functions, lines, instructions, maps } = spec;
  const { facts, sourceMap } = options;
  return {
    spec: { name, type, functions, lines },
    text: encode(instructions),
    options: { budget, ...(facts && { facts }), ...(sourceMap !== undefined && { sourceMap }) },
    runtime: {
      memoryPages: runtime.memory.bytes.length / PAGE_SIZE,
      cpus: runtime.cpus,
      ownsRandom: runtime.ownsRandom,
    },
    maps: made.map(({ spec }) => untyped(spec)),
    places: made.map(({ handle, valuesAddress }) => [handle, valuesAddress] as const),
    handles: [...maps.keys()].map((handle) => [handle, made.indexOf(host.mapOf(handle)!)]),
  };
};

/** Lowers what a request is about, over a runtime like the one that it came from. */
const lowerAsAsked = (request: Request): FinishedModule | undefined => {
  const { memoryPages, cpus, ownsRandom } = request.runtime;
  const runtime = new Runtime({ memoryPages, cpus, ...(!ownsRandom && { random: () => 0 }) });
  const made = request.maps.map((map) => runtime.createMap(map));
  // Something else may have taken memory of the other runtime in between.
  if (!request.places.every(([handle, values], index) => isAt(made[index]!, handle, values))) return undefined;
  const maps = new Map(request.handles.map(([handle, index]) => [handle, made[index]!]));
  const { type, ...more } = request.spec;
  const specs = new Map(request.handles.map(([handle, index]) => [handle, request.maps[index]!]));
  const spec = programSpec(type, decode(request.text), { ...more, maps: specs });
  const options: CompileOptions = { ...request.options, checked: false, tier: "optimized", maps };
  return lower(new ProgramHost(runtime, spec, options), options);
};

const isAt = (map: RuntimeMap, handle: number, values: number): boolean =>
  map.handle === handle && map.valuesAddress === values;

/**
 * Lowers programs for other threads: what a worker's script calls, with `parentPort` of `node:worker_threads` or, in a
 * browser, `self`. Other messages are left alone.
 */
export const serveLowering = (port: LoweringPort): void => {
  port.addEventListener("message", ({ data }) => {
    const message = data as Message | null;
    if (typeof message !== "object" || message?.kind !== KIND) return;
    let answer: Answer = {};
    try {
      answer = { module: lowerAsAsked(message.request) };
    } catch {
      // The one that asked lowers the program itself then, and gets the same error.
    }
    message.port.postMessage(answer);
  });
  port.start?.();
};

/**
 * Has a worker lower a program at its best.
 *
 * @returns `undefined` where it can't: the program depends on what is the embedder's own, or the worker has ended
 */
export const lowerInWorker = async (
  worker: LoweringWorker,
  host: ProgramHost,
  options: CompileOptions,
): Promise<FinishedModule | undefined> => {
  const request = requestOf(host, options);
  if (request === undefined) return undefined;
  const { port1: here, port2: there } = new MessageChannel();
  const reply = new Promise<FinishedModule | undefined>((resolve) => {
    here.onmessage = ({ data }: { readonly data: Answer }) => resolve(data.module);
    // Node tells when the other side is gone.
    here.addEventListener("close", () => resolve(undefined));
    unref(setTimeout(resolve, PATIENCE));
  });
  unref(here);
  const message: Message = { kind: KIND, request, port: there };
  worker.postMessage(message, [there] as never[]);
  const module = await reply;
  here.close();
  return module;
};
