import type { Btf } from "@ebpf/btf";
import type { ProgramSpec } from "@ebpf/platform";
import { reject } from "../report/reject.js";

/** The tag of a program's entry that names the function to be run when the program throws. */
const TAG = "exception_callback:";

const refuse = (message: string): never => reject("BAD_EXCEPTION_CALLBACK", message);

/** The name that the entry's tag gives; `undefined` without a tag. */
const nameTaggedOn = (btf: Btf, entryId: number): string | undefined => {
  const [tag, ...others] = btf.types.filter(
    (type) => type.kind === "decl_tag" && type.type === entryId && type.component === -1 && type.name.startsWith(TAG),
  );
  if (tag?.kind !== "decl_tag") return undefined;
  if (others.length > 0) refuse("multiple exception callback tags for main subprog");
  return tag.name.slice(TAG.length);
};

/** Where the function begins that runs when the program throws, or `undefined` when the program names none. */
export const exceptionCallbackOf = ({ btf, functions }: ProgramSpec): number | undefined => {
  const entryId = functions.find(({ pc }) => pc === 0)?.typeId;
  if (btf === undefined || entryId === undefined) return undefined;
  const name = nameTaggedOn(btf, entryId);
  if (name === undefined) return undefined;
  const id = btf.types.findIndex((type) => type.kind === "func" && type.name === name);
  const callback = btf.types[id];
  if (callback?.kind !== "func") return refuse(`exception callback '${name}' could not be found in BTF`);
  if (callback.linkage !== "global") refuse(`exception callback '${name}' must have global linkage`);
  const pc = functions.find(({ typeId }) => typeId === id)?.pc;
  if (pc === undefined) return refuse("exception callback type id not found in func_info");
  if (pc === 0) refuse("invalid exception callback insn_off in func_info: 0");
  return pc;
};
