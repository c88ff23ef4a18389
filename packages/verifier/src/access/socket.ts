import { unknownOf } from "../domain/cast.js";
import * as W from "../domain/word.js";
import { reject } from "../report/reject.js";
import { kindName, type Register, scalarRegister } from "../state/register.js";
import type { Walk } from "../walk.js";
import type { Access } from "./access.js";

/** Bytes of struct bpf_sock, whose fields are 4 bytes each. */
const SOCK_SIZE = 80;
/** Its addresses, as [from, to): any part of them may be read. */
const ADDRESSES = [
  [24, 44],
  [52, 72],
] as const;
/** Family, type, protocol, source port, state, receive queue: parts are read from the first byte on. */
const HEADS: readonly number[] = [4, 8, 12, 44, 72, 76];
/** The destination port: 2 bytes, followed by 2 bytes of padding that are only read with it. */
const PORT = 48;
/** Fields `type` to `priority` of a socket are only there for full sockets. */
const FULL_ONLY = [8, 24] as const;
/** struct bpf_tcp_sock: 4-byte fields but for two counters of 8 bytes. */
const TCP_SOCK_SIZE = 112;
const TCP_WIDE_FIELDS = [80, 88];

const mayNarrow = (offset: number, size: number): boolean =>
  HEADS.includes(offset) ||
  (offset >= PORT && offset + size <= PORT + 2) ||
  ADDRESSES.some(([from, to]) => offset >= from && offset < to);

const socketAllows = (offset: number, size: number, full: boolean): boolean => {
  if (offset < 0 || offset + size > SOCK_SIZE || offset % size !== 0 || size === 8) return false;
  if (!full && offset >= FULL_ONLY[0] && offset < FULL_ONLY[1]) return false;
  return size === 4 || mayNarrow(offset, size);
};

const tcpSocketAllows = (offset: number, size: number): boolean =>
  offset >= 0 &&
  offset + size <= TCP_SOCK_SIZE &&
  offset % size === 0 &&
  size === (TCP_WIDE_FIELDS.includes(offset & ~7) ? 8 : 4);

/** struct bpf_xdp_sock: the number of its queue. */
const xdpSocketAllows = (offset: number, size: number): boolean => offset === 0 && size === 4;

const allows = (kind: Register["kind"], offset: number, size: number): boolean => {
  if (kind === "tcp_sock") return tcpSocketAllows(offset, size);
  return kind === "xdp_sock" ? xdpSocketAllows(offset, size) : socketAllows(offset, size, kind === "sock");
};

/** Sockets are read only, at known offsets, field by field. */
export const accessSocket = (_walk: Walk, access: Access): Register => {
  const { register, pointer, offset, size } = access;
  const name = kindName(pointer);
  if (access.kind === "write") reject("READ_ONLY", `R${register} cannot write into ${name}`, register);
  if (W.less(pointer.value.s64.min, W.ZERO)) {
    reject(
      "NEGATIVE_OFFSET",
      `R${register} min value is negative, either use unsigned index or do a if (index >=0) check.`,
      register,
    );
  }
  const at = pointer.offset + offset;
  if (!allows(pointer.kind, at, size)) {
    reject("OUT_OF_BOUNDS", `R${register} invalid ${name} access off=${at} size=${size}`, register);
  }
  return scalarRegister(unknownOf(size));
};
