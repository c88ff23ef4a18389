import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { load } from "ebpf";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));
const run = promisify(execFile);

const LIBRARIES = ["core", "asm", "btf", "platform", "elf", "verifier", "runtime", "jit"].map(
  (name) => `@ebpf/${name}`,
);

/** Bundles a module from the packages' sources as a web page would load it. Fails on anything that a browser lacks. */
const bundle = async (contents: string): Promise<string> => {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: join(root, "packages/ebpf/src") },
    bundle: true,
    write: false,
    format: "esm",
    platform: "browser",
    conditions: ["@ebpf/source"],
    nodePaths: [join(root, "packages/ebpf/node_modules")],
    logLevel: "silent",
  });
  return outputFiles[0]!.text;
};

describe("a bundle for browsers", () => {
  it.each(LIBRARIES)("can be made of %s", async (name) => {
    const code = await bundle(`export * from ${JSON.stringify(name)};`);
    // esbuild has refused what a browser lacks; globals of Node would be left over.
    expect(code).not.toMatch(/\b(process\.(env|argv|std)|Buffer\.|__dirname)/);
  });
});

/** A page that runs the firewall example on its capture and writes what it saw into its body. */
const PAGE_SCRIPT = `
import { load, readPcap } from "./index.js";
const get = async (name) => new Uint8Array(await (await fetch("/" + name)).arrayBuffer());
const { programs, maps } = load(await get("xdp_firewall.o"));
const verdicts = {};
for (const { bytes } of readPcap(await get("traffic.pcap"))) {
  const { action } = programs.xdp_firewall.run({ packet: bytes });
  verdicts[action] = (verdicts[action] ?? 0) + 1;
}
document.body.textContent = JSON.stringify({ verdicts, blocked: maps.blocklist.size });
`;

const CHROMIUM = "/usr/bin/chromium";
const QUIET = ["--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update"];

describe.skipIf(!existsSync(CHROMIUM))(`a page in ${CHROMIUM} (skipped where it is not installed)`, () => {
  const profile = mkdtempSync(join(tmpdir(), "ebpf-browser-"));
  let server: Server;

  beforeAll(async () => {
    const script = await bundle(PAGE_SCRIPT);
    const artifact = load(readFileSync(join(root, "examples/xdp_firewall.o"))).artifact().wasm;
    server = createServer((request, response) => {
      const name = request.url!.slice(1);
      if (name === "")
        response.setHeader("content-type", "text/html").end('<script type="module" src="/app.js"></script>');
      else if (name === "app.js") response.setHeader("content-type", "text/javascript").end(script);
      else if (name === "host")
        response
          .setHeader("content-type", "text/html")
          .end(readFileSync(join(root, "examples/host-browser/index.html")));
      else if (name === "xdp_firewall.wasm") response.setHeader("content-type", "application/wasm").end(artifact);
      else if (["xdp_firewall.o", "traffic.pcap"].includes(name))
        response.end(readFileSync(join(root, "examples", name)));
      else response.writeHead(404).end();
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  });

  afterAll(() => {
    server.close();
    rmSync(profile, { recursive: true, force: true });
  });

  /** The text of the page's body once its scripts are done. */
  const bodyOf = async (page: string): Promise<string> => {
    const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/${page}`;
    const flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-sync", ...QUIET];
    const args = [...flags, `--user-data-dir=${profile}`, "--virtual-time-budget=10000", "--dump-dom", address];
    const { stdout } = await run(CHROMIUM, args, { timeout: 50_000 });
    return /<body>(.*)<\/body>/s.exec(stdout)?.[1]?.trim() ?? "";
  };

  it("verifies, compiles and runs the firewall", async () => {
    expect(JSON.parse(await bodyOf(""))).toEqual({ verdicts: { XDP_PASS: 201, XDP_DROP: 39 }, blocked: 2 });
  });

  it("runs the stand-alone firewall of examples/host-browser without this library", async () => {
    expect(JSON.parse(await bodyOf("host"))).toEqual({
      verdicts: { 1: 39, 2: 201 },
      blocked: expect.arrayContaining(["203.0.113.66", "198.51.100.200"]),
    });
  });
});
