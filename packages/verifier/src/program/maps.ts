import type { Instruction } from "@ebpf/asm";
import type { MapSpec, Platform, ProgramSpec, ProgramTypeRules } from "@ebpf/platform";
import { specialFields } from "../access/map-fields.js";
import { reject } from "../report/reject.js";

const SLEEPABLE_MAPS: readonly MapSpec["type"][] = [
  "hash",
  "lru_hash",
  "array",
  "percpu_hash",
  "percpu_array",
  "lru_percpu_hash",
  "array_of_maps",
  "hash_of_maps",
  "ringbuf",
  "user_ringbuf",
  "inode_storage",
  "sk_storage",
  "task_storage",
  "cgrp_storage",
  "queue",
  "stack",
  "arena",
  "insn_array",
];

/** Special fields that programs which may interrupt anything can't use, in the order in which they are looked for. */
const NOT_FOR_TRACING: readonly { readonly fields: readonly string[]; readonly name: string }[] = [
  { fields: ["bpf_list_head", "bpf_rb_root"], name: "bpf_{list_head,rb_root}" },
  { fields: ["bpf_spin_lock", "bpf_res_spin_lock"], name: "bpf_spin_lock" },
  { fields: ["bpf_timer"], name: "bpf_timer" },
  { fields: ["bpf_wq"], name: "bpf_wq" },
];

const checkMap = (spec: ProgramSpec, rules: ProgramTypeRules, map: MapSpec): void => {
  const present = specialFields(map).map(({ name }) => name);
  for (const { fields, name } of NOT_FOR_TRACING) {
    if (!fields.some((field) => present.includes(field))) continue;
    if (spec.type === "socket_filter" && name === "bpf_spin_lock") {
      reject("MAP_NOT_ALLOWED", "socket filter progs cannot use bpf_spin_lock yet");
    }
    if (rules.tracing) reject("MAP_NOT_ALLOWED", `tracing progs cannot use ${name} yet`);
  }
  if (spec.flags.sleepable && !SLEEPABLE_MAPS.includes(map.type)) {
    reject("MAP_NOT_ALLOWED", "Sleepable programs can only use array, hash, ringbuf and local storage maps");
  }
};

const checkValueOffset = (map: MapSpec, offset: number, platform: Platform): void => {
  if (map.type === "arena") return;
  if (!platform.mapTypes[map.type]?.directValue) {
    reject("BAD_MAP_VALUE_OFFSET", "direct value access on this map type is not supported");
  }
  if (offset >>> 0 >= 1 << 29) reject("BAD_MAP_VALUE_OFFSET", `direct value offset of ${offset >>> 0} is not allowed`);
  if (offset < 0 || offset >= map.valueSize || map.maxEntries !== 1) {
    reject(
      "BAD_MAP_VALUE_OFFSET",
      `invalid access to map value pointer, value_size=${map.valueSize} off=${offset >>> 0}`,
    );
  }
};

const checkReference = ({ op }: Instruction): void => {
  if (op.family !== "lddw") return;
  if (op.meaning === "ksym") reject("UNSUPPORTED_KERNEL_SYMBOL", "kernel variables are not modelled yet");
  if (op.meaning === "map_index" || op.meaning === "map_index_value") {
    reject("UNSUPPORTED_MAP", "map references by index are for the loader to resolve");
  }
};

/** Checks every map that the program refers to, reached or not. */
export const checkMaps = (spec: ProgramSpec, rules: ProgramTypeRules, platform: Platform): void => {
  const used = new Set<MapSpec>();
  for (const [pc, slot] of spec.instructions.entries()) {
    const { op, imm } = slot;
    checkReference(slot);
    if (op.family !== "lddw" || (op.meaning !== "map" && op.meaning !== "map_value")) continue;
    const map = spec.maps.get(imm);
    if (map === undefined) reject("UNKNOWN_MAP", `fd ${imm} is not pointing to valid bpf_map`);
    if (op.meaning === "map_value") checkValueOffset(map, spec.instructions[pc + 1]!.imm, platform);
    if (!used.has(map)) checkMap(spec, rules, map);
    used.add(map);
  }
  if ([...used].filter(({ type }) => type === "arena").length > 1) {
    reject("MAP_NOT_ALLOWED", "Only one arena per program");
  }
  for (const type of ["cgroup_storage", "percpu_cgroup_storage"]) {
    if ([...used].filter((map) => map.type === type).length > 1) {
      reject("MAP_NOT_ALLOWED", "only one cgroup storage of each type is allowed");
    }
  }
  if (used.size > platform.limits.maps) {
    reject("TOO_MANY_MAPS", `The total number of maps per program has reached the limit of ${platform.limits.maps}`);
  }
};
