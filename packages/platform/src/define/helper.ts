import { PlatformError } from "../errors.js";
import type { ArgumentType, HelperPrototype, ReturnClass, ReturnType } from "../helper.js";

type Kind = ArgumentType["kind"];

/** Objects of the kernel's own: no runtime has any. */
const KERNELS_OWN: readonly Kind[] = ["kernel_object", "kernel_pointer", "percpu_object", "socket"];

const MAX_ARGUMENTS = 5;

/** Whether the argument says which map the call is about. */
const namesMap = ({ kind }: ArgumentType, { lock }: HelperPrototype): boolean =>
  kind === "map" || (kind === "map_field" && lock === undefined);

const argumentProblem = (helper: HelperPrototype, index: number): string | undefined => {
  const all = helper.arguments;
  const type = all[index]!;
  const [before, after] = [all[index - 1], all[index + 1]];
  const isSized = (other: ArgumentType | undefined): boolean => other?.kind === "memory" && other.size === undefined;
  if (KERNELS_OWN.includes(type.kind)) return `is a ${type.kind}, which no program could pass`;
  switch (type.kind) {
    case "memory":
      if (isSized(type) && after?.kind !== "size") return "is memory, and nothing says of how many bytes";
      return type.size === undefined || (Number.isInteger(type.size) && type.size > 0)
        ? undefined
        : `is memory of ${type.size} bytes`;
    case "size":
      return isSized(before) ? undefined : "is the size of memory in front of it, and there is none without a size";
    case "map_key":
    case "map_value":
      return all.slice(0, index).some((other) => namesMap(other, helper))
        ? undefined
        : "belongs to a map in front of it";
    case "function":
      return (helper.callback ?? helper.asyncCallback) === undefined
        ? "is a function, and nothing says what it is called with"
        : undefined;
    default:
      return undefined;
  }
};

/** What the helper must be given so that it can return what it does. */
const NEEDED: Readonly<Record<ReturnType["kind"], readonly Kind[]>> = {
  scalar: [],
  void: [],
  map_value: ["map"],
  map_value_or_null: ["map"],
  memory_or_null: ["constant_size"],
  slice_or_null: ["constant_size", "dynptr"],
  socket_or_null: [],
  unsupported: [],
};

const resultProblem = (helper: HelperPrototype): string | undefined => {
  const { returns, acquires } = helper;
  const missing = NEEDED[returns.kind].find((kind) => !helper.arguments.some((argument) => argument.kind === kind));
  if (missing !== undefined) return `returns a ${returns.kind}, and takes no ${missing}`;
  if (returns.kind === "unsupported") return "returns what no program could use";
  if (returns.kind === "socket_or_null") return "returns a socket, which no runtime has";
  if (acquires && returns.kind !== "memory_or_null") return `returns a ${returns.kind}, which nobody gives back`;
  if (!classesOf(returns).includes(helper.returnClass)) return `returns a ${returns.kind} as ${helper.returnClass}`;
  return undefined;
};

const flagProblem = (helper: HelperPrototype): string | undefined => {
  const { releases, callback, asyncCallback, callbackLimit, mapValueMemory, boundedBySize, lock } = helper;
  const at = (index: number): Kind | undefined => helper.arguments[index]?.kind;
  const has = (kind: Kind): boolean => helper.arguments.some((argument) => argument.kind === kind);
  if (releases !== undefined && at(releases) !== "allocated") return "releases an argument that can't be acquired";
  if (lock !== undefined && !has("map_field")) return "takes no field that could be a lock";
  const parameters = callback ?? asyncCallback;
  if (parameters !== undefined && !has("function")) return "calls back, and takes no function";
  if (
    parameters?.some((parameter) => parameter.startsWith("map")) &&
    !helper.arguments.some((one) => namesMap(one, helper))
  ) {
    return "passes a map on that it isn't given";
  }
  if (parameters?.includes("context") && !has("stack_or_null")) return "passes a context on that it isn't given";
  if (callbackLimit !== undefined && at(callbackLimit) !== "scalar") return "calls back as often as no number says";
  if (mapValueMemory !== undefined && at(mapValueMemory) !== "memory") return "makes a dynptr of no memory";
  return boundedBySize && !has("size") ? "returns at most its size, and takes none" : undefined;
};

/** How such a result may come back, the usual way first. */
const classesOf = ({ kind }: ReturnType): readonly ReturnClass[] => {
  if (kind === "void") return ["void"];
  return kind === "scalar" ? ["signed32", "full64", "pointer"] : ["pointer"];
};

/** The way in which a result of this kind comes back unless something else is said. */
export const usualClass = (returns: ReturnType): ReturnClass => classesOf(returns)[0]!;

/**
 * Checks that a verifier can check calls of the helper, and that there are programs that could call it.
 *
 * @throws PlatformError `BAD_HELPER`
 */
export const checkHelper = (helper: HelperPrototype): void => {
  const refuse = (problem: string): never => {
    throw new PlatformError("BAD_HELPER", `helper ${helper.name}: ${problem}`);
  };
  const { id } = helper;
  if (!Number.isInteger(id) || id < 1 || id > 0x7fff_ffff) refuse(`${id} is no number of a helper`);
  if (helper.arguments.length > MAX_ARGUMENTS) refuse(`${helper.arguments.length} arguments don't fit in r1 to r5`);
  helper.arguments.forEach((_, index) => {
    const problem = argumentProblem(helper, index);
    if (problem !== undefined) refuse(`argument ${index + 1} ${problem}`);
  });
  const problem = resultProblem(helper) ?? flagProblem(helper);
  if (problem !== undefined) refuse(`it ${problem}`);
};
