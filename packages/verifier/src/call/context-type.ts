import type { Btf, BtfType } from "@ebpf/btf";
import type { ProgramTypeName } from "@ebpf/platform";
import type { Program } from "../program/program.js";
import { reject } from "../report/reject.js";

/*
 * Which pointers in a global function's signature stand for the program's context: those to a structure of the
 * context's name, and those with the tag `ctx`, which then have to fit.
 */

/** Contexts that are no structure with a name: only the tag tells them. */
const UNNAMED: ReadonlySet<ProgramTypeName> = new Set(["tracepoint", "syscall", "lirc_mode2"]);

/** Types whose programs may call the context what they like. */
const ANY_NAME: ReadonlySet<ProgramTypeName> = new Set(["tracepoint", "syscall"]);

/** Types whose context is an array of words. */
const WORDS: ReadonlySet<ProgramTypeName> = new Set(["raw_tracepoint", "raw_tracepoint_writable"]);

/** Types whose programs may know the context as the registers that it begins with. */
const REGISTERS: ReadonlySet<ProgramTypeName> = new Set(["kprobe", "perf_event"]);
const REGISTERS_TYPEDEF = "bpf_user_pt_regs_t";

/** Other structures that stand for a context: the kernel's own behind a uapi view, and one called like the typedef. */
const ALIASES: Readonly<Record<string, string>> = {
  __sk_buff: "sk_buff",
  xdp_md: "xdp_buff",
  pt_regs: REGISTERS_TYPEDEF,
};

/** What stands behind the modifiers in front of a type, up to a typedef. */
const unmodified = (btf: Btf, id: number): BtfType => {
  const type = btf.type(id);
  const modifies =
    type.kind === "const" || type.kind === "volatile" || type.kind === "restrict" || type.kind === "type_tag";
  return modifies ? unmodified(btf, type.type) : type;
};

const isRegistersTypedef = (btf: Btf, id: number): boolean => {
  const type = unmodified(btf, id);
  return type.kind === "typedef" && type.name === REGISTERS_TYPEDEF;
};

/** Whether a pointer to the type is one to the context, by the type's name. */
export const namesContext = ({ rules, spec }: Program, btf: Btf, id: number): boolean => {
  if (spec.type === "kprobe" && isRegistersTypedef(btf, id)) return true;
  const type = btf.resolvedType(id);
  if (type.kind !== "struct" || UNNAMED.has(spec.type)) return false;
  const { name } = rules.context;
  return type.name === name || type.name === ALIASES[name];
};

/** Refuses a type behind a pointer with the tag `ctx` that the program type's context is not. */
export const checkTaggedContext = ({ rules, spec }: Program, btf: Btf, id: number, index: number): void => {
  const { type: program } = spec;
  if (REGISTERS.has(program) && isRegistersTypedef(btf, id)) return;
  const type = btf.resolvedType(id);
  if (type.kind === "void") return;
  if (!("name" in type) || type.name === "") reject("BAD_SIGNATURE", `arg#${index} type doesn't have a name`);
  const struct = type.kind === "struct";
  if (ANY_NAME.has(program)) return;
  if (REGISTERS.has(program) && struct && type.name === "pt_regs") return;
  if (WORDS.has(program) && type.kind === "int" && type.size === 8) return;
  if (UNNAMED.has(program)) reject("BAD_SIGNATURE", `arg#${index} should be void pointer`);
  if (!struct || type.name !== rules.context.name) {
    reject("BAD_SIGNATURE", `arg#${index} should be \`struct ${rules.context.name} *\``);
  }
};
