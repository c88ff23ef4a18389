/*
 * The types of the BPF Type Format as plain values. A type refers to others by id; id 0 is `void`.
 * Format: Linux documentation, "BPF Type Format (BTF)", §2.
 */

/** Linkage of a function. */
export type FuncLinkage = "static" | "global" | "extern";

/** Linkage of a variable. */
export type VarLinkage = "static" | "global" | "extern";

/** How the bits of an integer are meant; `none` is a plain unsigned number. */
export type IntEncoding = "none" | "signed" | "char" | "bool";

/** A member of a structure or union. */
export interface BtfMember {
  /** Empty for an anonymous member. */
  readonly name: string;
  readonly type: number;
  /** Bits from the start of the structure. */
  readonly bitOffset: number;
  /** Bits of a bitfield; 0 for a member that takes its type's whole size. */
  readonly bitSize: number;
}

/** A parameter of a function; name "" and type 0 stand for the `...` at the end. */
export interface BtfParameter {
  readonly name: string;
  readonly type: number;
}

/** A variable of a data section. */
export interface BtfSectionVariable {
  /** Id of a `var`, or of a `func` for an extern function. */
  readonly type: number;
  /** Bytes from the start of the section. */
  readonly offset: number;
  /** Bytes. */
  readonly size: number;
}

/** The type with id 0. */
export interface BtfVoid {
  readonly kind: "void";
}

/** An integer, a character or a truth value. */
export interface BtfInt {
  readonly kind: "int";
  readonly name: string;
  /** Bytes in memory. */
  readonly size: number;
  readonly encoding: IntEncoding;
  /** Bits that hold the value, from `bitOffset`; fewer than 8 × `size` only in bitfields of old compilers. */
  readonly bits: number;
  readonly bitOffset: number;
}

/** A pointer to a type. */
export interface BtfPtr {
  readonly kind: "ptr";
  readonly type: number;
}

/** An array of a fixed length. */
export interface BtfArray {
  readonly kind: "array";
  readonly elementType: number;
  readonly indexType: number;
  readonly length: number;
}

/** A structure or union. */
export interface BtfComposite<K extends "struct" | "union" = "struct" | "union"> {
  readonly kind: K;
  /** Empty for an anonymous one. */
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  readonly members: readonly BtfMember[];
}

/** An enumeration whose values fit into 32 bits. */
export interface BtfEnum {
  readonly kind: "enum";
  readonly name: string;
  /** Bytes: 1, 2, 4 or 8; 0 for an enumeration that is only declared. */
  readonly size: number;
  readonly signed: boolean;
  readonly values: readonly { readonly name: string; readonly value: number }[];
}

/** An enumeration with values of up to 64 bits. */
export interface BtfEnum64 {
  readonly kind: "enum64";
  readonly name: string;
  readonly size: number;
  readonly signed: boolean;
  readonly values: readonly { readonly name: string; readonly value: bigint }[];
}

/** A structure or union that is only declared. */
export interface BtfFwd {
  readonly kind: "fwd";
  readonly name: string;
  readonly target: "struct" | "union";
}

/** Another name for a type. */
export interface BtfTypedef {
  readonly kind: "typedef";
  readonly name: string;
  readonly type: number;
}

/** A qualifier of another type. */
export interface BtfModifier<K extends "volatile" | "const" | "restrict"> {
  readonly kind: K;
  readonly type: number;
}

/** A function, by name. */
export interface BtfFunc {
  readonly kind: "func";
  readonly name: string;
  /** Id of its `func_proto`. */
  readonly type: number;
  readonly linkage: FuncLinkage;
}

/** A function's parameters and result. */
export interface BtfFuncProto {
  readonly kind: "func_proto";
  readonly returnType: number;
  readonly parameters: readonly BtfParameter[];
}

/** A global variable. */
export interface BtfVar {
  readonly kind: "var";
  readonly name: string;
  readonly type: number;
  readonly linkage: VarLinkage;
}

/** A section of global variables. */
export interface BtfDatasec {
  readonly kind: "datasec";
  /** Name of the ELF section. */
  readonly name: string;
  /** Bytes; compilers leave 0 here for the loader to fill in. */
  readonly size: number;
  readonly variables: readonly BtfSectionVariable[];
}

/** A floating-point number. */
export interface BtfFloat {
  readonly kind: "float";
  readonly name: string;
  readonly size: number;
}

/** `btf_decl_tag("name")` on a declaration. */
export interface BtfDeclTag {
  readonly kind: "decl_tag";
  /** The tag's text. */
  readonly name: string;
  readonly type: number;
  /** Index of the tagged member or parameter; -1 when `type` itself is tagged. */
  readonly component: number;
  /** True when `name` is any `__attribute__` instead of a tag. */
  readonly attribute: boolean;
}

/** `btf_type_tag("name")` on a type. */
export interface BtfTypeTag {
  readonly kind: "type_tag";
  /** The tag's text. */
  readonly name: string;
  readonly type: number;
  /** True when `name` is any `__attribute__` instead of a tag. */
  readonly attribute: boolean;
}

/** A type, told apart by `kind`. */
export type BtfType =
  | BtfVoid
  | BtfInt
  | BtfPtr
  | BtfArray
  | BtfComposite<"struct">
  | BtfComposite<"union">
  | BtfEnum
  | BtfFwd
  | BtfTypedef
  | BtfModifier<"volatile">
  | BtfModifier<"const">
  | BtfModifier<"restrict">
  | BtfFunc
  | BtfFuncProto
  | BtfVar
  | BtfDatasec
  | BtfFloat
  | BtfDeclTag
  | BtfTypeTag
  | BtfEnum64;

/** What tells types apart. */
export type BtfKind = BtfType["kind"];

/** The type of a given kind. */
export type BtfTypeOf<K extends BtfKind> = Extract<BtfType, { readonly kind: K }>;
