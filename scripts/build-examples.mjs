// Rebuilds the committed objects of examples/ and bench/kernels/ from their C sources. Needs Debian's clang-19, llvm-19
// and libbpf-dev; nothing else in the project does.
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const clang = process.env.CLANG ?? "clang-19";
const strip = process.env.LLVM_STRIP ?? "llvm-strip-19";
const multiarch = `/usr/include/${process.arch === "arm64" ? "aarch64" : "x86_64"}-linux-gnu`;
const flags = [
  "-O2",
  "-g",
  "-Wall",
  "-Wextra",
  "-Wno-unused-parameter",
  "-target",
  "bpf",
  "-mcpu=v3",
  "-fdebug-compilation-dir=.",
];

for (const folder of ["examples", "bench/kernels"].map((name) => join(root, name)).filter(existsSync)) {
  for (const source of readdirSync(folder).filter((name) => name.endsWith(".c"))) {
    const object = source.replace(/\.c$/, ".o");
    // Paths are relative so that the same sources give the same bytes wherever the project lies.
    execFileSync(clang, [...flags, `-I${multiarch}`, "-c", source, "-o", object], { cwd: folder, stdio: "inherit" });
    execFileSync(strip, ["-g", object], { cwd: folder });
    console.log(join(folder, object));
  }
}
