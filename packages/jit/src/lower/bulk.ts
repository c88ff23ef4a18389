import type { Bulk, Place } from "../cfg/graph.js";
import type { Code } from "../wasm/code.js";
import type { FunctionWriter } from "./function.js";

/** Fewer rounds are left to the loop: V8 calls out of WebAssembly to copy and fill. */
const MIN_ROUNDS = 24;

const pushPlace = (writer: FunctionWriter, { terms, displacement }: Place): Code => {
  const { code } = writer;
  terms.forEach((register, index) => {
    writer.getLow(register);
    if (index > 0) code.op("i32.add");
  });
  return displacement === 0 ? code : code.i32(displacement).op("i32.add");
};

const pushWord = (writer: FunctionWriter, word: { readonly register: number } | { readonly number: number }): Code =>
  "register" in word ? writer.getLow(word.register) : writer.code.i32(word.number);

/** Leaves how many rounds may be done at once: all but the last, or the last two where the end isn't met exactly. */
const pushRounds = (writer: FunctionWriter, { index, end, step }: Bulk): void => {
  const { code } = writer;
  writer.getLow(index);
  pushWord(writer, end).op("i32.lt_u").open("if", "i32");
  pushWord(writer, end);
  writer.getLow(index).op("i32.sub").i32(Math.log2(step)).op("i32.shr_u").i32(1).op("i32.sub", "else");
  code.i32(0).op("end");
};

/** Does the rounds, and leaves their number. Where the loop would read what it wrote, none are done. */
export const lowerBulk = (writer: FunctionWriter, bulk: Bulk): void => {
  const { code, word: rounds, address } = writer;
  const { target, from, size } = bulk;
  const pushBytes = (): Code => code.get(rounds).i32(Math.log2(size)).op("i32.shl");
  pushRounds(writer, bulk);
  code.set(rounds);
  pushPlace(writer, target).set(address);
  code.get(rounds).i32(MIN_ROUNDS).op("i32.lt_u");
  if ("terms" in from) {
    code.get(address);
    pushPlace(writer, from).op("i32.sub");
    pushBytes().op("i32.lt_u", "i32.or");
  }
  code.open("if");
  code.i32(0).set(rounds).op("else").get(address);
  if ("terms" in from) {
    pushPlace(writer, from);
    pushBytes().memoryCopy();
  } else {
    pushWord(writer, from);
    pushBytes().memoryFill();
  }
  code.op("end").get(rounds);
};
