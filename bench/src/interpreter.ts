import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { isEbpfError } from "@ebpf/core";
import { readObject } from "@ebpf/elf";
import type { ProgramSpec } from "@ebpf/platform";
import { CONTEXT_BASE, interpret, type RunInput, Runtime, STACK_TOP } from "@ebpf/runtime";
import { verify } from "@ebpf/verifier";
import { timedLoop } from "./contestant.js";
import { geometricMean, median } from "./statistics.js";

/*
 * The interpreter on many programs in one process, all in turn: V8 tends to be fast on the first few programs that run
 * through an interpreter, and slow once it has seen more.
 */

/** Each program's best round counts; the first ones warm up. */
const ROUNDS = 20;
/** A sample is as many runs as execute at least this many instructions. */
const SAMPLE = 100_000;
/** Shorter runs measure the call of the program rather than its instructions. */
const MIN_INSTRUCTIONS = 100;
/** Longer programs take the verifier too long for a bench of the interpreter. */
const MAX_SLOTS = 4000;

/** A verified program that has its input in place. */
interface Subject {
  readonly name: string;
  /** Instructions that a run executes. */
  readonly instructions: number;
  /** Runs the program so often and tells how many nanoseconds all of that took. */
  readonly time: (runs: number) => number;
}

/** The programs that were measured, and the middle of them. */
export interface InterpreterBench {
  /** Nanoseconds for each executed instruction, helpers included. */
  readonly programs: Readonly<Record<string, number>>;
  readonly median: number;
  readonly geomean: number;
}

const objectsIn = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".o"))
    .sort()
    .map((name) => join(folder, name));

/** The programs of an object that the verifier accepts; what can't be read or verified holds none. */
const acceptedPrograms = (path: string): ProgramSpec[] => {
  try {
    return readObject(new Uint8Array(readFileSync(path)), { path }).programs.flatMap((program) =>
      "error" in program || program.spec.instructions.length > MAX_SLOTS || verify(program.spec).rejection !== undefined
        ? []
        : [program.spec],
    );
  } catch (error) {
    if (isEbpfError(error)) return [];
    throw error;
  }
};

const inputFor = (runtime: Runtime, { type }: ProgramSpec, packet: Uint8Array): RunInput => {
  const context = runtime.platform.programTypes[type]?.context;
  const takesPackets = context?.fields.some(({ value, name }) => value === "packet" || name === "protocol");
  return takesPackets ? { packet } : { context: new Uint8Array(context?.size ?? 0) };
};

/** `undefined` for a program that is too short to be measured. */
const subjectOf = (name: string, spec: ProgramSpec, packet: Uint8Array): Subject | undefined => {
  const runtime = new Runtime({ memoryPages: 256, random: () => 4, clock: () => 0n });
  const maps = new Map([...spec.maps].map(([handle, map]) => [handle, runtime.createMap(map)] as const));
  let instructions = 0;
  const onStep = (): void => {
    instructions++;
  };
  const input = inputFor(runtime, spec, packet);
  const options = { checked: false, maps };
  // The second run meets the maps as all further ones will.
  const counting = interpret(spec, runtime, { ...options, onStep });
  runtime.run(counting, input);
  instructions = 0;
  runtime.run(counting, input);
  if (instructions < MIN_INSTRUCTIONS) return undefined;
  const program = interpret(spec, runtime, options);
  return { name, instructions, time: timedLoop(`target.enter(${CONTEXT_BASE}, 0, ${STACK_TOP})`, program) };
};

const subjectsIn = (folder: string, packet: Uint8Array): Subject[] =>
  objectsIn(folder).flatMap((path) =>
    acceptedPrograms(path).flatMap((spec) => {
      try {
        return subjectOf(`${path.slice(folder.length + 1).replace(/\.o$/, "")}:${spec.name}`, spec, packet) ?? [];
      } catch (error) {
        // A map or helper that the runtime doesn't have.
        if (isEbpfError(error)) return [];
        throw error;
      }
    }),
  );

/**
 * Measures the interpreter, unchecked as for every verified program.
 *
 * @param folders hold objects, in folders of any depth; missing ones are left out with a line
 */
export const benchInterpreter = (
  folders: readonly string[],
  packet: Uint8Array,
  print: (line: string) => void,
): InterpreterBench => {
  const subjects = folders.flatMap((folder) => {
    if (existsSync(folder)) return subjectsIn(folder, packet);
    print(`without the objects of ${folder}: it isn't there`);
    return [];
  });
  const best = subjects.map(() => Number.POSITIVE_INFINITY);
  for (let round = 0; round < ROUNDS; round++) {
    for (const [i, { instructions, time }] of subjects.entries()) {
      const runs = Math.ceil(SAMPLE / instructions);
      best[i] = Math.min(best[i]!, time(runs) / (runs * instructions));
    }
  }
  for (const [i, { name, instructions }] of subjects.entries()) {
    print(
      `${name.padEnd(60)}${instructions.toString().padStart(8)} instructions${best[i]!.toFixed(2).padStart(8)} ns each`,
    );
  }
  const programs = Object.fromEntries(subjects.map(({ name }, i) => [name, best[i]!]));
  const result = { programs, median: median(best), geomean: geometricMean(best) };
  print(
    `${best.length} programs in one process: ${result.median.toFixed(2)} ns an instruction (median; geometric mean ${result.geomean.toFixed(2)})`,
  );
  return result;
};
