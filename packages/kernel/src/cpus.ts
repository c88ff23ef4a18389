import { readFileSync } from "node:fs";

/** How many CPUs a list such as `0-3,8` names. */
export const countCpus = (list: string): number =>
  list
    .trim()
    .split(",")
    .reduce((count, part) => {
      const [first = 0, last = first] = part.split("-").map(Number);
      return count + last - first + 1;
    }, 0);

/** CPUs that this machine may ever have: values of per-CPU maps come once for each. */
export const possibleCpus = (): number => countCpus(readFileSync("/sys/devices/system/cpu/possible", "utf8"));
