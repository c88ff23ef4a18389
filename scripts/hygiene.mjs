// Packs every publishable package and lets publint and "are the types wrong" judge the tarballs; and sees that the code is
// ASCII, because one other character would have V8 keep a module's source in twice the bytes, and read it slower.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const bin = (name) => join(root, "node_modules", ".bin", name);
const packs = mkdtempSync(join(tmpdir(), "ebpf-pack-"));
let failed = 0;

const check = (name, title, command, args, cwd) => {
  try {
    execFileSync(command, args, { cwd, stdio: ["ignore", "pipe", "pipe"], encoding: "utf8" });
    console.log(`${name}: ${title} clean`);
  } catch (error) {
    failed++;
    console.log(`${name}: ${title} FAILED\n${error.stdout ?? ""}${error.stderr ?? ""}`);
  }
};

const checkAscii = (name, dist) => {
  for (const file of readdirSync(dist)) {
    const at = file.endsWith(".js") ? readFileSync(join(dist, file), "latin1").search(/[\x80-\xff]/) : -1;
    if (at < 0) continue;
    failed++;
    console.log(`${name}: ASCII FAILED: ${file} has another character at ${at}`);
  }
};

for (const name of readdirSync(join(root, "packages"))) {
  const folder = join(root, "packages", name);
  check(name, "publint", bin("publint"), ["run", "--strict", "--pack", "npm"], folder);
  const packed = execFileSync("npm", ["pack", "--silent", "--pack-destination", packs], {
    cwd: folder,
    encoding: "utf8",
  });
  checkAscii(name, join(folder, "dist"));
  check(name, "attw", bin("attw"), [join(packs, packed.trim()), "--profile", "esm-only"], folder);
}
rmSync(packs, { recursive: true });
process.exit(failed === 0 ? 0 : 1);
