import type { Btf } from "@ebpf/btf";
import type { AttachType, MapSpec, ProgramSpec, SectionMeaning } from "@ebpf/platform";

/** What the kernel's BTF calls the targets of an attach type, where that isn't the target's own name. */
const PREFIX: Readonly<Partial<Record<AttachType, string>>> = {
  trace_raw_tp: "btf_trace_",
  lsm_mac: "bpf_lsm_",
  lsm_cgroup: "bpf_lsm_",
  trace_iter: "bpf_iter_",
};

/** The id of what a program attaches to in the kernel's BTF, where its section says that. */
export const attachBtfId = ({ rule, target }: SectionMeaning, kernel: Btf | undefined): number | undefined => {
  // A program that replaces a function of another program finds it in that program's BTF.
  if (rule.target !== "btf" || target === undefined || rule.programType === "ext") return undefined;
  const prefix = rule.attachType === undefined ? undefined : PREFIX[rule.attachType];
  return kernel?.findByName(`${prefix ?? ""}${target}`, rule.attachType === "trace_raw_tp" ? "typedef" : "func");
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
