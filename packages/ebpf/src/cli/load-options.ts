import { PROGRAM_TYPES } from "@ebpf/platform";
import type { LoadOptions } from "../load.js";
import type { Engine } from "../program.js";
import type { MapValue } from "../typed-bytes.js";
import type { Arguments } from "./command.js";
import { UsageError } from "./usage-error.js";

const ENGINES = ["jit", "interpreter"] as const satisfies readonly Engine[];

/** Options that say what an object's programs are. */
export const PROGRAM_OPTIONS = {
  type: { type: "string" },
  set: { type: "string", multiple: true },
} as const;

export const PROGRAM_OPTION_HELP = `  --type TYPE          program type, when the section's name does not tell (such as xdp or sched_cls)
  --set NAME=VALUE     initial value of a global variable, also of a constant (repeatable)`;

/** Options of the commands that run an object's programs. */
export const LOAD_OPTIONS = {
  ...PROGRAM_OPTIONS,
  engine: { type: "string" },
  unverified: { type: "boolean" },
  budget: { type: "string" },
} as const;

export const LOAD_OPTION_HELP = `${PROGRAM_OPTION_HELP}
  --engine ENGINE      jit (default) or interpreter
  --unverified         run without verification: every access is checked, and a budget limits the instructions
  --budget N           instructions that one unverified run may take`;

/** Splits `NAME=VALUE`. */
export const assignment = (option: string, text: string): readonly [name: string, value: string] => {
  const at = text.indexOf("=");
  if (at <= 0) throw new UsageError(`--${option} ${text}: this is not of the form NAME=VALUE`);
  return [text.slice(0, at), text.slice(at + 1)];
};

/** A value as people write it: a whole number, true or false, or else text (such as the name of an enumerator). */
const parseValue = (text: string): MapValue => {
  if (text === "true" || text === "false") return text === "true";
  return /^-?(0x[0-9a-f]+|[0-9]+)$/i.test(text) ? parseInteger(text) : text;
};

const parseInteger = (text: string): bigint => (text.startsWith("-") ? -BigInt(text.slice(1)) : BigInt(text));

/**
 * What the command line says of loading.
 *
 * @param programs those that `--type` is for
 */
export const loadOptions = (args: Arguments, programs: readonly string[]): LoadOptions => {
  const engine = args.choice("engine", ENGINES);
  const type = args.choice("type", PROGRAM_TYPES);
  const budget = args.count("budget", 1);
  const variables = Object.fromEntries(
    args.list("set").map((text) => {
      const [name, value] = assignment("set", text);
      return [name, parseValue(value)] as const;
    }),
  );
  return {
    unverified: args.flag("unverified"),
    variables,
    ...(engine === undefined ? {} : { engine }),
    ...(budget === undefined ? {} : { budget }),
    ...(type === undefined ? {} : { types: Object.fromEntries(programs.map((name) => [name, type])) }),
  };
};
