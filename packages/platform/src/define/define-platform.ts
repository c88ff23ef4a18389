import { PlatformError } from "../errors.js";
import { type HelperPrototype, helperFor } from "../helper.js";
import { linux } from "../linux/linux.js";
import type { MapTypeRules, Platform, PlatformLimits, ProgramTypeRules } from "../platform.js";
import { tableOf } from "../table.js";
import { checkContext } from "./context.js";
import { checkHelper, usualClass } from "./helper.js";
import { mapTypeRules, type OwnMapType } from "./map-type.js";

/** A type of program of the embedder's own. */
export interface OwnProgramType extends ProgramTypeRules {
  /** Helpers of Linux that such programs may call, by name without `bpf_`, such as `map_lookup_elem`. */
  readonly helpers?: readonly string[];
}

/**
 * A helper of the embedder's own. What isn't said of its result's way back is the usual: a signed 32-bit number, or an
 * address. A `map` argument takes maps of the `types` that it names.
 */
export interface OwnHelper extends Omit<HelperPrototype, "returnClass" | "variants" | "refusedAs"> {
  readonly returnClass?: HelperPrototype["returnClass"];
}

/** What an embedder brings. */
export interface PlatformParts {
  /** In messages. */
  readonly name: string;
  /** What these parts are added to, such as `linux`. Default: no types of programs and no helpers, Linux's types of maps. */
  readonly base?: Platform;
  /** By name. */
  readonly programTypes?: Readonly<Record<string, OwnProgramType>>;
  readonly helpers?: readonly OwnHelper[];
  /** By name. */
  readonly mapTypes?: Readonly<Record<string, OwnMapType>>;
  /** Default: those of the base. */
  readonly limits?: Partial<PlatformLimits>;
  /** CPUs that a machine has at most: a bound of what `get_smp_processor_id` returns. Default: those of the base. */
  readonly cpus?: number;
}

const NOTHING: Platform = { ...linux, programTypes: {}, helpers: new Map() };

const IDENTIFIER = /^[A-Za-z_][A-Za-z0-9_]*$/;
/** Names by which the stages know what helpers of Linux do. */
const LINUX_PREFIX = "bpf_";

const checkName = (what: string, name: string, taken: (name: string) => boolean): void => {
  if (!IDENTIFIER.test(name)) throw new PlatformError("BAD_NAME", `a ${what} can't be called ${JSON.stringify(name)}`);
  if (taken(name)) throw new PlatformError("BAD_NAME", `there is a ${what} ${name} already`);
};

/** Two tables in one. */
const joined = <T>(
  what: string,
  base: Readonly<Record<string, T | undefined>>,
  own: Readonly<Record<string, T>>,
): Record<string, T> => {
  for (const name of Object.keys(own)) checkName(what, name, (known) => Object.hasOwn(base, known));
  return tableOf({ ...base, ...own } as Record<string, T>);
};

const mapValues = <A, B>(record: Readonly<Record<string, A>>, change: (value: A, name: string) => B) =>
  Object.fromEntries(Object.entries(record).map(([name, value]) => [name, change(value, name)]));

const rulesOf = ({ helpers: _, ...rules }: OwnProgramType, name: string): ProgramTypeRules => {
  checkContext(rules.context);
  const packet = rules.context.fields.some(({ value }) => value === "packet");
  const { packetReadable, packetWritable, packetArguments, legacyPacketLoads, exit = [] } = rules;
  const refuse = (problem: string): never => {
    throw new PlatformError("BAD_PROGRAM_TYPE", `programs of type ${name} ${problem}`);
  };
  if (!packet && (packetReadable || packetWritable || packetArguments || legacyPacketLoads)) {
    refuse("may use a packet, and their context has none");
  }
  for (const { range } of exit) {
    if (!range.every(Number.isSafeInteger) || range[0] > range[1]) refuse(`can't return ${range.join(" to ")}`);
  }
  return packet ? { packetReadable: true, ...rules } : rules;
};

const byName = (helpers: ReadonlyMap<number, HelperPrototype>, name: string): HelperPrototype | undefined =>
  [...helpers.values()].find((helper) => helper.name === name);

/** Helpers by number. */
class HelperTable {
  readonly byId: Map<number, HelperPrototype>;

  constructor(base: Platform) {
    this.byId = new Map(base.helpers);
  }

  /** Lets programs of a new type call a helper of the base, or of Linux. */
  allow(shortName: string, type: string): void {
    const name = `${LINUX_PREFIX}${shortName}`;
    const here = byName(this.byId, name);
    const helper = here ?? byName(linux.helpers, name);
    if (helper === undefined) throw new PlatformError("UNKNOWN_NAME", `Linux has no helper ${name}`);
    if (here !== undefined && here.programTypes === undefined) return;
    const allowed = { ...helper, programTypes: [...(here?.programTypes ?? []), type] };
    const seen = helperFor(allowed, { type });
    if (seen === undefined || seen.refusedAs !== undefined) {
      throw new PlatformError("BAD_HELPER", `helper ${name} is for programs of some types of Linux alone`);
    }
    if (here === undefined) this.#checkFree(allowed);
    this.byId.set(allowed.id, allowed);
  }

  add(helper: HelperPrototype): void {
    const { name } = helper;
    checkName("helper", name, (known) => byName(this.byId, known) !== undefined);
    // Rows of map types name helpers without the prefix.
    if (name.startsWith(LINUX_PREFIX) || byName(linux.helpers, `${LINUX_PREFIX}${name}`) !== undefined) {
      throw new PlatformError("BAD_NAME", `${name} is a name for a helper of Linux`);
    }
    checkHelper(helper);
    this.#checkFree(helper);
    this.byId.set(helper.id, helper);
  }

  #checkFree({ id, name }: HelperPrototype): void {
    const other = this.byId.get(id);
    if (other === undefined) return;
    const message = `helpers ${other.name} and ${name} both have the number ${id}`;
    throw new PlatformError("DUPLICATE_HELPER", message, "Linux's have numbers below 1000");
  }
}

const checkKnown = (what: string, names: readonly string[], table: object, user: string): void => {
  const unknown = names.find((name) => !Object.hasOwn(table, name));
  if (unknown !== undefined) throw new PlatformError("UNKNOWN_NAME", `${user}: there is no ${what} ${unknown}`);
};

/** Rows of map types say which helpers take them: this adds a helper to the rows of the types that it names. */
const addToMaps = (mapTypes: Record<string, MapTypeRules>, { name, arguments: types }: HelperPrototype): void => {
  for (const type of types) {
    if (type.kind !== "map") continue;
    if (type.types === undefined || type.types.length === 0) {
      throw new PlatformError("BAD_HELPER", `helper ${name}: a map argument doesn't say of which types`);
    }
    checkKnown("type of map", type.types, mapTypes, `helper ${name}`);
    for (const one of type.types) mapTypes[one] = { ...mapTypes[one]!, helpers: [...mapTypes[one]!.helpers, name] };
  }
};

/** Limits by which engines and verifier lay out memory: a platform's own may be lower. */
const FIXED: readonly (keyof PlatformLimits)[] = ["frames", "stack", "stackWithTailCalls", "loopIterations"];

const limitsOf = (base: PlatformLimits, own: Partial<PlatformLimits>): PlatformLimits => {
  for (const [name, limit] of Object.entries(own) as [keyof PlatformLimits, number][]) {
    const most = FIXED.includes(name) ? linux.limits[name] : Number.MAX_SAFE_INTEGER;
    if (Number.isInteger(limit) && limit >= 1 && limit <= most) continue;
    throw new PlatformError("BAD_LIMIT", `a limit of ${limit} ${name} isn't in 1..${most}`);
  }
  return { ...base, ...own };
};

/**
 * Makes a platform of an embedder's own types of programs, helpers and types of maps, to be given to `verify`, `Runtime`
 * and `load`. What helpers do is the runtime's to know: `new Runtime({ platform, helpers })`.
 *
 * @throws PlatformError for parts that don't fit together
 * @example
 * const platform = definePlatform({
 *   name: "example",
 *   programTypes: { counter: { context: { name: "counter", size: 0, fields: [] }, helpers: ["map_lookup_elem"] } },
 *   helpers: [{ id: 1000, name: "answer", arguments: [], returns: { kind: "scalar" } }],
 * });
 */
export const definePlatform = (parts: PlatformParts): Platform => {
  const { name, base = NOTHING, cpus = base.cpus } = parts;
  const ownTypes = parts.programTypes ?? {};
  if (!Number.isInteger(cpus) || cpus < 1) throw new PlatformError("BAD_LIMIT", `${cpus} CPUs`);
  const programTypes = joined("type of program", base.programTypes, mapValues(ownTypes, rulesOf));
  const ownMaps = mapValues(parts.mapTypes ?? {}, (type, mapType) => mapTypeRules(mapType, type));
  const mapTypes = joined("type of map", base.mapTypes, ownMaps);
  const table = new HelperTable(base);
  for (const [type, { helpers = [] }] of Object.entries(ownTypes)) {
    for (const helper of new Set(helpers)) table.allow(helper, type);
  }
  for (const own of parts.helpers ?? []) {
    const helper = { ...own, returnClass: own.returnClass ?? usualClass(own.returns) };
    table.add(helper);
    checkKnown("type of program", helper.programTypes ?? [], programTypes, `helper ${helper.name}`);
    addToMaps(mapTypes, helper);
  }
  return { name, programTypes, helpers: table.byId, mapTypes, limits: limitsOf(base.limits, parts.limits ?? {}), cpus };
};
