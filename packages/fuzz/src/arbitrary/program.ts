import { R0, type Register } from "@ebpf/asm";
import { type ContextField, type HelperPrototype, linux, type MapEntry, type ProgramTypeName } from "@ebpf/platform";
import fc from "fast-check";
import { type FuzzCase, specOf } from "../fuzz-case.js";
import { chance, constant32 } from "./constant.js";
import { entriesOf, inputs, type MapFill, mapFills } from "./input.js";
import { Lowering, type Snippet, type Target } from "./lowering.js";
import { readable } from "./readable.js";
import { branch, callback, localCall, loop, registerLoop } from "./snippet/control.js";
import { helperCall, mapUpdate, tailCall } from "./snippet/helper.js";
import { contextAccess, directValue, legacyLoad, lookup, packet, ringBuffer } from "./snippet/memory.js";
import { calculate, choose, copy, guard, live, setConstant, setUnknown } from "./snippet/number.js";
import { pointerPlay, spill, stackAccess, variableStackAccess } from "./snippet/stack.js";
import { wild } from "./snippet/wild.js";

export interface ProgramOptions {
  /** Program types to draw from; all that Linux describes when absent. */
  readonly types?: readonly ProgramTypeName[];
  /** Which helpers programs may call; all when absent. */
  readonly helpers?: (helper: HelperPrototype) => boolean;
  /** Which fields of the context programs may access, beside those that a snippet is about; all when absent. */
  readonly fields?: (field: ContextField) => boolean;
  /** Snippets in a row at most. */
  readonly maxSnippets?: number;
  /** Leaves out what makes a program likely to be refused. */
  readonly tame?: boolean;
}

/** Types that more programs are made of, because more rules are theirs. */
const WEIGHTS: Readonly<Partial<Record<ProgramTypeName, number>>> = {
  xdp: 12,
  sched_cls: 12,
  socket_filter: 4,
  tracepoint: 2,
};

/** Program types with their attach types. */
export const targets = (types?: readonly ProgramTypeName[]): fc.Arbitrary<Target> => {
  const names = types ?? (Object.keys(linux.programTypes) as ProgramTypeName[]);
  return fc.oneof(
    ...names.map((type) => {
      const attachTypes = linux.programTypes[type]?.attachTypes;
      const arbitrary: fc.Arbitrary<Target> =
        attachTypes === undefined
          ? fc.constant({ type })
          : fc.constantFrom(...attachTypes).map((attachType) => ({ type, attachType }));
      return { weight: WEIGHTS[type] ?? 1, arbitrary };
    }),
  );
};

/** Snippets, which hold others up to a depth. */
const bodies = ({
  helpers = () => true,
  fields = () => true,
  maxSnippets = 7,
  tame = false,
}: ProgramOptions): fc.Arbitrary<readonly Snippet[]> => {
  const simple = fc.oneof(
    { weight: 4, arbitrary: calculate() },
    { weight: 3, arbitrary: setUnknown(helpers) },
    { weight: 2, arbitrary: setConstant() },
    { weight: 3, arbitrary: guard() },
    { weight: 2, arbitrary: copy() },
    { weight: 1, arbitrary: choose() },
    { weight: 3, arbitrary: spill() },
    { weight: 1, arbitrary: stackAccess() },
    { weight: 2, arbitrary: variableStackAccess() },
    { weight: 3, arbitrary: lookup() },
    { weight: 2, arbitrary: directValue() },
    { weight: 3, arbitrary: packet() },
    { weight: 1, arbitrary: ringBuffer() },
    { weight: 2, arbitrary: contextAccess(fields) },
    { weight: 1, arbitrary: legacyLoad() },
    { weight: 2, arbitrary: helperCall(helpers) },
    { weight: 1, arbitrary: mapUpdate() },
    { weight: 1, arbitrary: tailCall() },
    ...(tame ? [] : [{ weight: 1, arbitrary: fc.oneof(pointerPlay(), wild()) }]),
  );
  const { body } = fc.letrec<{ snippet: Snippet; body: readonly Snippet[] }>((tie) => {
    const inner = fc.array(tie("snippet") as fc.Arbitrary<Snippet>, { maxLength: 4, depthIdentifier: "body" });
    return {
      snippet: fc.oneof(
        { depthSize: "small", withCrossShrink: true, depthIdentifier: "body" },
        { weight: 9, arbitrary: simple },
        { weight: 2, arbitrary: branch(inner) },
        { weight: 1, arbitrary: loop(inner) },
        { weight: 1, arbitrary: registerLoop(inner) },
        { weight: 1, arbitrary: localCall(inner) },
        { weight: 1, arbitrary: callback(inner) },
      ),
      body: fc.array(tie("snippet") as fc.Arbitrary<Snippet>, { minLength: 1, maxLength: maxSnippets }),
    };
  });
  return body;
};

interface Plan {
  readonly body: readonly Snippet[];
  readonly result: { readonly wrong: boolean; readonly number: number; readonly from: Register };
  readonly fill: MapFill;
}

/** A value that the program may return. */
const endOf =
  ({ wrong, number, from }: Plan["result"]): Snippet =>
  ({ code, rules, target }) => {
    const exit = rules.exit?.find(
      ({ attachTypes }) => attachTypes === undefined || attachTypes.includes(target.attachType!),
    );
    if (exit === undefined) code.mov(R0, from);
    else if (wrong) code.mov(R0, number);
    else code.mov(R0, exit.range[1]);
  };

const assemble = (target: Target, { body, result, fill }: Plan): Omit<FuzzCase, "input"> => {
  const lowering = new Lowering(target, linux);
  const program = lowering.finish((code) => {
    for (const snippet of body) snippet(code);
  }, endOf(result));
  const contents = new Map<number, readonly MapEntry[]>();
  for (const [handle, map] of lowering.maps) {
    const entries = entriesOf(map, fill);
    if (entries.length > 0) contents.set(handle, entries);
  }
  const { instructions, functionStarts } = program;
  const flags = { sleepable: target.type === "syscall" };
  const shape = { ...target, flags, maps: lowering.maps, ...(functionStarts && { functionStarts }) };
  return { spec: specOf(instructions, shape), contents };
};

/**
 * Programs that are shaped to be accepted by the verifier, or to miss it narrowly: guarded packet reads, map look-ups,
 * spills, bounded loops, function calls and callbacks, pointer arithmetic behind comparisons, boundary constants. Each
 * comes with contents of its maps and something to run on. They shrink to small programs of the same kind.
 */
export const programs = (options: ProgramOptions = {}): fc.Arbitrary<FuzzCase> => {
  const result = fc.record({ wrong: chance(5), number: constant32(), from: live() });
  const plan: fc.Arbitrary<Plan> = fc.record({ body: bodies(options), result, fill: mapFills() });
  return readable(
    targets(options.types).chain((target) =>
      fc.tuple(plan, inputs(target)).map(([chosen, input]) => ({ ...assemble(target, chosen), input })),
    ),
  );
};
