import type { Btf, BtfParameter } from "@ebpf/btf";
import type { TypeEdits } from "../object-btf.js";
import { type Externs, KCONFIG, KSYMS } from "./collect.js";

/*
 * The kernel takes no BTF that declares things without defining them. What an object declares is therefore turned into
 * definitions: configuration values are variables of the map `.kconfig`, and symbols of the kernel are dressed up as
 * variables of four bytes each that nothing ever looks at.
 */

/** Bytes of a variable that stands for a symbol of the kernel. */
const STAND_IN_SIZE = 4;
/** Name of the variable that stands for functions, and of their nameless parameters. */
const STAND_IN = "dummy_ksym";

/** Turns declarations into definitions. */
export const defineExterns = (edits: TypeEdits, externs: Externs): void => {
  defineKconfig(edits, externs);
  defineKsyms(edits);
};

const sectionOf = (edits: TypeEdits, name: string) => {
  const id = edits.btf.findByName(name, "datasec");
  const type = id === undefined ? undefined : edits.type(id);
  return id !== undefined && type?.kind === "datasec" ? { id, type } : undefined;
};

const defineKconfig = (edits: TypeEdits, { kconfig }: Externs): void => {
  const section = sectionOf(edits, KCONFIG);
  if (section === undefined) return;
  const places = new Map(kconfig.map((extern) => [extern.name, extern]));
  const variables = section.type.variables.flatMap((entry) => {
    const variable = edits.type(entry.type);
    const place = variable.kind === "var" ? places.get(variable.name) : undefined;
    if (variable.kind !== "var" || place === undefined) return [];
    edits.set(entry.type, { ...variable, linkage: "global" });
    return [{ ...entry, offset: place.offset, size: place.size }];
  });
  const last = kconfig.at(-1);
  edits.set(section.id, {
    ...section.type,
    size: last === undefined ? 0 : last.offset + last.size,
    variables: variables.sort((a, b) => a.offset - b.offset),
  });
};

const defineKsyms = (edits: TypeEdits): void => {
  const section = sectionOf(edits, KSYMS);
  const wordId = section && wordOf(edits.btf);
  if (section === undefined || wordId === undefined) return;
  let standInId: number | undefined;
  const variables = section.type.variables.map((entry, i) => {
    const declared = edits.type(entry.type);
    let { type } = entry;
    if (declared.kind === "func") {
      standInId ??= edits.add({ kind: "var", name: STAND_IN, type: wordId, linkage: "global" });
      type = standInId;
      edits.set(entry.type, { ...declared, linkage: "global" });
      nameParameters(edits, declared.type);
    } else if (declared.kind === "var") {
      edits.set(entry.type, { ...declared, linkage: "global", type: wordId });
    }
    return { type, offset: i * STAND_IN_SIZE, size: STAND_IN_SIZE };
  });
  edits.set(section.id, { ...section.type, size: variables.length * STAND_IN_SIZE, variables });
};

/** An integer of four bytes. */
const wordOf = (btf: Btf): number | undefined => {
  for (let id = btf.firstId; id < btf.typeCount; id++) {
    const type = btf.type(id);
    if (type.kind === "int" && type.bits === 32) return id;
  }
  return undefined;
};

/** Functions that are defined have parameters with names. */
const nameParameters = (edits: TypeEdits, id: number): void => {
  const prototype = edits.type(id);
  if (prototype.kind !== "func_proto") return;
  const parameters = prototype.parameters.map(
    (parameter): BtfParameter =>
      parameter.name === "" && parameter.type !== 0 ? { ...parameter, name: STAND_IN } : parameter,
  );
  edits.set(id, { ...prototype, parameters });
};
