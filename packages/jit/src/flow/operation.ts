import { findOperation, type OperationOf } from "@ebpf/asm";
import { invariant } from "@ebpf/core";

/** The row of an arithmetic operation that passes put in place of others. */
export const operation = (name: string): OperationOf<"alu"> => {
  const op = findOperation(name);
  invariant(op?.family === "alu", `${name} is a row of the operation table`);
  return op;
};
