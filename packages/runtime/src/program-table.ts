import type { Executable } from "./executable.js";

type Enter = Executable["enter"];

/**
 * A module that takes a function `f(i32, i32, i32) → i32` and gives it back: a table only holds functions that come out
 * of WebAssembly.
 */
const PASS_ON = Uint8Array.of(
  ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00], // the header
  ...[0x01, 0x08, 0x01, 0x60, 0x03, 0x7f, 0x7f, 0x7f, 0x01, 0x7f], // type 0
  ...[0x02, 0x07, 0x01, 0x01, 0x65, 0x01, 0x66, 0x00, 0x00], // imports function 0 as "e" "f"
  ...[0x07, 0x05, 0x01, 0x01, 0x66, 0x00, 0x00], // exports it as "f"
);

const passedOn = (enter: Enter): Enter => {
  const instance = new WebAssembly.Instance(new WebAssembly.Module(PASS_ON), { e: { f: enter } });
  return instance.exports.f as Enter;
};

/** The programs that tail calls may reach: what compiled code calls by number without leaving WebAssembly. */
export class ProgramTable {
  /** `enter` of each program; compiled modules import it. */
  readonly table = new WebAssembly.Table({ element: "anyfunc", initial: 1 });
  /** The index is the number that a program array holds, and 0 is none. */
  readonly #programs: (Executable | undefined)[] = [undefined];

  /** The number of a program, which it gets when it is asked for first. */
  numberOf(program: Executable): number {
    const known = this.#programs.indexOf(program);
    if (known > 0) return known;
    const number = this.table.grow(1);
    this.#programs.push(program);
    this.#set(number, program);
    return number;
  }

  /** The program with a number. */
  at(number: number): Executable | undefined {
    return this.#programs[number];
  }

  /** A program has another `enter` from now on. */
  refresh(program: Executable): void {
    const number = this.#programs.indexOf(program);
    if (number > 0) this.#set(number, program);
  }

  #set(number: number, program: Executable): void {
    try {
      this.table.set(number, program.enter);
    } catch {
      // It is a function of JavaScript.
      this.table.set(
        number,
        passedOn((r1, r2, frame) => program.enter(r1, r2, frame)),
      );
    }
  }
}
