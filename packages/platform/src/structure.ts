/** A structure or union of the kernel's own, by bytes. Anonymous ones have an empty name. */
export interface KernelStructure {
  readonly name: string;
  readonly size: number;
  /** What lies where depends on more than the type. */
  readonly union?: true;
  /** In the order of their declaration. An array without a length has size 0. */
  readonly members: readonly KernelMember[];
}

/** A member of a structure of the kernel's; for arrays, all of their elements. */
export interface KernelMember {
  readonly name: string;
  /** Bytes from the start of the structure. */
  readonly offset: number;
  readonly size: number;
  /** What it is, or what its elements are: numbers, pointers to structures, other pointers, structures. */
  readonly holds: "number" | "object" | "address" | KernelStructure;
}
