// An application that lets its users filter requests with plug-ins of their own:
//   node examples/embedder/main.mjs
import { readFileSync } from "node:fs";
import { assemble } from "@ebpf/asm";
import { programSpec } from "@ebpf/platform";
import { renderDiagnostic } from "@ebpf/verifier";
import { loadObject, VerificationError } from "ebpf";
import { helpersFor } from "./helpers.mjs";
import { platform } from "./platform.mjs";

const QUOTAS = { name: "quotas", type: "quota", keySize: 8, valueSize: 4, maxEntries: 1000, flags: 0 };

const numberOf = (name) => [...platform.helpers.values()].find((one) => [name, `bpf_${name}`].includes(one.name))?.id;

/** A plug-in's text, verified and ready to run on requests. Throws a VerificationError for one that isn't safe. */
export const loadFilter = (text, engine) => {
  const { instructions } = assemble(text, { dialect: "kernel", helpers: numberOf }).sections[0];
  const maps = new Map([[1, QUOTAS]]);
  const spec = programSpec("request_filter", instructions, { name: "filter", maps });
  const programs = [{ name: "filter", section: "request_filter", spec }];
  let current;
  const runtime = { helpers: helpersFor(() => current) };
  const object = { programs, maps, license: "GPL", byteOrder: "little" };
  const program = loadObject(object, { platform, engine, runtime }).program("filter");
  return (request) => {
    current = request;
    const { method, client, body } = request;
    const { returnValue, context } = program.run({ packet: body, fields: { method, client, status: 200 } });
    return { allowed: returnValue === 1, status: new DataView(context.buffer, context.byteOffset).getUint32(12, true) };
  };
};

const plugin = (name) => readFileSync(new URL(`plugins/${name}.s`, import.meta.url), "utf8");

const request = (headers, body) => ({
  received: Date.now(),
  method: 2,
  client: 7n,
  headers,
  body: new TextEncoder().encode(body),
});

const REQUESTS = {
  "no token": request({}, "{}"),
  "no JSON": request({ "x-token": "secret" }, "hello"),
  first: request({ "x-token": "secret" }, "{}"),
  second: request({ "x-token": "secret" }, "{}"),
  third: request({ "x-token": "secret" }, "{}"),
};

/** Runs the plug-ins; what happened, line by line. */
export const main = () => {
  const lines = [];
  for (const engine of ["interpreter", "jit"]) {
    const filter = loadFilter(plugin("guard"), engine);
    for (const [name, one] of Object.entries(REQUESTS)) {
      const { allowed, status } = filter(one);
      lines.push(`${engine}: ${name}: ${allowed ? "allowed" : `refused with ${status}`}`);
    }
  }
  for (const name of ["changes-method", "reads-too-far"]) {
    try {
      loadFilter(plugin(name), "jit");
    } catch (error) {
      if (!(error instanceof VerificationError)) throw error;
      lines.push(`${name} is not loaded:`, renderDiagnostic(error.rejection));
    }
  }
  return lines;
};

if (process.argv[1] === new URL(import.meta.url).pathname) console.log(main().join("\n"));
