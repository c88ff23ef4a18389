import type { Scalar } from "../../domain/scalar.js";
import * as S from "../../domain/scalar.js";
import * as W from "../../domain/word.js";
import { isPacketPointer, isScalar, kindName, type Register } from "../../state/register.js";
import { formatSigned, formatTnum, formatUnsigned, isDecimal } from "../format.js";

/*
 * A register's abstract value as Linux 6.18 prints it: `R1=scalar(id=1,smin=0,smax=umax=255,var_off=(0x0; 0xff))`.
 */

/** A bound with its name; `undefined` where it says nothing. */
interface Bound {
  readonly name: string;
  readonly signed: boolean;
  readonly value: bigint | undefined;
}

/** 32-bit bounds are printed by their own 32 bits when in hexadecimal, and then compared by these. */
const signed32 = (value: number): bigint => (isDecimal(BigInt(value)) ? BigInt(value) : BigInt(value >>> 0));

const unless = <T extends number | bigint>(value: T, nothing: T): bigint | undefined =>
  value === nothing ? undefined : BigInt(value);

const boundsOf = ({ u64, s64, u32, s32 }: Scalar): Bound[] => [
  { name: "smin", signed: true, value: unless(W.toSignedBigInt(s64.min), -(1n << 63n)) },
  { name: "smax", signed: true, value: unless(W.toSignedBigInt(s64.max), (1n << 63n) - 1n) },
  { name: "umin", signed: false, value: unless(W.toBigInt(u64.min), 0n) },
  { name: "umax", signed: false, value: unless(W.toBigInt(u64.max), (1n << 64n) - 1n) },
  { name: "smin32", signed: true, value: s32.min === -0x8000_0000 ? undefined : signed32(s32.min) },
  { name: "smax32", signed: true, value: s32.max === 0x7fff_ffff ? undefined : signed32(s32.max) },
  { name: "umin32", signed: false, value: unless(u32.min, 0) },
  { name: "umax32", signed: false, value: unless(u32.max, 0xffff_ffff) },
];

/** Minima with the same value share one mention, and so do maxima: `smin=umin=1`. */
const formatBounds = (scalar: Scalar): string[] => {
  const bounds = boundsOf(scalar);
  const told = new Set<Bound>();
  const parts: string[] = [];
  bounds.forEach((bound, index) => {
    const { value, signed } = bound;
    if (value === undefined || told.has(bound)) return;
    const bits = BigInt.asUintN(64, value);
    const negative = signed && value < 0n;
    const same = bounds.filter(
      (other, at) =>
        at >= index &&
        (at - index) % 2 === 0 &&
        other.value !== undefined &&
        !told.has(other) &&
        BigInt.asUintN(64, other.value) === bits &&
        (other.signed && other.value < 0n) === negative,
    );
    for (const other of same) told.add(other);
    const names = same.map(({ name }) => `${name}=`).join("");
    parts.push(`${names}${signed ? formatSigned(value) : formatUnsigned(value)}`);
  });
  return parts;
};

const MAP_KINDS: readonly Register["kind"][] = ["map_ptr", "map_value", "map_key"];

/** The kernel keeps no more of a map's name. */
const MAX_NAME = 15;

/** The kernel knows the shape of inner maps, and no name. */
const formatMap = ({ kind, map, mapId }: Register): string[] => {
  if (!MAP_KINDS.includes(kind) || map === undefined) return [];
  const name = mapId === 0 ? map.name.slice(0, MAX_NAME) : "";
  return [...(name === "" ? [] : [`map=${name}`]), `ks=${map.keySize}`, `vs=${map.valueSize}`];
};

const formatVariable = (value: Scalar): string[] => {
  const known = S.constantValue(value);
  if (known !== undefined) return W.isZero(known) ? [] : [`imm=${formatSigned(W.toSignedBigInt(known))}`];
  const { bits } = value;
  const anyBits = W.equal(bits.mask, W.ONES);
  return [...formatBounds(value), ...(anyBits ? [] : [`var_off=${formatTnum(bits)}`])];
};

const formatLink = ({ id, delta, deltaBits }: Register): string[] => {
  if (id === 0) return [];
  return [deltaBits === 0 ? `id=${id}` : `id=${id}${delta < 0 ? "" : "+"}${delta}`];
};

const formatParts = (register: Register): string[] => {
  const { kind, offset, reference, range, size, value } = register;
  return [
    ...formatLink(register),
    ...(reference === 0 ? [] : [`ref_obj_id=${reference}`]),
    ...formatMap(register),
    ...(offset === 0 ? [] : [`off=${formatSigned(BigInt(offset))}`]),
    ...(isPacketPointer(register) ? [`r=${formatUnsigned(BigInt.asUintN(64, BigInt(range)))}`] : []),
    ...(kind === "mem" ? [`sz=${formatUnsigned(BigInt(size >>> 0))}`] : []),
    ...(kind === "dynptr_ptr" ? [`type=${register.dynptr}`] : []),
    ...formatVariable(value),
  ];
};

/** The value of a register or of a spilled one, in a frame; `precise` numbers have a P before them. */
export const formatRegister = (register: Register, frame: number, precise: boolean): string => {
  const known = S.constantValue(register.value);
  if (isScalar(register)) {
    const mark = precise ? "P" : "";
    if (known !== undefined) return `${mark}${formatSigned(W.toSignedBigInt(known))}`;
    return `${mark}scalar(${formatParts(register).join(",")})`;
  }
  if (register.kind === "arena") return "arena";
  if (register.kind !== "fp") return `${kindName(register)}(${formatParts(register).join(",")})`;
  const name = register.frame === frame ? "fp" : `fp[${register.frame}]`;
  if (known === undefined) return `${name}(${formatParts(register).join(",")})`;
  return `${name}${formatSigned(W.toSignedBigInt(known) + BigInt(register.offset))}`;
};
