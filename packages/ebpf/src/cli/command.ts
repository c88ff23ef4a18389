import { type ParseArgsConfig, parseArgs } from "node:util";
import type { Output } from "./output.js";
import { UsageError } from "./usage-error.js";

type OptionTable = Readonly<
  Record<string, { readonly type: "string" | "boolean"; readonly multiple?: boolean; readonly short?: string }>
>;

/** The options that were given, by name; a repeatable one is a list. */
export type OptionValues = Readonly<Record<string, string | boolean | (string | boolean)[] | undefined>>;

/** A command's arguments, taken apart. */
export class Arguments {
  readonly positionals: readonly string[];
  readonly #values: OptionValues;

  constructor(positionals: readonly string[], values: OptionValues) {
    this.positionals = positionals;
    this.#values = values;
  }

  flag(name: string): boolean {
    return this.#values[name] === true;
  }

  text(name: string): string | undefined {
    const value = this.#values[name];
    return typeof value === "string" ? value : undefined;
  }

  /** All values of a repeatable option. */
  list(name: string): readonly string[] {
    const value = this.#values[name];
    return Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
  }

  /** @throws UsageError when the value is not one of `choices`. */
  choice<T extends string>(name: string, choices: readonly T[]): T | undefined {
    const value = this.text(name);
    if (value === undefined) return undefined;
    const found = choices.find((choice) => choice === value);
    if (found === undefined) throw new UsageError(`--${name} ${value}: this is none of ${choices.join(", ")}`);
    return found;
  }

  /** @throws UsageError when the value is no whole number of at least `minimum`. */
  count(name: string, minimum: number): number | undefined {
    const value = this.text(name);
    if (value === undefined) return undefined;
    const number = Number(value);
    if (value.trim() === "" || !Number.isSafeInteger(number) || number < minimum) {
      throw new UsageError(`--${name} ${value}: this is no whole number of at least ${minimum}`);
    }
    return number;
  }

  /** The only positional argument. @throws UsageError when there is none or more than one. */
  file(what: string): string {
    const [file, extra] = this.positionals;
    if (file === undefined) throw new UsageError(`no ${what} is named`, "a dash stands for standard input");
    if (extra !== undefined) throw new UsageError(`${extra}: one ${what} at a time`);
    return file;
  }
}

/** A command of the command line. */
export interface Command {
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** What `--help` prints. */
  readonly help: string;
  readonly options: OptionTable;
  /** Does the work and returns the exit code. */
  run(args: Arguments, output: Output): Promise<number>;
}

/**
 * Takes a command's arguments apart.
 *
 * @throws UsageError on an option that the command does not have.
 */
export const parseArguments = (command: Command, argv: readonly string[]): Arguments => {
  const options: ParseArgsConfig["options"] = {
    ...command.options,
    help: { type: "boolean", short: "h" },
    json: { type: "boolean" },
  };
  try {
    const { values, positionals } = parseArgs({ args: [...argv], options, allowPositionals: true });
    return new Arguments(positionals, values);
  } catch (error) {
    const [firstSentence] = (error as Error).message.split(". ");
    throw new UsageError(`${command.name}: ${firstSentence}`, `ebpf ${command.name} --help lists the options`);
  }
};
