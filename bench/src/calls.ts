import { assemble, findOperation, type Instruction, wideInstruction } from "@ebpf/asm";
import { compile } from "@ebpf/jit";
import { type MapSpec, type ProgramSpec, programSpec } from "@ebpf/platform";
import { CONTEXT_BASE, KeyedMap, MAX_TAIL_CALLS, type PacketBatch, packPackets, Runtime } from "@ebpf/runtime";
import { verify } from "@ebpf/verifier";
import { timedLoop } from "./contestant.js";
import { BenchError } from "./errors.js";

const asm = (text: string): readonly Instruction[] => assemble(text, { dialect: "ubpf" }).sections[0]!.instructions;

const MAP = 1;
/** Loads the map into r1. */
const THE_MAP = wideInstruction(findOperation("lddw_map")!, 1, MAP, 0);
/** How often the timed part stands in a program. */
const REPEATS = 64;

const programOf = (instructions: readonly Instruction[], map?: MapSpec): ProgramSpec =>
  programSpec("xdp", instructions, { name: "calls", maps: new Map(map && [[MAP, map]]) });

/** Loads a program as `load` does: verified, compiled with what the verifier found out, bound. */
const bind = (spec: ProgramSpec) => {
  const { facts, rejection } = verify(spec);
  if (rejection !== undefined) throw new BenchError(`a program of the bench is rejected: ${rejection.message}`);
  const runtime = new Runtime({ memoryPages: 64, random: () => 4, clock: () => 5 });
  const [map] = [...spec.maps.values()].map((made) => runtime.createMap(made));
  const maps = new Map(map && [[MAP, map]]);
  const program = compile(spec, runtime, { checked: false, facts, maps });
  return { bound: runtime.bind(program, { clearStack: false }), map, number: runtime.register(program) };
};

/** The best of many samples, nanoseconds for one run; for so long that V8 has optimized what is run, also on a busy machine. */
const bestOf = (time: (runs: number) => number): number => {
  const runs = 20_000;
  const end = performance.now() + 400;
  let best = Number.POSITIVE_INFINITY;
  while (performance.now() < end) best = Math.min(best, time(runs) / runs);
  return best;
};

const timeOf = ({ bound }: ReturnType<typeof bind>): number => bestOf(timedLoop(`target.run(${CONTEXT_BASE})`, bound));

/** Nanoseconds that one of many repeated pieces takes. */
const perPiece = (prologue: string, piece: readonly Instruction[], map?: MapSpec, fill?: (map: KeyedMap) => void) => {
  const [without, withPieces] = [0, REPEATS].map((count) => {
    const pieces = Array.from({ length: count }, () => piece).flat();
    const bound = bind(programOf([...asm(prologue), ...pieces, ...asm("mov %r0, %r7\nexit")], map));
    if (bound.map instanceof KeyedMap) fill?.(bound.map);
    return timeOf(bound);
  });
  return (withPieces! - without!) / REPEATS;
};

/** Rounds of the loop that is timed. */
const ROUNDS = 1024;

/** Nanoseconds of a round of `bpf_loop`, whose callback does nothing. */
const perRound = (): number => {
  const [none, all] = [0, ROUNDS].map((rounds) => {
    const before = asm(`mov %r1, ${rounds}`);
    const behind = asm("mov %r3, 0\nmov %r4, 0\ncall helper 181\nexit");
    const callback = asm("mov %r0, 0\nexit");
    const address = wideInstruction(findOperation("lddw_function")!, 2, 1 + behind.length, 0);
    const main = [...before, ...address, ...behind];
    const functions = [{ pc: main.length, name: "callback", typeId: 1, linkage: "static" as const }];
    return timeOf(bind({ ...programOf([...main, ...callback]), functions }));
  });
  return (all! - none!) / ROUNDS;
};

/** Nanoseconds of a tail call, of which a program makes as many as it may, each to itself. */
const perTailCall = (): number => {
  const spec: MapSpec = { name: "self", type: "prog_array", keySize: 4, valueSize: 4, maxEntries: 1, flags: 0 };
  const text = "mov %r3, 0\ncall helper 12\nmov %r0, 1\nexit";
  const map = wideInstruction(findOperation("lddw_map")!, 2, MAP, 0);
  const made = bind(programOf([...map, ...asm(text)], spec));
  const none = timeOf(made);
  if (made.map instanceof KeyedMap) made.map.initialize(new Uint8Array(4), Uint8Array.of(made.number, 0, 0, 0));
  return (timeOf(made) - none) / MAX_TAIL_CALLS;
};

/** What crossing the border between JavaScript and a program costs, in nanoseconds. */
export const benchCalls = (): Readonly<Record<string, number>> => {
  const empty = bind(programOf(asm("mov %r0, 1\nexit")));
  const packets = Array.from({ length: 64 }, (_, i) => new Uint8Array(1500).fill(i));
  const results = new Uint32Array(packets.length);
  const runAll = (given: readonly Uint8Array[] | PacketBatch) => (runs: number) => {
    const begin = performance.now();
    for (let i = 0; i < runs; i += packets.length) empty.bound.runPackets(given, results);
    return 1e6 * (performance.now() - begin);
  };
  return {
    "JS to program, context in place": timeOf(empty),
    "JS to program, 1,500 B packet of a batch copied in": bestOf(runAll(packPackets(packets))),
    "JS to program, 1,500 B packet with its own buffer": bestOf(runAll(packets)),
    "helper call across to JS": perPiece("mov %r7, 0", asm("call helper 7\nadd %r7, %r0")),
    "helper call across to JS, 64-bit result": perPiece("mov %r7, 0", asm("call helper 5\nadd %r7, %r0")),
    "a round of bpf_loop": perRound(),
    "a tail call": perTailCall(),
  };
};

const map = (type: "array" | "hash" | "lru_hash", keySize: number): MapSpec => ({
  name: type,
  type,
  keySize,
  valueSize: 8,
  maxEntries: 1024,
  flags: 0,
});

/** A look-up whose value is used: nobody computes what nobody reads. */
const USE = "call helper 1\njeq %r0, 0, +2\nldxdw %r3, [%r0]\nadd %r7, %r3";

/** What map operations in a program cost, in nanoseconds. */
export const benchMaps = (): Readonly<Record<string, number>> => {
  const prologue = "mov %r7, 0\nmov %r1, 7\nstxdw [%r10-16], %r1\nstxdw [%r10-8], %r1";
  const piece = [...asm("mov %r2, %r10\nadd %r2, -16"), ...THE_MAP, ...asm(USE)];
  const fill = (keySize: number) => (made: KeyedMap) => {
    for (let i = 0; i < 1024; i++) {
      const key = new Uint8Array(keySize);
      key[0] = i;
      key[keySize - 1] = i >> 8;
      if (keySize === 16) key[8] = i;
      made.update(key, new Uint8Array(8));
    }
  };
  return {
    "array look-up": perPiece(prologue, piece, map("array", 4)),
    "hash look-up, 8-byte key": perPiece(prologue, piece, map("hash", 8), fill(8)),
    "hash look-up, 16-byte key": perPiece(prologue, piece, map("hash", 16), fill(16)),
  };
};
