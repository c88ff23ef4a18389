import { constants } from "node:os";

/** Error numbers that the kernel lets out although no C library names them. */
const KERNEL_ONLY: Readonly<Record<number, string>> = { 524: "ENOTSUPP" };

const NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(constants.errno).map(([name, number]) => [number, name] as const),
);

/** The name of an error number, such as `EACCES` for 13. */
export const errorName = (errno: number): string => NAMES.get(errno) ?? KERNEL_ONLY[errno] ?? `errno ${errno}`;

/** Error numbers by name. */
export const ERRNO = constants.errno;
