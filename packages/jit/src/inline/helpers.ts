import { MAP_FLAGS, type MapTypeName } from "@ebpf/platform";
import { LINUX_HELPERS, type RuntimeMap } from "@ebpf/runtime";
import type { Step } from "../cfg/graph.js";
import type { FunctionWriter } from "../lower/function.js";
import { inlineLoop } from "./loop.js";
import { pushArrayValue } from "./map-code.js";
import { MAP_HELPERS, type MapHelper } from "./map-operations.js";

/** Leaves the result's low word on the stack and tells how it is extended; "host" when the call must go there. */
type Inline = (writer: FunctionWriter, step: Step, map: RuntimeMap | undefined) => "pointer" | "signed32" | "host";

const ARRAYS: ReadonlySet<MapTypeName> = new Set(["array", "percpu_array"]);

/** Leaves flags of 64 bits on the stack as 32 bits, all of them set when a high one is: no such flag exists. */
const pushFlags = (writer: FunctionWriter, register: number): void => {
  writer.getLow(register).i32(0);
  writer.getHigh(register).i32(0).op("i32.ne", "i32.sub", "i32.or");
};

/** An operation of a map that is known here. */
const mapHelper =
  ({ operation, addresses, flags, writes, returns }: MapHelper): Inline =>
  (writer, { base }, map) => {
    const refused = writes && map !== undefined && (map.spec.flags & MAP_FLAGS.readOnlyProgram) !== 0;
    const reference = map && !refused ? writer.program.operations.of(map, operation) : undefined;
    if (reference === undefined) return "host";
    for (let argument = 0; argument < addresses; argument++) writer.getLow(base + 2 + argument);
    if (flags) pushFlags(writer, base + 2 + addresses);
    writer.code.call(reference);
    return returns;
  };

const lookupByCall = mapHelper(MAP_HELPERS.bpf_map_lookup_elem!);

/** An array's entry is found in less time than a call takes. */
const lookup: Inline = (writer, step, map) => {
  if (map === undefined || !ARRAYS.has(map.spec.type)) return lookupByCall(writer, step, map);
  writer
    .getLow(step.base + 2)
    .memory("i32.load")
    .set(writer.word);
  pushArrayValue(writer.code, writer.program.operations.place(map), writer.word);
  return "pointer";
};

/** The only processor. */
const processor: Inline = ({ code }) => {
  code.i32(0);
  return "pointer";
};

/** A loop over a callback that is the same on all paths. */
const loop: Inline = (writer, { pc }) => {
  const start = writer.flow?.knowledge.facts[pc]?.callback;
  if (start === undefined || writer.host.checked) return "host";
  inlineLoop(writer, start, pc);
  return "signed32";
};

const INLINES: Readonly<Record<string, Inline>> = {
  ...Object.fromEntries(Object.entries(MAP_HELPERS).map(([name, row]) => [name, mapHelper(row)])),
  bpf_map_lookup_elem: lookup,
  bpf_get_smp_processor_id: processor,
  bpf_loop: loop,
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
  const extension = inline(writer, step, handle === undefined ? undefined : host.mapOf(handle));
  if (extension === "host") return false;
  if (extension === "pointer") writer.setLow(writer.base);
  else {
    writer.code.op("i64.extend_i32_s");
    writer.set(writer.base);
  }
  return true;
};
