import { writeFileSync } from "node:fs";
import { type ParseArgsConfig, parseArgs } from "node:util";
import { ConformanceError } from "./errors.js";

type OptionTable = NonNullable<ParseArgsConfig["options"]>;

type OptionValues<T extends OptionTable> = ReturnType<typeof parseArgs<{ args: string[]; options: T }>>["values"];

/**
 * Takes a runner's arguments apart; it takes options only.
 *
 * @throws ConformanceError `USAGE`
 */
export const parseOptions = <T extends OptionTable>(args: readonly string[], options: T): OptionValues<T> => {
  try {
    return parseArgs({ args: [...args], options }).values;
  } catch (error) {
    throw new ConformanceError("USAGE", (error as Error).message);
  }
};

/** Writes what became of each case, a JSON line each. @throws ConformanceError `NOT_FOUND` */
export const writeDetails = (file: string, outcomes: readonly object[]): void => {
  try {
    writeFileSync(file, outcomes.map((outcome) => `${JSON.stringify(outcome)}\n`).join(""));
  } catch (error) {
    throw new ConformanceError("NOT_FOUND", `${file} can't be written: ${(error as Error).message}`);
  }
};
