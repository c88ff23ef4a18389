import type { Btf, BtfParameter } from "@ebpf/btf";
import { isEbpfError } from "@ebpf/core";
import type { Program, Subprogram } from "../program/program.js";
import { reject } from "../report/reject.js";

/** What a global function takes in a register. */
export type Parameter =
  | { readonly kind: "scalar" }
  | { readonly kind: "context" }
  | { readonly kind: "dynptr" }
  /** An address in the arena; or any number, of which it is made. */
  | { readonly kind: "arena" }
  /** Memory of a known size that the function may read and write. */
  | { readonly kind: "memory"; readonly size: number; readonly nullable: boolean };

const MAX_PARAMETERS = 5;
const WORD_BYTES = 8;

/** Names under which programs know a context, beside the layout's own. */
const CONTEXT_ALIASES: Readonly<Record<string, readonly string[]>> = {
  pt_regs: ["bpf_user_pt_regs_t", "user_pt_regs"],
};

/** Tags that a function's parameter carries, such as `nonnull`, without their prefix. */
const tagsOf = (btf: Btf, functionId: number, index: number): string[] =>
  btf.types.flatMap((type) =>
    type.kind === "decl_tag" && type.type === functionId && type.component === index && type.name.startsWith("arg:")
      ? [type.name.slice("arg:".length)]
      : [],
  );

/** The name of what a pointer points to: of the first typedef, structure or union behind its modifiers. */
const targetName = (btf: Btf, id: number): string | undefined => {
  const type = btf.type(id);
  if (type.kind === "const" || type.kind === "volatile" || type.kind === "type_tag") return targetName(btf, type.type);
  return "name" in type ? type.name : undefined;
};

const isContext = ({ rules }: Program, name: string | undefined): boolean =>
  name !== undefined && (name === rules.context.name || CONTEXT_ALIASES[rules.context.name]?.includes(name) === true);

const KNOWN_TAGS: ReadonlySet<string> = new Set(["ctx", "nonnull", "arena"]);

const pointerParameter = (
  program: Program,
  btf: Btf,
  target: number,
  tags: readonly string[],
): Parameter | undefined => {
  if (tags.includes("arena")) return tags.length === 1 ? { kind: "arena" } : undefined;
  const name = targetName(btf, target);
  if (tags.includes("ctx") || isContext(program, name)) return { kind: "context" };
  if (name === "bpf_dynptr") return tags.length === 0 ? { kind: "dynptr" } : undefined;
  return { kind: "memory", size: btf.sizeOf(target), nullable: !tags.includes("nonnull") };
};

const parameterOf = (
  program: Program,
  btf: Btf,
  { type: id }: BtfParameter,
  tags: readonly string[],
): Parameter | undefined => {
  if (tags.some((tag) => !KNOWN_TAGS.has(tag))) return undefined;
  const type = btf.resolvedType(id);
  switch (type.kind) {
    case "int":
    case "enum":
    case "enum64":
      return type.size <= WORD_BYTES ? { kind: "scalar" } : undefined;
    case "ptr":
      return pointerParameter(program, btf, type.type, tags);
    default:
      return undefined;
  }
};

const readSignature = (program: Program, { start }: Subprogram): readonly (Parameter | undefined)[] | undefined => {
  const { btf, functions } = program.spec;
  const functionId = functions.find(({ pc }) => pc === start)?.typeId;
  const type = functionId === undefined ? undefined : btf?.type(functionId);
  if (btf === undefined || functionId === undefined || type?.kind !== "func") return undefined;
  const prototype = btf.type(type.type);
  if (prototype.kind !== "func_proto" || prototype.parameters.length > MAX_PARAMETERS) return undefined;
  const result = btf.resolvedType(prototype.returnType).kind;
  if (result !== "int" && result !== "enum" && result !== "enum64") return undefined;
  return prototype.parameters.map((parameter, index) =>
    parameterOf(program, btf, parameter, tagsOf(btf, functionId, index)),
  );
};

/** The parameters of a global function by its BTF; rejects functions whose signature is not modelled. */
export const signatureOf = (program: Program, subprogram: Subprogram): readonly Parameter[] => {
  let parameters: readonly (Parameter | undefined)[] | undefined;
  try {
    parameters = readSignature(program, subprogram);
  } catch (error) {
    // Types without a size, or malformed ones: the signature says nothing.
    if (!isEbpfError(error)) throw error;
  }
  const known = parameters?.filter((parameter) => parameter !== undefined);
  if (known === undefined || known.length !== parameters?.length) {
    reject("UNSUPPORTED_GLOBAL_FUNCTION", `the signature of global function ${subprogram.name} is not modelled`);
  }
  return known;
};
