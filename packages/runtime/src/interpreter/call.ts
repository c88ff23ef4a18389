import { wordsOf } from "../helpers/implementation.js";
import { CELL } from "../layout.js";
import type { Callee, ProgramHost } from "../program-host.js";
import { type Cells, FRAME, R0, R1 } from "./cells.js";
import { type Action, EXIT } from "./code.js";

/** What the action of a call is made from. */
export interface CallSite {
  readonly host: ProgramHost;
  readonly cells: Cells;
  readonly pc: number;
  readonly next: number;
}

/** Leaves the cells that a fault, a check or a callback of the called function needs. */
const announce = ({ host, cells, pc }: CallSite): void => {
  if (!host.checked) return;
  host.runtime.memory.setCell(CELL.pc, pc);
  host.runtime.memory.setCell(CELL.frame, cells[FRAME]!);
};

/** A call of a helper or kernel function. */
export const functionCallAction = (site: CallSite, callee: Callee): Action => {
  switch (callee.kind) {
    case "missing":
      return () => {
        throw site.host.fault(callee.code, callee.message, site.pc);
      };
    case "tail_call":
      return tailCallAction(site);
    case "function":
      return implementedAction(site, callee);
  }
};

const implementedAction = (site: CallSite, callee: Extract<Callee, { kind: "function" }>): Action => {
  const { host, cells, next } = site;
  const { memory } = host.runtime;
  const { implementation, returnClass } = callee;
  const call = host.bind(implementation);
  const words = wordsOf(implementation.parameters);
  // Functions that take fewer words ignore the others, so one fixed call serves them all.
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0, i = 0, j = 0] = words.map((word) =>
    word === "frame" ? FRAME : R1 + word,
  );
  const registers = cells.subarray(R1, R1 + 10);
  return () => {
    announce(site);
    host.requirePointers(implementation, registers);
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
const tailCallAction = (site: CallSite): Action => {
  const { host, cells, next } = site;
  const { memory } = host.runtime;
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
    cells[R0] = host.runtime.program(target).enter(cells[R1]!, 0, cells[FRAME]!);
    cells[R0 + 1] = memory.cell(CELL.resultHigh);
    return EXIT;
  };
};

/** `callx`: a call of the helper whose number is in pair `d`. */
export const registerCallAction = (site: CallSite, d: number): Action => {
  const { host, cells, next } = site;
  const { memory } = host.runtime;
  const registers = cells.subarray(R1, R1 + 10);
  return () => {
    announce(site);
    cells[R0] = host.callByNumber(cells[d]!, cells[d + 1]!, registers, cells[FRAME]!);
    cells[R0 + 1] = memory.cell(CELL.resultHigh);
    return next;
  };
};
