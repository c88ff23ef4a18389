import type { Btf } from "@ebpf/btf";
import { type ByteOrder, ByteWriter } from "@ebpf/core";
import { ElfError } from "../errors.js";
import type { KernelDescription, ReadOptions } from "../options.js";
import type { KconfigExtern } from "./collect.js";

/**
 * Reads the text of a kernel's configuration file, such as `/boot/config-6.18.0` or the unpacked `/proc/config.gz`.
 *
 * @returns the values by name, for `ReadOptions.kconfig`
 */
export const parseKconfig = (text: string): Readonly<Record<string, string>> =>
  Object.fromEntries(
    text
      .split("\n")
      .map((line) => /^(CONFIG_\w+)=(.+)$/.exec(line.trimEnd()))
      .flatMap((match) => (match === null ? [] : [[match[1]!, match[2]!] as const])),
  );

/** The value of a configuration extern, or what is wrong with it. */
export type KconfigValue = { readonly bytes: Uint8Array } | { readonly error: ElfError };

/**
 * The value that a configuration extern has; zeros where the object copes without one.
 *
 * @param btf the object's own types
 */
export const kconfigValue = (extern: KconfigExtern, btf: Btf, options: ReadOptions): KconfigValue => {
  const { name, isWeak, size } = extern;
  const given = options.kconfig?.[name];
  const text = given ?? (name.startsWith("CONFIG_") ? undefined : virtualValue(name, options.kernel ?? {}));
  if (text !== undefined) return encodeText(extern, text, btf);
  if (isWeak) return { bytes: new Uint8Array(size) };
  return {
    error: new ElfError("UNRESOLVED_EXTERN", `there is no value of ${name}`, {
      hint: "give the kernel's configuration, or the value itself",
    }),
  };
};

/** The first release whose programs may carry a cookie, as `major.minor`. */
const COOKIE_RELEASE = 5 * 65536 + 15 * 256;

/** What loaders know without a configuration file. */
const virtualValue = (name: string, { release, symbols }: KernelDescription): string | undefined => {
  const version = release === undefined ? undefined : versionOf(release);
  switch (name) {
    case "LINUX_KERNEL_VERSION":
      return version?.toString();
    case "LINUX_HAS_BPF_COOKIE":
      return version === undefined ? undefined : String(Number(version >= COOKIE_RELEASE));
    case "LINUX_HAS_SYSCALL_WRAPPER":
      return symbols === undefined ? undefined : String(Number(WRAPPED.some((prefix) => symbols.has(`${prefix}bpf`))));
    default:
      return undefined;
  }
};

/** What system calls are called in kernels that wrap them, by architecture. */
const WRAPPED = ["__x64_sys_", "__arm64_sys_", "__s390x_sys_", "__riscv_sys_"];

/** `LINUX_VERSION_CODE`: a byte each for minor and patch level, which stays at 255 beyond that. */
const versionOf = (release: string): number | undefined => {
  const match = /^(\d+)\.(\d+)(?:\.(\d+))?/.exec(release);
  if (match === null) return undefined;
  const [major, minor, patch] = match.slice(1).map((part) => Number(part ?? 0));
  return major! * 65536 + minor! * 256 + Math.min(patch!, 255);
};

/** What kinds of value a type can hold. */
type Shape = "bool" | "tristate" | "char" | "integer" | "string";

const shapeOf = (btf: Btf, typeId: number): { readonly shape: Shape; readonly signed: boolean } | undefined => {
  const type = btf.resolvedType(typeId);
  switch (type.kind) {
    case "int":
      if (type.encoding === "bool") return type.size === 1 ? { shape: "bool", signed: false } : undefined;
      if (type.size > 8 || !Number.isInteger(Math.log2(type.size))) return undefined;
      return { shape: type.size === 1 ? "char" : "integer", signed: type.encoding === "signed" };
    case "enum":
    case "enum64":
      if (type.name !== "libbpf_tristate" || type.size > 8) return undefined;
      return { shape: "tristate", signed: false };
    case "array":
      if (type.length === 0 || shapeOf(btf, type.elementType)?.shape !== "char") return undefined;
      return { shape: "string", signed: false };
    default:
      return undefined;
  }
};

const TRISTATE: Readonly<Record<string, bigint>> = { n: 0n, y: 1n, m: 2n };

const encodeText = (extern: KconfigExtern, text: string, btf: Btf): KconfigValue => {
  const { name, size, type } = extern;
  const kind = shapeOf(btf, type.type);
  const value = kind && (text.startsWith('"') ? stringValue(text, kind.shape, size) : numberValue(text, kind.shape));
  if (value instanceof Uint8Array) return { bytes: value };
  if (value === undefined || !fits(value, size, kind!.signed)) {
    return {
      error: new ElfError("BAD_EXTERN", `the value ${text} of ${name} does not fit ${btf.typeName(type.type)}`),
    };
  }
  return { bytes: integerBytes(value, size, btf.order) };
};

/** A text is cut to what the array holds, with its zero. */
const stringValue = (text: string, shape: Shape, size: number): Uint8Array | undefined => {
  if (shape !== "string" || text.length < 2 || !text.endsWith('"')) return undefined;
  const bytes = new Uint8Array(size);
  bytes.set(new TextEncoder().encode(text.slice(1, -1)).subarray(0, size - 1));
  return bytes;
};

const numberValue = (text: string, shape: Shape): bigint | undefined => {
  const letter = TRISTATE[text];
  if (letter !== undefined) {
    if (shape === "tristate") return letter;
    if (shape === "char") return BigInt(text.charCodeAt(0));
    return shape === "bool" && text !== "m" ? letter : undefined;
  }
  const match = /^([+-]?)(0x[0-9a-f]+|\d+)$/i.exec(text);
  if (match === null || shape === "string" || shape === "tristate") return undefined;
  const magnitude = BigInt(/^0\d/.test(match[2]!) ? `0o${match[2]!.slice(1)}` : match[2]!);
  const value = match[1] === "-" ? -magnitude : magnitude;
  return shape === "bool" && value !== 0n && value !== 1n ? undefined : value;
};

const fits = (value: bigint, size: number, signed: boolean): boolean => {
  const bits = 8 * size;
  if (bits === 64) return BigInt.asIntN(65, value) === value;
  return (signed ? BigInt.asIntN(bits, value) : BigInt.asUintN(bits, value)) === value;
};

const integerBytes = (value: bigint, size: number, order: ByteOrder): Uint8Array => {
  const wide = new ByteWriter(order).u64(BigInt.asUintN(64, value)).finish();
  return order === "little" ? wide.slice(0, size) : wide.slice(8 - size);
};
