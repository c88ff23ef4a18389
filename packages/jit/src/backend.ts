import { InvariantError } from "@ebpf/core";
import type binaryenModule from "binaryen";
import { JitError } from "./errors.js";

/** What may be done to a module between the encoder and the engine. */
export interface Backend {
  /** The module that is to run in place of this one. */
  transform(wasm: Uint8Array): Uint8Array;
}

/** How hard binaryen works; the numbers of its `-O` options. */
export interface BinaryenOptions {
  /** 0 to 4; 0 only validates. Default: 2. */
  readonly optimizeLevel?: number;
  /** 0 to 2: how much size counts against speed. Default: 0. */
  readonly shrinkLevel?: number;
  /** Where binaryen comes from, for pages and bundlers that don't resolve its bare name. Default: the installed package. */
  readonly import?: () => Promise<unknown>;
}

/** The back end binaryen: optimizes and validates modules, and shows them as text. */
export interface BinaryenBackend extends Backend {
  /** A module in WebAssembly's text format, as it is. */
  text(wasm: Uint8Array): string;
}

type Binaryen = typeof binaryenModule;

/** A variable, so that bundlers don't put the 15 MB into every page: it is looked for when it is asked for. */
const PACKAGE: string = "binaryen";

/**
 * Loads the optional package `binaryen`, which takes about half a second, as a back end of `compile` and `buildArtifact`.
 *
 * @throws JitError `NO_BINARYEN` when it isn't installed
 */
export const loadBinaryen = async (options: BinaryenOptions = {}): Promise<BinaryenBackend> => {
  const { optimizeLevel = 2, shrinkLevel = 0, import: load = () => import(PACKAGE) } = options;
  const binaryen = await importBinaryen(load);
  const { BulkMemory, BulkMemoryOpt, MutableGlobals, NontrappingFPToInt, SignExt, TailCall } = binaryen.Features;
  const features = BulkMemory | BulkMemoryOpt | MutableGlobals | NontrappingFPToInt | SignExt | TailCall;
  const withModule = <T>(wasm: Uint8Array, use: (module: binaryenModule.Module) => T): T => {
    const module = binaryen.readBinary(wasm);
    try {
      module.setFeatures(features);
      return use(module);
    } finally {
      module.dispose();
    }
  };
  return {
    transform: (wasm) =>
      withModule(wasm, (module) => {
        if (!module.validate()) throw new InvariantError("binaryen finds a module of ours invalid");
        // The levels belong to binaryen as a whole, so another back end may have changed them.
        binaryen.setOptimizeLevel(optimizeLevel);
        binaryen.setShrinkLevel(shrinkLevel);
        if (optimizeLevel > 0 || shrinkLevel > 0) module.optimize();
        return module.emitBinary();
      }),
    text: (wasm) => withModule(wasm, (module) => module.emitText()),
  };
};

const importBinaryen = async (load: () => Promise<unknown>): Promise<Binaryen> => {
  try {
    return ((await load()) as { readonly default: Binaryen }).default;
  } catch (cause) {
    throw new JitError("NO_BINARYEN", "the package binaryen can't be loaded", {
      cause,
      hint: "install it beside @ebpf/jit, or leave the back end out",
    });
  }
};
