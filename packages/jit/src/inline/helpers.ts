import { MAP_FLAGS, type MapTypeName } from "@ebpf/platform";
import { LINUX_HELPERS, MAP_HEADER, type RuntimeMap, UPDATE_FLAGS, wordsOf } from "@ebpf/runtime";
import type { Step } from "../cfg/graph.js";
import type { FunctionWriter } from "../lower/function.js";
import type { FunctionReference } from "../wasm/module.js";
import { copyBytes, findElement, type MapPlace, placeOf, pushArrayValue, valueOffset } from "./map-code.js";

/** Leaves the result's low word on the stack and tells how it is extended; "host" when the call must go there. */
type Inline = (writer: FunctionWriter, step: Step, map: InlinedMap | undefined) => "unsigned" | "signed" | "host";

interface InlinedMap {
  readonly map: RuntimeMap;
  readonly place: MapPlace;
}

const HASHES: ReadonlySet<MapTypeName> = new Set(["hash", "percpu_hash", "lru_hash", "lru_percpu_hash"]);
const ARRAYS: ReadonlySet<MapTypeName> = new Set(["array", "percpu_array"]);

/** The function of the module that does an operation on a map, made when it is first asked for. */
const functionFor = ({ program }: FunctionWriter, name: string, define: () => FunctionReference): FunctionReference => {
  const known = program.inlined.get(name) ?? define();
  program.inlined.set(name, known);
  return known;
};

/** The host's implementation of a helper, as a function of the module that takes the same words. */
const hostFunction = ({ program, host }: FunctionWriter, id: number, name: string): FunctionReference => {
  const implementation = host.runtime.implementations[name]!;
  const words = implementation.kind === "function" ? wordsOf(implementation.parameters) : [];
  return program.module.import(
    `helper_${id}`,
    words.map(() => "i32" as const),
    ["i32"],
  );
};

/** Looking up in a hash map. An LRU map's order changes unless the entry is its newest: that is the host's work. */
const hashLookup = (writer: FunctionWriter, id: number, { map, place }: InlinedMap): FunctionReference =>
  functionFor(writer, `lookup_${place.handle}`, () => {
    const { module } = writer.program;
    const lookup = module.define(`lookup_${place.handle}`, ["i32"], ["i32"]);
    const { code } = lookup;
    const element = findElement(code, place, 0);
    code.get(element).op("i32.eqz").open("if");
    code.i32(0).op("return", "end");
    if (map.spec.type.startsWith("lru")) {
      code.i32(0).memory("i32.load", place.handle + MAP_HEADER.newest);
      code.get(element).op("i32.ne").open("if");
      code
        .i32(place.handle)
        .get(0)
        .call(hostFunction(writer, id, "bpf_map_lookup_elem"))
        .op("return", "end");
    }
    code.get(element).i32(valueOffset(place)).op("i32.add");
    return lookup;
  });

const lookup: Inline = (writer, { slot, base }, inlined) => {
  if (inlined === undefined) return "host";
  const { code, word } = writer;
  const { type } = inlined.map.spec;
  if (ARRAYS.has(type)) {
    writer
      .getLow(base + 2)
      .memory("i32.load")
      .set(word);
    pushArrayValue(code, inlined.place, word);
    return "unsigned";
  }
  if (!HASHES.has(type)) return "host";
  writer.getLow(base + 2).call(hashLookup(writer, slot.imm, inlined));
  return "unsigned";
};

/** Parameters of an inlined update: key, value, both halves of the flags. */
const [KEY, VALUE, FLAGS, FLAGS_HIGH] = [0, 1, 2, 3] as const;

/** Writing over an entry that is there, with no flags; everything else goes to the host. */
const update: Inline = (writer, { slot, base }, inlined) => {
  if (inlined === undefined) return "host";
  const { map, place } = inlined;
  const { type, flags } = map.spec;
  if (flags & MAP_FLAGS.readOnlyProgram || !(type === "hash" || type === "array")) return "host";
  const reference = functionFor(writer, `update_${place.handle}`, () => {
    const defined = writer.program.module.define(`update_${place.handle}`, ["i32", "i32", "i32", "i32"], ["i32"]);
    const { code } = defined;
    const target = code.local("i32");
    const slow = code.open("block");
    code.get(FLAGS).i32(UPDATE_FLAGS.any).op("i32.ne").get(FLAGS_HIGH).op("i32.or").brIf(slow);
    if (type === "array") {
      code.get(KEY).memory("i32.load").set(target);
      pushArrayValue(code, place, target);
    } else code.get(findElement(code, place, KEY));
    code.tee(target).op("i32.eqz").brIf(slow);
    if (type === "hash") code.get(target).i32(valueOffset(place)).op("i32.add").set(target);
    copyBytes(code, target, VALUE, place.valueSize);
    code.i32(0).op("return", "end");
    code.i32(place.handle);
    for (const parameter of [KEY, VALUE, FLAGS, FLAGS_HIGH]) code.get(parameter);
    code.call(hostFunction(writer, slot.imm, "bpf_map_update_elem"));
    return defined;
  });
  writer.getLow(base + 2);
  writer.getLow(base + 3);
  writer.getLow(base + 4);
  writer.getHigh(base + 4).call(reference);
  return "signed";
};

/** The only processor. */
const processor: Inline = ({ code }) => {
  code.i32(0);
  return "unsigned";
};

const INLINES: Readonly<Record<string, Inline>> = {
  bpf_map_lookup_elem: lookup,
  bpf_map_update_elem: update,
  bpf_get_smp_processor_id: processor,
};

/**
 * Writes a helper call as code of the module where that is known to do the same: on Linux's own implementations, on maps
 * that the verifier saw, on a machine of one processor.
 *
 * @returns false when nothing was written
 */
export const inlineHelper = (writer: FunctionWriter, step: Step): boolean => {
  const { flow, host } = writer;
  if (flow === undefined || host.runtime.cpus !== 1) return false;
  const { runtime } = host;
  const name = runtime.platform.helpers.get(step.slot.imm)?.name ?? "";
  const inline = INLINES[name];
  if (inline === undefined || runtime.implementations[name] !== LINUX_HELPERS[name]) return false;
  const handle = flow.knowledge.facts[step.pc]?.map;
  const map = handle === undefined ? undefined : host.mapOf(handle);
  const extension = inline(writer, step, map && { map, place: placeOf(map, (at) => runtime.memory.cell(at)) });
  if (extension === "host") return false;
  if (extension === "unsigned") writer.setLow(writer.base);
  else {
    writer.code.op("i64.extend_i32_s");
    writer.set(writer.base);
  }
  return true;
};
