// Makes a fresh clone ready to run: installs with the pinned pnpm and builds, each only when its inputs changed.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const { packageManager } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const stampFile = join(root, "node_modules", ".setup-stamp");

const filesBelow = (folder) =>
  readdirSync(folder, { withFileTypes: true })
    .filter((entry) => !["node_modules", "dist", "test"].includes(entry.name))
    .flatMap((entry) => (entry.isDirectory() ? filesBelow(join(folder, entry.name)) : [join(folder, entry.name)]));

const hashOf = (files) => {
  const hash = createHash("sha256");
  for (const file of files.sort()) hash.update(file).update(readFileSync(file));
  return hash.digest("hex");
};

const installInputs = ["pnpm-lock.yaml", "pnpm-workspace.yaml", "package.json"].map((name) => join(root, name));
const sources = ["packages", "conformance", "bench"]
  .map((name) => join(root, name))
  .filter((folder) => existsSync(folder) && statSync(folder).isDirectory())
  .flatMap(filesBelow)
  .filter((file) => /\.(ts|mjs|json)$/.test(file));

const rootInputs = ["tsconfig.base.json", "tsup.base.ts"].map((name) => join(root, name));
const wanted = { install: hashOf(installInputs), build: hashOf([...sources, ...rootInputs]) };
const stamp = existsSync(stampFile) ? JSON.parse(readFileSync(stampFile, "utf8")) : {};
const isBuilt =
  existsSync(join(root, "packages/ebpf/dist/cli.js")) && existsSync(join(root, "conformance/dist/main.js"));

const pnpm = (title, ...args) => {
  console.error(`${title} …`);
  try {
    execFileSync("npx", ["-y", packageManager, ...args], {
      cwd: root,
      stdio: ["ignore", "pipe", "pipe"],
      shell: process.platform === "win32",
    });
  } catch (error) {
    console.error(`${error.stdout ?? ""}${error.stderr ?? ""}`);
    console.error(`${title} failed; the output above says why`);
    process.exit(1);
  }
};

if (stamp.install !== wanted.install) pnpm("installing dependencies", "install", "--frozen-lockfile");
if (stamp.install !== wanted.install || stamp.build !== wanted.build || !isBuilt) pnpm("building", "build");
writeFileSync(stampFile, JSON.stringify(wanted));
