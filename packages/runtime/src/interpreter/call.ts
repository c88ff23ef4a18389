import { wordsOf } from "../helpers/implementation.js";
import { CELL } from "../layout.js";
import type { Callee, ProgramHost } from "../program-host.js";
import type { Machine } from "./machine.js";
import { pairOf, type Step } from "./step.js";

const R0 = pairOf(0);
const R1 = pairOf(1);

/** What a call step is built from. */
export interface CallSite {
  readonly machine: Machine;
  readonly host: ProgramHost;
  readonly pc: number;
  readonly next: number;
}

/** Leaves the cells that a fault, a check or a callback of the called function needs. */
const announce = ({ machine, host, pc }: CallSite): void => {
  if (!host.checked) return;
  machine.memory.setCell(CELL.pc, pc);
  machine.memory.setCell(CELL.frame, machine.frame);
};

/** A call of a helper or kernel function. */
export const functionCallStep = (site: CallSite, callee: Callee): Step => {
  switch (callee.kind) {
    case "missing":
      return () => {
        throw site.host.fault(callee.code, callee.message, site.pc);
      };
    case "tail_call":
      return tailCallStep(site);
    case "function":
      return implementedStep(site, callee);
  }
};

const implementedStep = (site: CallSite, callee: Extract<Callee, { kind: "function" }>): Step => {
  const { machine, host, next } = site;
  const { cells, memory } = machine;
  const { implementation, returnClass } = callee;
  const call = host.bind(implementation);
  const words = wordsOf(implementation.parameters);
  const usesFrame = words.includes("frame");
  // Functions that take fewer words ignore the others, so one fixed call serves them all.
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0, i = 0, j = 0] = words.map((word) =>
    word === "frame" ? machine.framePair : R1 + word,
  );
  const registers = cells.subarray(R1, R1 + 10);
  return () => {
    announce(site);
    host.requirePointers(implementation, registers);
    if (usesFrame) cells[machine.framePair] = machine.frame;
    const low = call(
      cells[a]!,
      cells[b]!,
      cells[c]!,
      cells[d]!,
      cells[e]!,
      cells[f]!,
      cells[g]!,
      cells[h]!,
      cells[i]!,
      cells[j]!,
    );
    if (returnClass === "void") {
      cells[R0] = 0;
      cells[R0 + 1] = 0;
    } else {
      cells[R0] = low;
      cells[R0 + 1] =
        returnClass === "signed32" ? low >> 31 : returnClass === "full64" ? memory.cell(CELL.resultHigh) : 0;
    }
    return next;
  };
};

/** `bpf_tail_call`: on success the other program's result is that of the current function. */
const tailCallStep = (site: CallSite): Step => {
  const { machine, host, next } = site;
  const { cells, memory } = machine;
  const pointers = [0, 1].map((index) => R1 + 2 * index + 1);
  return () => {
    announce(site);
    if (host.checked && pointers.some((high) => cells[high] !== 0)) {
      throw host.pointerFault();
    }
    const target = host.tailCallTarget(cells[R1]!, cells[R1 + 2]!, cells[R1 + 4]!);
    if (target === 0) {
      cells[R0] = -1;
      cells[R0 + 1] = -1;
      return next;
    }
    cells[R0] = host.runtime.program(target).enter(cells[R1]!, 0, machine.frame);
    cells[R0 + 1] = memory.cell(CELL.resultHigh);
    return machine.exit();
  };
};

/** `callx`: a call of the helper whose number is in pair `d`. */
export const registerCallStep = (site: CallSite, d: number): Step => {
  const { machine, host, next } = site;
  const { cells, memory } = machine;
  const registers = cells.subarray(R1, R1 + 10);
  return () => {
    announce(site);
    cells[R0] = host.callByNumber(cells[d]!, cells[d + 1]!, registers, machine.frame);
    cells[R0 + 1] = memory.cell(CELL.resultHigh);
    return next;
  };
};
