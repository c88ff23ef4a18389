import type { Btf, BtfParameter, BtfType } from "@ebpf/btf";
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

/** Turns declarations among `types`, those of `btf` from its first id on, into definitions. */
export const defineExterns = (types: BtfType[], btf: Btf, externs: Externs): void => {
  defineKconfig(types, btf, externs);
  defineKsyms(types, btf);
};

const sectionOf = (types: readonly BtfType[], btf: Btf, name: string) => {
  const id = btf.findByName(name, "datasec");
  if (id === undefined) return undefined;
  const type = types[id - btf.firstId];
  return type?.kind === "datasec" ? { index: id - btf.firstId, type } : undefined;
};

const defineKconfig = (types: BtfType[], btf: Btf, { kconfig }: Externs): void => {
  const section = sectionOf(types, btf, KCONFIG);
  if (section === undefined) return;
  const places = new Map(kconfig.map((extern) => [extern.name, extern]));
  const variables = section.type.variables.flatMap((entry) => {
    const at = entry.type - btf.firstId;
    const variable = types[at];
    const place = variable?.kind === "var" ? places.get(variable.name) : undefined;
    if (variable?.kind !== "var" || place === undefined) return [];
    types[at] = { ...variable, linkage: "global" };
    return [{ ...entry, offset: place.offset, size: place.size }];
  });
  const last = kconfig.at(-1);
  types[section.index] = {
    ...section.type,
    size: last === undefined ? 0 : last.offset + last.size,
    variables: variables.sort((a, b) => a.offset - b.offset),
  };
};

const defineKsyms = (types: BtfType[], btf: Btf): void => {
  const section = sectionOf(types, btf, KSYMS);
  if (section === undefined) return;
  const wordId = types.findIndex((type) => type.kind === "int" && type.bits === 32) + btf.firstId;
  if (wordId < btf.firstId) return;
  let standInId: number | undefined;
  const variables = section.type.variables.map((entry, i) => {
    const at = entry.type - btf.firstId;
    const declared = types[at];
    let { type } = entry;
    if (declared?.kind === "func") {
      standInId ??= btf.firstId + types.push({ kind: "var", name: STAND_IN, type: wordId, linkage: "global" }) - 1;
      type = standInId;
      types[at] = { ...declared, linkage: "global" };
      nameParameters(types, declared.type - btf.firstId);
    } else if (declared?.kind === "var") {
      types[at] = { ...declared, linkage: "global", type: wordId };
    }
    return { type, offset: i * STAND_IN_SIZE, size: STAND_IN_SIZE };
  });
  types[section.index] = { ...section.type, size: variables.length * STAND_IN_SIZE, variables };
};

/** Functions that are defined have parameters with names. */
const nameParameters = (types: BtfType[], at: number): void => {
  const prototype = types[at];
  if (prototype?.kind !== "func_proto") return;
  const parameters = prototype.parameters.map(
    (parameter): BtfParameter =>
      parameter.name === "" && parameter.type !== 0 ? { ...parameter, name: STAND_IN } : parameter,
  );
  types[at] = { ...prototype, parameters };
};
