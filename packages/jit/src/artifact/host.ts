import type { WideMeaning } from "@ebpf/asm";
import type { ArgumentType, HelperPrototype, ProgramSpec } from "@ebpf/platform";
import {
  type Callee,
  type FunctionImplementation,
  type Parameter,
  ProgramHost,
  type Runtime,
  type RuntimeMap,
} from "@ebpf/runtime";
import { JitError } from "../errors.js";

const WORDS: ReadonlySet<ArgumentType["kind"]> = new Set(["size", "constant_size"]);
const NUMBERS: ReadonlySet<ArgumentType["kind"]> = new Set(["anything", "scalar", "zero", "stack_or_null"]);

/** How an argument crosses to a helper of which nothing but the prototype is known. */
const parameterFor = ({ kind }: ArgumentType): Parameter =>
  WORDS.has(kind) ? "word" : NUMBERS.has(kind) ? "long" : "pointer";

/** A helper that only the artifact's host has. */
const foreign = ({ arguments: taken }: HelperPrototype): FunctionImplementation => ({
  kind: "function",
  parameters: taken.map(parameterFor),
  bind: () => () => 0,
});

/** The surroundings of a program in an artifact: what the runtime lacks, the artifact's host may have. */
export class ArtifactHost extends ProgramHost {
  /** What is added to a slot to name a function of this program in the whole module. */
  readonly functionBase: number;

  constructor(runtime: Runtime, spec: ProgramSpec, maps: ReadonlyMap<number, RuntimeMap>, functionBase: number) {
    super(runtime, spec, { checked: false, maps });
    this.functionBase = functionBase;
  }

  override helper(id: number): Callee {
    const callee = super.helper(id);
    const prototype = this.runtime.platform.helpers.get(id);
    if (callee.kind !== "missing" || prototype === undefined) return callee;
    return { kind: "function", implementation: foreign(prototype), returnClass: prototype.returnClass };
  }

  /** @throws JitError `UNSUPPORTED` */
  override kfunc(id: number): Callee {
    throw new JitError("UNSUPPORTED", `${this.spec.name} calls the kernel function ${id}, which an artifact cannot`);
  }

  override wideValue(pc: number, meaning: WideMeaning): readonly [number, number] | undefined {
    const value = super.wideValue(pc, meaning);
    return meaning === "function" && value !== undefined ? [value[0] + this.functionBase, 0] : value;
  }
}
