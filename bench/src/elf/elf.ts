import { openObject, readObject } from "@ebpf/elf";
import { findLibbpf } from "./libbpf.js";
import { makeObject, type ObjectShape } from "./object.js";

/** Times of one object in microseconds, the shortest of all rounds: what else the machine does only adds to them. */
export interface ElfTimes {
  readonly object: string;
  readonly bytes: number;
  readonly programs: number;
  /** `openObject`: what libbpf's open does. */
  readonly open: number;
  /** `readObject`: every program linked, too. */
  readonly read: number;
  /** libbpf's open; absent where it isn't installed. */
  readonly libbpf?: number;
}

interface Case {
  readonly name: string;
  readonly shape: ObjectShape;
  readonly rounds: number;
}

/** A middling object as that of MEASURED.md, and a large tracer. */
const CASES: readonly Case[] = [
  { name: "60 programs", shape: { programs: 60, instructions: 72, structures: 250 }, rounds: 200 },
  { name: "large tracer", shape: { programs: 2200, instructions: 150, structures: 4000 }, rounds: 5 },
];

const microseconds = (work: () => unknown): number => {
  const begin = performance.now();
  work();
  return 1000 * (performance.now() - begin);
};

/** Opens made objects with ours and with libbpf in turn. */
export const benchElf = async (log: (line: string) => void): Promise<{ readonly times: readonly ElfTimes[] }> => {
  const libbpf = await findLibbpf(process.env.LIBBPF);
  log(libbpf === undefined ? "no libbpf here to compare with" : `libbpf ${libbpf.version}`);
  const times = CASES.map(({ name, shape, rounds }): ElfTimes => {
    const bytes = makeObject(shape);
    const open: number[] = [];
    const read: number[] = [];
    const theirs: number[] = [];
    for (let round = 0; round < rounds; round++) {
      open.push(microseconds(() => openObject(bytes)));
      read.push(microseconds(() => readObject(bytes)));
      if (libbpf !== undefined) theirs.push(libbpf.open(bytes));
    }
    const { programs } = shape;
    const own = { object: name, bytes: bytes.length, programs, open: Math.min(...open), read: Math.min(...read) };
    return libbpf === undefined ? own : { ...own, libbpf: Math.min(...theirs) };
  });
  for (const time of times) log(lineOf(time));
  return { times };
};

const lineOf = ({ object, bytes, open, read, libbpf }: ElfTimes): string => {
  const compared =
    libbpf === undefined ? "" : `, libbpf opens in ${Math.round(libbpf)} µs (ours ${(open / libbpf).toFixed(1)}×)`;
  return `${object}, ${bytes} bytes: opened in ${Math.round(open)} µs, all programs linked in ${Math.round(read)} µs${compared}`;
};
