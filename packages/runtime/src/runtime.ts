import { joinHalves } from "@ebpf/core";
import { linux, type MapSpec, type Platform, type ReturnClass } from "@ebpf/platform";
import { type BindOptions, BoundProgram } from "./bound-program.js";
import { RuntimeError, RuntimeFault } from "./errors.js";
import type { Executable } from "./executable.js";
import type { FunctionImplementation, HelperTable } from "./helpers/implementation.js";
import { LINUX_HELPERS } from "./helpers/linux.js";
import { CELL, HEAP_BASE, MAX_TAIL_CALLS, PAGE_SIZE, STACK_LIMIT, STACK_TOP } from "./layout.js";
import { LinearMemory } from "./linear-memory.js";
import { createMap } from "./maps/create.js";
import type { RuntimeMap } from "./maps/runtime-map.js";
import { PacketBuffer } from "./packet.js";
import { ProgramTable } from "./program-table.js";
import { randomNumbers } from "./random.js";
import { prepareInput, type RunInput, type RunResult } from "./run-input.js";

/** What the process looks like that a program finds itself in. */
export interface ProcessIdentity {
  readonly pid: number;
  readonly tgid: number;
  readonly uid: number;
  readonly gid: number;
  /** At most 15 bytes are used. */
  readonly comm: string;
}

/** A kernel function that the embedder provides. */
export interface KernelFunction {
  readonly implementation: FunctionImplementation;
  readonly returnClass: ReturnClass;
}

/** What a runtime is made of. Everything that a program could observe of its surroundings can be replaced. */
export interface RuntimeOptions {
  /** Which helpers exist under which numbers, and what contexts look like. Default: Linux. */
  readonly platform?: Platform;
  /** Implementations of helpers by name. Default: those of Linux. */
  readonly helpers?: HelperTable;
  /** Kernel functions by BTF id. */
  readonly kfuncs?: ReadonlyMap<number, KernelFunction>;
  /** Size of the memory in pages of 64 KiB, at most 65,536. Untouched pages cost nothing. Default: 4,096 (256 MiB). */
  readonly memoryPages?: number;
  /** CPUs that per-CPU maps have a value for. Default: 1. */
  readonly cpus?: number;
  /** The CPU that the program runs on, below `cpus`. Default: always 0. */
  readonly cpu?: () => number;
  /** Nanoseconds since the machine started; a number where those are below 2^53. Default: of `performance.now()`. */
  readonly clock?: () => bigint | number;
  /** 32 random bits. Default: a generator that starts anywhere, which compiled programs have in themselves. */
  readonly random?: () => number;
  readonly process?: () => ProcessIdentity;
  /** Takes each line that `bpf_trace_printk` prints. Default: drops it. */
  readonly trace?: (line: string) => void;
}

const NO_PROCESS: ProcessIdentity = { pid: 0, tgid: 0, uid: 0, gid: 0, comm: "" };
/** 4 GiB, the most that 32-bit addresses reach. */
const MAX_PAGES = 65_536;

/** One linear memory with the maps and programs that live in it. */
export class Runtime {
  readonly memory: LinearMemory;
  readonly packet: PacketBuffer;
  readonly platform: Platform;
  readonly implementations: HelperTable;
  readonly kfuncs: ReadonlyMap<number, KernelFunction>;
  readonly cpus: number;
  readonly cpu: () => number;
  readonly clock: () => bigint | number;
  readonly random: () => number;
  /** Whether `random` is the generator whose state is at `CELL.random`. */
  readonly ownsRandom: boolean;
  readonly process: () => ProcessIdentity;
  readonly trace: (line: string) => void;
  readonly #maps = new Map<number, RuntimeMap>();
  /** Programs that tail calls may reach. */
  readonly programs = new ProgramTable();

  constructor(options: RuntimeOptions = {}) {
    const { memoryPages = 4096, cpus = 1 } = options;
    if (!Number.isInteger(memoryPages) || memoryPages * PAGE_SIZE <= HEAP_BASE || memoryPages > MAX_PAGES) {
      throw new RuntimeError("LIMIT", `memoryPages is ${memoryPages}, and must be in 6..${MAX_PAGES}`);
    }
    if (!Number.isInteger(cpus) || cpus < 1 || cpus > 1024) {
      throw new RuntimeError("LIMIT", `cpus is ${cpus}, and must be in 1..1024`);
    }
    this.platform = options.platform ?? linux;
    if (cpus > this.platform.cpus) {
      throw new RuntimeError(
        "LIMIT",
        `cpus is ${cpus}, and machines of ${this.platform.name} have ${this.platform.cpus}`,
      );
    }
    this.memory = new LinearMemory(memoryPages);
    this.packet = new PacketBuffer(this.memory);
    this.implementations = options.helpers ?? LINUX_HELPERS;
    this.kfuncs = options.kfuncs ?? new Map();
    this.cpus = cpus;
    this.cpu = options.cpu ?? (() => 0);
    this.clock = options.clock ?? (() => Math.round(performance.now() * 1e6));
    this.random = options.random ?? randomNumbers(this.memory);
    this.ownsRandom = options.random === undefined;
    this.process = options.process ?? (() => NO_PROCESS);
    this.trace = options.trace ?? (() => {});
  }

  /**
   * Makes a map in the runtime's memory and writes its initial entries.
   *
   * @throws RuntimeError `BAD_MAP`, `UNSUPPORTED_MAP`, or `LIMIT` when the memory is used up.
   */
  createMap(spec: MapSpec): RuntimeMap {
    const map = createMap(spec, this);
    this.#maps.set(map.handle, map);
    return map;
  }

  /** All maps in the order in which they were made. */
  get maps(): Iterable<RuntimeMap> {
    return this.#maps.values();
  }

  /** The map with this handle, the address that programs know it by. */
  mapAt(handle: number): RuntimeMap | undefined {
    return this.#maps.get(handle >>> 0);
  }

  /** Makes a program reachable for tail calls and returns the number that a program array holds for it. */
  register(program: Executable): number {
    return this.programs.numberOf(program);
  }

  /** The program with this number. */
  program(number: number): Executable {
    const program = this.programs.at(number);
    if (program === undefined) throw new RuntimeFault("BAD_CALL", `there is no program ${number}`);
    return program;
  }

  /** Takes instructions off the budget of the run. */
  charge(cost: number, pc: number): void {
    const left = this.memory.words[CELL.budget >>> 2]! - cost;
    this.memory.words[CELL.budget >>> 2] = left;
    if (left < 0) throw new RuntimeFault("BUDGET_EXCEEDED", "the run takes more instructions than its budget", pc);
  }

  /** Leaves a 64-bit result where the callers of word functions expect it. */
  returnLong(low: number, high: number): number {
    this.memory.setCell(CELL.resultHigh, high);
    return low;
  }

  /** Sets the budget and the tail-call count for a new run. */
  begin(budget: number): void {
    this.memory.setCell(CELL.budget, Math.min(budget, 0x7fff_ffff));
    this.memory.setCell(CELL.tailCalls, MAX_TAIL_CALLS);
  }

  /** Binds a program for many runs; see `BoundProgram`. */
  bind(program: Executable, options: BindOptions = {}): BoundProgram {
    return new BoundProgram(this, program, options);
  }

  /**
   * Runs a program once.
   *
   * @throws RuntimeError `BAD_INPUT` for input that does not fit the program's type or the memory set aside for it.
   * @throws RuntimeFault when the program does what it must not.
   */
  run(program: Executable, input: RunInput): RunResult {
    const prepared = prepareInput(this, program.spec, input);
    // What a program reads before it writes must not depend on who ran before.
    this.memory.bytes.fill(0, STACK_LIMIT, STACK_TOP);
    this.begin(program.budget);
    const low = program.enter(prepared.r1, prepared.r2, STACK_TOP);
    const returnValue = joinHalves(low, this.memory.cell(CELL.resultHigh));
    return { returnValue, ...prepared.collect() };
  }
}
