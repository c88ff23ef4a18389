import type { KernelMember, KernelStructure } from "@ebpf/platform";
import { unknownOf } from "../domain/cast.js";
import { reject } from "../report/reject.js";
import { pointerRegister, type Register, scalarRegister } from "../state/register.js";
import type { Walk } from "../walk.js";
import type { Access } from "./access.js";

/*
 * A map itself is a structure of the kernel's, which programs may read by members: whole pointers, and any bytes of
 * numbers and of arrays of numbers.
 *
 * Soundness: a number that is read is unknown; an object that is pointed to can't be used yet.
 */

/** A place within a structure. */
interface Place {
  readonly structure: KernelStructure;
  /** Bytes from the structure's start. */
  readonly at: number;
  readonly size: number;
  /** The structure lies in a union, so that another member may be there. */
  readonly ambiguous: boolean;
}

const nameOf = ({ name }: KernelStructure): string => (name === "" ? "(anon)" : name);

/** Behind a structure there may be as many numbers as its last member, an array without a length, has. */
const liesInTail = ({ structure, at }: Place): boolean => {
  const last = structure.members.at(-1);
  return last !== undefined && last.size === 0 && last.holds === "number" && at >= last.offset;
};

const memberAt = ({ structure, at }: Place): KernelMember | undefined =>
  structure.members.find(({ offset, size: length }) => offset <= at && at < offset + length);

const readPointer = ({ structure, at, size }: Place, { name, offset, holds }: KernelMember): "number" | "object" => {
  const start = at - ((at - offset) % POINTER_SIZE);
  if (size !== POINTER_SIZE || at !== start) {
    const place = `${name} with moff ${start} in struct ${nameOf(structure)} with off ${at} size ${size}`;
    reject("OUT_OF_BOUNDS", `cannot access ptr member ${place}`);
  }
  return holds === "object" ? "object" : "number";
};

const POINTER_SIZE = 8;

/** What stands at a place: a number, or a pointer to an object. */
const readMember = (place: Place): "number" | "object" => {
  const { structure, at, size } = place;
  const ambiguous = place.ambiguous || (structure.union === true && structure.members.length !== 1);
  if (at + size > structure.size) {
    if (liesInTail(place)) return "number";
    reject("OUT_OF_BOUNDS", `access beyond struct ${nameOf(structure)} at off ${at} size ${size}`);
  }
  const member = memberAt(place);
  if (member === undefined) {
    return reject("OUT_OF_BOUNDS", `struct ${nameOf(structure)} doesn't have field at offset ${at}`);
  }
  const { name, offset, holds } = member;
  if (typeof holds !== "string") {
    return readMember({ structure: holds, at: (at - offset) % holds.size, size, ambiguous });
  }
  if (holds !== "number") return readPointer(place, member);
  const end = offset + member.size;
  if (at + size > end && !ambiguous) {
    const inside = `in struct ${nameOf(structure)} with off ${at} size ${size}`;
    reject("OUT_OF_BOUNDS", `access beyond the end of member ${name} (mend:${end}) ${inside}`);
  }
  return "number";
};

export const accessMap = ({ platform }: Walk, { kind, pointer, offset, register, size }: Access): Register => {
  const structure = platform.mapTypes[pointer.map!.type]?.structure;
  if (structure === undefined) {
    return reject("UNSUPPORTED_ACCESS", `what maps of type ${pointer.map!.type} consist of is not known`, register);
  }
  const at = pointer.offset + offset;
  if (at < 0) {
    reject("NEGATIVE_OFFSET", `R${register} is ${structure.name} invalid negative access: off=${at}`, register);
  }
  if (kind === "write") reject("READ_ONLY", `only read from ${structure.name} is supported`, register);
  const value = readMember({ structure, at, size, ambiguous: false });
  return value === "object" ? pointerRegister("ptr") : scalarRegister(unknownOf(size));
};
