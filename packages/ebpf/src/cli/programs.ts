import type { ObjectProgram, ObjectSpec } from "@ebpf/platform";
import { LoadError } from "../errors.js";

const listed = (programs: readonly ObjectProgram[]): string => programs.map(({ name }) => name).join(", ");

/**
 * The program with this name, or all programs of the object.
 *
 * @throws LoadError `NO_PROGRAM`
 */
export const chosenPrograms = (object: ObjectSpec, name: string | undefined): readonly ObjectProgram[] => {
  const { programs } = object;
  if (programs.length === 0) throw new LoadError("NO_PROGRAM", "the object holds no program");
  if (name === undefined) return programs;
  const found = programs.filter((program) => program.name === name);
  if (found.length > 0) return found;
  throw new LoadError("NO_PROGRAM", `the object holds no program ${name}`, `it holds ${listed(programs)}`);
};

/**
 * The program with this name, or the only one of the object.
 *
 * @throws LoadError `NO_PROGRAM` when there is none, or more than one and no name.
 */
export const chosenProgram = (object: ObjectSpec, name: string | undefined): ObjectProgram => {
  const [first, second] = chosenPrograms(object, name);
  if (second === undefined || name !== undefined) return first!;
  throw new LoadError(
    "NO_PROGRAM",
    "the object holds several programs, and none was chosen",
    `choose with --program: ${listed(object.programs)}`,
  );
};
