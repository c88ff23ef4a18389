import type { Btf } from "@ebpf/btf";
import { lazy } from "../lazy.js";
import type { CodeFunction, FunctionTable } from "./functions.js";

/** The tag of a program that names the function to be run when it throws. */
const TAG = "exception_callback:";

/** Finds the callbacks that programs name. A program that names several is left to the verifier, which refuses it. */
export const exceptionCallbacks = (
  btf: Btf | undefined,
  table: FunctionTable,
): ((entry: CodeFunction) => CodeFunction | undefined) => {
  const names = lazy(() => {
    const found = new Map<string, string[]>();
    for (const tag of btf?.types ?? []) {
      if (tag.kind !== "decl_tag" || tag.component !== -1 || !tag.name.startsWith(TAG)) continue;
      const program = btf?.type(tag.type);
      if (program?.kind !== "func") continue;
      found.set(program.name, [...(found.get(program.name) ?? []), tag.name.slice(TAG.length)]);
    }
    return found;
  });
  return (entry) => {
    const [name, ...others] = names().get(entry.name) ?? [];
    if (name === undefined || others.length > 0) return undefined;
    return table.all.find((part) => part.name === name && part.linkage === "global");
  };
};
