import type { Size } from "@ebpf/asm";
import type { Cells, Step } from "./step.js";

/** Where an access goes: the pair that holds the base address, and a displacement in bytes. */
export interface Place {
  readonly base: number;
  readonly offset: number;
}

type BuildLoad = (view: DataView, r: Cells, d: number, place: Place, next: number) => Step;

const ZERO_EXTENDING: Readonly<Record<Size, BuildLoad>> = {
  1:
    (view, r, d, { base, offset }, next) =>
    () => {
      r[d] = view.getUint8((r[base]! + offset) >>> 0);
      r[d + 1] = 0;
      return next;
    },
  2:
    (view, r, d, { base, offset }, next) =>
    () => {
      r[d] = view.getUint16((r[base]! + offset) >>> 0, true);
      r[d + 1] = 0;
      return next;
    },
  4:
    (view, r, d, { base, offset }, next) =>
    () => {
      r[d] = view.getInt32((r[base]! + offset) >>> 0, true);
      r[d + 1] = 0;
      return next;
    },
  8:
    (view, r, d, { base, offset }, next) =>
    () => {
      const address = (r[base]! + offset) >>> 0;
      r[d] = view.getInt32(address, true);
      r[d + 1] = view.getInt32(address + 4, true);
      return next;
    },
};

const SIGN_EXTENDING: Readonly<Record<Size, BuildLoad>> = {
  1:
    (view, r, d, { base, offset }, next) =>
    () => {
      const value = view.getInt8((r[base]! + offset) >>> 0);
      r[d] = value;
      r[d + 1] = value >> 31;
      return next;
    },
  2:
    (view, r, d, { base, offset }, next) =>
    () => {
      const value = view.getInt16((r[base]! + offset) >>> 0, true);
      r[d] = value;
      r[d + 1] = value >> 31;
      return next;
    },
  4:
    (view, r, d, { base, offset }, next) =>
    () => {
      const value = view.getInt32((r[base]! + offset) >>> 0, true);
      r[d] = value;
      r[d + 1] = value >> 31;
      return next;
    },
  8: ZERO_EXTENDING[8],
};

/** RFC 9669 §5.1 and §5.2: loads into pair `d`. */
export const loadStep = (
  { size, signed }: { readonly size: Size; readonly signed: boolean },
  [view, r]: readonly [DataView, Cells],
  [d, place]: readonly [number, Place],
  next: number,
): Step => (signed ? SIGN_EXTENDING : ZERO_EXTENDING)[size](view, r, d, place, next);

type BuildStore = (view: DataView, r: Cells, s: number, place: Place, next: number) => Step;

const STORES: Readonly<Record<Size, BuildStore>> = {
  1:
    (view, r, s, { base, offset }, next) =>
    () => {
      view.setInt8((r[base]! + offset) >>> 0, r[s]!);
      return next;
    },
  2:
    (view, r, s, { base, offset }, next) =>
    () => {
      view.setInt16((r[base]! + offset) >>> 0, r[s]!, true);
      return next;
    },
  4:
    (view, r, s, { base, offset }, next) =>
    () => {
      view.setInt32((r[base]! + offset) >>> 0, r[s]!, true);
      return next;
    },
  8:
    (view, r, s, { base, offset }, next) =>
    () => {
      const address = (r[base]! + offset) >>> 0;
      const high = r[s + 1]!;
      view.setInt32(address, r[s]!, true);
      view.setInt32(address + 4, high, true);
      return next;
    },
};

/** RFC 9669 §5.1: stores of pair `s`. */
export const storeStep = (
  size: Size,
  [view, r]: readonly [DataView, Cells],
  [s, place]: readonly [number, Place],
  next: number,
): Step => STORES[size](view, r, s, place, next);
