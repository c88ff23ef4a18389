import type { Btf, BtfFunc, BtfFuncProto, BtfType } from "@ebpf/btf";
import { isEbpfError } from "@ebpf/core";
import type { Program, Subprogram } from "../program/program.js";
import { reject } from "../report/reject.js";
import { checkTaggedContext, namesContext } from "./context-type.js";

/** What a global function takes in a register. */
export type Parameter =
  | { readonly kind: "scalar" }
  | { readonly kind: "context" }
  | { readonly kind: "dynptr" }
  /** An address in the arena; or any number, of which it is made. */
  | { readonly kind: "arena" }
  /** An object of a kernel type. */
  | { readonly kind: "kernel_object"; readonly nullable: boolean }
  /** Memory of a known size that the function may read and write. */
  | { readonly kind: "memory"; readonly size: number; readonly nullable: boolean };

const MAX_PARAMETERS = 5;
const TAGS: ReadonlySet<string> = new Set(["ctx", "trusted", "untrusted", "nonnull", "nullable", "arena"]);

/** A parameter of a function, with the tags that it carries, without their prefix `arg:`. */
interface Declared {
  readonly btf: Btf;
  readonly index: number;
  readonly tags: ReadonlySet<string>;
}

const refuse = (message: string): never => reject("BAD_SIGNATURE", message);

const tagsOf = (btf: Btf, functionId: number, index: number): ReadonlySet<string> => {
  const tags = new Set<string>();
  for (const type of btf.types) {
    if (type.kind !== "decl_tag" || type.type !== functionId || type.component !== index) continue;
    if (!type.name.startsWith("arg:")) continue;
    const tag = type.name.slice("arg:".length);
    if (!TAGS.has(tag)) refuse(`arg#${index} has unsupported set of tags`);
    tags.add(tag);
  }
  return tags;
};

/** The parameter carries a tag, and at most the others that may go with it; `what` says so of others. */
const isTagged = ({ tags, index }: Declared, tag: string, what = "has invalid combination of tags"): boolean => {
  if (!tags.has(tag)) return false;
  if (tags.size > 1) refuse(`arg#${index} ${what}`);
  return true;
};

const checkUntagged = ({ tags, index }: Declared): void => {
  if (tags.size > 0) refuse(`arg#${index} has invalid combination of tags`);
};

/** Structures, and structures that are only declared. */
const isDynptr = (type: BtfType): boolean =>
  (type.kind === "struct" || (type.kind === "fwd" && type.target === "struct")) && type.name === "bpf_dynptr";

/** How messages name a kind of type. */
const kindName = (type: BtfType): string => (type.kind === "void" ? "UNKNOWN" : type.kind.toUpperCase());

const memoryParameter = ({ btf, index, tags }: Declared, target: number): Parameter => {
  if (tags.has("nullable")) refuse(`arg#${index} has invalid combination of tags`);
  try {
    return { kind: "memory", size: btf.sizeOf(target), nullable: !tags.has("nonnull") };
  } catch (error) {
    if (!isEbpfError(error)) throw error;
    const type = btf.resolvedType(target);
    const name = `${kindName(type)} ${"name" in type ? type.name : ""}`;
    return refuse(`arg#${index} reference type('${name}') size cannot be determined: -22`);
  }
};

const pointerParameter = (program: Program, declared: Declared, target: number): Parameter => {
  const { btf, index, tags } = declared;
  if (tags.has("ctx") || namesContext(program, btf, target)) {
    if ([...tags].some((tag) => tag !== "ctx")) refuse(`arg#${index} has invalid combination of tags`);
    if (tags.has("ctx")) checkTaggedContext(program, btf, target, index);
    return { kind: "context" };
  }
  if (isDynptr(btf.resolvedType(target))) {
    checkUntagged(declared);
    return { kind: "dynptr" };
  }
  if (tags.has("trusted")) {
    if (tags.has("nonnull")) refuse(`arg#${index} has invalid combination of tags`);
    return { kind: "kernel_object", nullable: tags.has("nullable") };
  }
  if (isTagged(declared, "untrusted", "untrusted cannot be combined with any other tags")) {
    return reject("UNSUPPORTED_GLOBAL_FUNCTION", "parameters that may be any address are not modelled yet");
  }
  if (isTagged(declared, "arena", "arena cannot be combined with any other tags")) return { kind: "arena" };
  return memoryParameter(declared, target);
};

const parameterOf = (program: Program, name: string, declared: Declared, id: number): Parameter => {
  const { btf, index, tags } = declared;
  const type = btf.resolvedType(id);
  if (type.kind === "ptr") return pointerParameter(program, declared, type.type);
  if (tags.size > 0) refuse(`arg#${index} has pointer tag, but is not a pointer type`);
  if (type.kind === "int" || type.kind === "enum" || type.kind === "enum64") return { kind: "scalar" };
  return refuse(`Arg#${index} type ${kindName(type)} in ${name}() is not supported yet.`);
};

const checkShape = (btf: Btf, { name }: BtfFunc, { parameters, returnType }: BtfFuncProto): void => {
  if (parameters.length > MAX_PARAMETERS) {
    refuse(`Global function ${name}() with ${parameters.length} > ${MAX_PARAMETERS} args. Buggy compiler.`);
  }
  const result = btf.resolvedType(returnType).kind;
  if (result !== "int" && result !== "enum" && result !== "enum64") {
    refuse(`Global function ${name}() doesn't return scalar. Only those are supported.`);
  }
};

/** The parameters of a global function by its BTF; rejects functions whose signature Linux doesn't take. */
export const signatureOf = (program: Program, { start, name }: Subprogram): readonly Parameter[] => {
  const { btf, functions } = program.spec;
  const functionId = functions.find(({ pc }) => pc === start)?.typeId;
  const type = functionId === undefined ? undefined : btf?.types[functionId];
  const prototype = type?.kind === "func" ? btf?.types[type.type] : undefined;
  if (btf === undefined || functionId === undefined || type?.kind !== "func" || prototype?.kind !== "func_proto") {
    return reject("UNSUPPORTED_GLOBAL_FUNCTION", `global function ${name} has no types`);
  }
  checkShape(btf, type, prototype);
  return prototype.parameters.map((parameter, index) =>
    parameterOf(program, type.name, { btf, index, tags: tagsOf(btf, functionId, index) }, parameter.type),
  );
};
