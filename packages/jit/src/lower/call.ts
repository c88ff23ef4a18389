import { type CallOperation, type Instruction, targetOf } from "@ebpf/asm";
import { type Callee, entryCost, FRAME_SIZE, wordsOf } from "@ebpf/runtime";
import type { Step } from "../cfg/graph.js";
import { inlineHelper } from "../inline/helpers.js";
import type { ValueType } from "../wasm/opcodes.js";
import type { FunctionWriter } from "./function.js";
import { lowerTailCall } from "./tail-call.js";

/** Calls of helpers, kernel functions, subprograms, and of what a register names. */
export const lowerCall = (writer: FunctionWriter, step: Step, op: CallOperation): void => {
  const { slot, pc } = step;
  switch (op.target) {
    case "helper":
      if (!inlineHelper(writer, step))
        lowerFunctionCall(writer, writer.host.helper(slot.imm), `helper_${slot.imm}`, pc);
      return;
    case "kfunc":
      lowerFunctionCall(writer, writer.host.kfunc(slot.imm), `kfunc_${slot.imm}`, pc);
      return;
    case "local":
      lowerLocalCall(writer, slot, pc);
      return;
    case "register":
      lowerRegisterCall(writer, slot, pc);
  }
};

const lowerFunctionCall = (writer: FunctionWriter, callee: Callee, name: string, pc: number): void => {
  writer.announce(pc);
  switch (callee.kind) {
    case "missing":
      writer.code
        .i32(pc)
        .call(writer.program.module.import("fault_of_call", ["i32"], []))
        .op("unreachable");
      return;
    case "tail_call":
      requireAddresses(writer, [1, 2], pc);
      lowerTailCall(writer, pc);
      return;
    case "function":
      lowerImplemented(writer, callee, name, pc);
  }
};

/** In checked mode, faults when one of the registers r1.. that hold addresses has high bits. */
const requireAddresses = (writer: FunctionWriter, registers: readonly number[], pc: number): void => {
  if (!writer.host.checked || registers.length === 0) return;
  registers.forEach((register, index) => {
    writer.getHigh(writer.base + register);
    if (index > 0) writer.code.op("i32.or");
  });
  writer.code.open("if");
  writer.code
    .i32(pc)
    .call(writer.program.module.import("fault_of_pointer", ["i32"], []))
    .op("unreachable", "end");
};

const lowerImplemented = (
  writer: FunctionWriter,
  { implementation, returnClass }: Extract<Callee, { kind: "function" }>,
  name: string,
  pc: number,
): void => {
  const { code, frame } = writer;
  const { parameters } = implementation;
  const pointers = parameters.flatMap((parameter, index) => (parameter === "pointer" ? [index + 1] : []));
  requireAddresses(writer, pointers, pc);
  const words = wordsOf(parameters);
  if (words.includes("frame")) writer.program.expectCallbacks();
  for (const word of words) {
    if (word === "frame") code.get(frame);
    else if (word % 2 === 0) writer.getLow(writer.base + 1 + word / 2);
    else writer.getHigh(writer.base + 1 + (word - 1) / 2);
  }
  const types = words.map((): ValueType => "i32");
  code.call(writer.program.module.import(name, types, ["i32"]));
  switch (returnClass) {
    case "signed32":
      code.op("i64.extend_i32_s");
      break;
    case "pointer":
      code.op("i64.extend_i32_u");
      break;
    case "full64":
      writer.joinResult();
      break;
    case "void":
      code.op("drop").i64(0);
  }
  writer.set(writer.base);
};

const lowerLocalCall = (writer: FunctionWriter, slot: Instruction, pc: number): void => {
  const { code, frame, host, program } = writer;
  const target = targetOf(slot, pc)!;
  const { instructions } = host.spec;
  const start = target >= 0 && target < instructions.length ? target : instructions.length;
  writer.requireFrame(pc);
  writer.charge(() => code.i32(entryCost(host.functionStarts, target, instructions.length)), pc);
  for (let register = 1; register <= 5; register++) writer.get(writer.base + register);
  code.get(frame).i32(FRAME_SIZE).op("i32.sub").call(program.at(start));
  writer.set(writer.base);
};

/** `callx`: the host finds the helper and takes all words of r1..r5. */
const lowerRegisterCall = (writer: FunctionWriter, slot: Instruction, pc: number): void => {
  const { code, frame, program } = writer;
  const words = Array.from({ length: 13 }, (): ValueType => "i32");
  program.expectCallbacks();
  writer.announce(pc);
  for (const register of [slot.dst, ...[1, 2, 3, 4, 5].map((argument) => writer.base + argument)]) {
    writer.getLow(register);
    writer.getHigh(register);
  }
  code.get(frame).call(program.module.import("call_by_number", words, ["i32"]));
  writer.joinResult();
  writer.set(writer.base);
};
