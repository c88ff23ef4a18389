import type { Btf } from "@ebpf/btf";
import type { AttachType, MapSpec, ProgramSpec, SectionMeaning } from "@ebpf/platform";
import { ElfError, type ElfErrorDetails } from "../errors.js";
import { findInKernel } from "../kernel-types.js";
import type { KernelDescription } from "../options.js";

/** What the kernel's BTF calls the targets of an attach type, where that isn't the target's own name. */
const PREFIX: Readonly<Partial<Record<AttachType, string>>> = {
  trace_raw_tp: "btf_trace_",
  lsm_mac: "bpf_lsm_",
  lsm_cgroup: "bpf_lsm_",
  trace_iter: "bpf_iter_",
};

/** What a program attaches to: its id in the BTF of the kernel, or in that of a module of it. */
export type AttachPlace = Pick<ProgramSpec, "attachBtfId" | "attachModule">;

/**
 * Finds what a program attaches to, where its section says that and the kernel is known; `at` is where it begins.
 *
 * @throws ElfError `NO_ATTACH_TARGET` when the kernel has no such function.
 */
export const attachPlace = (
  { rule, target }: SectionMeaning,
  kernel: KernelDescription | undefined,
  at: ElfErrorDetails,
): AttachPlace => {
  // A program that replaces a function of another program finds it in that program's BTF.
  if (rule.target !== "btf" || target === undefined || rule.programType === "ext") return {};
  if (kernel?.btf === undefined) return {};
  // `module:function` leaves no doubt.
  const [, module, name = target] = /^([^:]*):(.*)$/.exec(target) ?? [];
  const prefix = rule.attachType === undefined ? undefined : PREFIX[rule.attachType];
  const found = findInKernel(kernel, {
    name: `${prefix ?? ""}${name}`,
    kind: rule.attachType === "trace_raw_tp" ? "typedef" : "func",
    ...(module === undefined ? {} : { module }),
  });
  if (found === undefined) {
    throw new ElfError("NO_ATTACH_TARGET", `the kernel has no ${target} that programs attach to`, at);
  }
  return { attachBtfId: found.id, ...(found.module === undefined ? {} : { attachModule: found.module }) };
};

/** Which member of which structure of the kernel a program implements. */
export type StructOpsPlace = Pick<ProgramSpec, "attachBtfId" | "structOpsMember" | "attachTarget">;

/** Finds for every program that a structure of functions names its place in the kernel's structure. */
export const structOpsPlaces = (
  maps: Iterable<MapSpec>,
  kernel: Btf | undefined,
): ReadonlyMap<string, StructOpsPlace> => {
  const places = new Map<string, StructOpsPlace>();
  for (const { structOps } of maps) {
    const type = structOps?.kernel === undefined ? undefined : kernel?.type(structOps.kernel.typeId);
    if (structOps?.kernel === undefined || type?.kind !== "struct") continue;
    for (const [member, program] of structOps.programs) {
      const index = type.members.findIndex(({ name }) => name === member);
      if (index < 0 || places.has(program)) continue;
      places.set(program, {
        attachBtfId: structOps.kernel.typeId,
        structOpsMember: index,
        attachTarget: structOps.struct,
      });
    }
  }
  return places;
};
