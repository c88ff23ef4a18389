/*
 * Has V8 compile the functions that a first use runs when it reads the bundle. By default it only skims a function then, and reads
 * it again when it is called; a function expression in parentheses it compiles at once. Which functions those are, a first use
 * tells, by V8's own coverage. The build runs this once behind the bundler; the source map follows what is put in.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { Session } from "node:inspector/promises";
import { decode, encode } from "@jridgewell/sourcemap-codec";

const bundle = new URL("../dist/index.js", import.meta.url);
const mapFile = new URL("../dist/index.js.map", import.meta.url);
const object = new URL("../../../examples/xdp_firewall.o", import.meta.url);

/** Where the functions begin and end that the way from the import to a baseline's first result calls: offsets in the bundle. */
const functionsOfFirstUse = async () => {
  const session = new Session();
  session.connect();
  await session.post("Profiler.enable");
  await session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: false });
  const { load } = await import(bundle.href);
  load(readFileSync(object), { engine: "jit", tier: "baseline" })
    .program("xdp_firewall")
    .run({ packet: new Uint8Array(64) });
  const { result } = await session.post("Profiler.takePreciseCoverage");
  session.disconnect();
  const { functions } = result.find(({ url }) => url === bundle.href);
  return functions.map(({ ranges: [whole] }) => whole).filter(({ count }) => count > 0);
};

const code = readFileSync(bundle, "utf8");
/** A function that is a value: methods and declarations can't be put in parentheses. */
const isExpression = ({ startOffset }) =>
  code.startsWith("function", startOffset) && /[=(,:?&|[]$/.test(code.slice(startOffset - 1, startOffset));

const called = (await functionsOfFirstUse()).filter(isExpression);
const inserted = called
  .flatMap(({ startOffset, endOffset }) => [
    { at: startOffset, text: "(" },
    { at: endOffset, text: ")" },
  ])
  .sort((a, b) => a.at - b.at);
if (inserted.length === 0) throw new Error("a first use calls no function expression of the bundle");

const ends = [...inserted.map(({ at }) => at), code.length];
const parts = [
  code.slice(0, ends[0]),
  ...inserted.map(({ at, text }, index) => text + code.slice(at, ends[index + 1])),
];

const map = JSON.parse(readFileSync(mapFile, "utf8"));
let lineStart = 0;
let passed = 0;
const passUntil = (offset) => {
  while (passed < inserted.length && inserted[passed].at <= offset) passed++;
};
const mappings = decode(map.mappings).map((segments) => {
  const inEarlierLines = passed;
  const moved = segments.map(([column, ...rest]) => {
    passUntil(lineStart + column);
    return [column + passed - inEarlierLines, ...rest];
  });
  const lineEnd = code.indexOf("\n", lineStart);
  passUntil(lineEnd);
  lineStart = lineEnd + 1;
  return moved;
});

writeFileSync(bundle, parts.join(""));
writeFileSync(mapFile, JSON.stringify({ ...map, mappings: encode(mappings) }));
