import type { HelperPrototype, MapSpec } from "@ebpf/platform";
import { MAP_FLAGS, mapTypeNumber } from "@ebpf/platform";
import { reject } from "../report/reject.js";
import type { Walk } from "../walk.js";

/** Helpers that take any map whose own row names them, and those that only some maps' rows name, are told by one table. */
export const checkMapFits = (walk: Walk, helper: HelperPrototype, map: MapSpec | undefined): void => {
  if (map === undefined) return;
  const rules = walk.platform.mapTypes[map.type];
  if (rules === undefined) reject("UNSUPPORTED_MAP", `maps of type ${map.type} are not modelled yet`);
  const name = helper.name.replace(/^bpf_/, "");
  const number = mapTypeNumber(map.type);
  const refusal = `cannot pass map_type ${number < 0 ? map.type : number} into func ${helper.name}#${helper.id}`;
  if (helper.changesMap && (map.flags & MAP_FLAGS.readOnlyProgram) !== 0) {
    reject("READ_ONLY", "write into map forbidden");
  }
  if (name === "tail_call" && map.type !== "prog_array") {
    reject("WRONG_MAP_TYPE", "expected prog array map for tail call");
  }
  if (rules.changedBy?.[name]?.includes(walk.program.spec.type) === false) {
    reject("WRONG_MAP_TYPE", `cannot update sockmap in this context\n${refusal}`);
  }
  if (!rules.helpers.includes(name)) reject("WRONG_MAP_TYPE", refusal);
};
