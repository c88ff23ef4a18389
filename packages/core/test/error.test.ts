import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { describe, expect, it, vi } from "vitest";
import { assertNever, InvariantError, invariant, isEbpfError, MalformedError } from "../src/index.js";

describe("errors", () => {
  it("of users have a code, bugs of ours are something else", () => {
    expect(isEbpfError(new MalformedError("LIMIT", "x", 0, "too much"))).toBe(true);
    expect(isEbpfError(new InvariantError("never"))).toBe(false);
    expect(() => invariant(false, "broken")).toThrow(InvariantError);
    expect(() => assertNever("case" as never)).toThrow(InvariantError);
  });

  it("are known whichever copy of the package threw them", async () => {
    vi.resetModules();
    const copy: typeof import("../src/index.js") = await import("../src/index.js");
    const error = new copy.MalformedError("LIMIT", "x", 0, "too much");
    expect(error).not.toBeInstanceOf(MalformedError);
    expect(isEbpfError(error)).toBe(true);
    for (const other of [undefined, null, "LIMIT", {}, new Error("x")]) expect(isEbpfError(other)).toBe(false);
  });

  it("keep their names where a bundler shortens those of classes", async () => {
    const { outputFiles } = await build({
      entryPoints: [fileURLToPath(new URL("../src/index.ts", import.meta.url))],
      bundle: true,
      minify: true,
      write: false,
      format: "esm",
    });
    const source = `data:text/javascript,${encodeURIComponent(outputFiles[0]!.text)}`;
    const minified: typeof import("../src/index.js") = await import(/* @vite-ignore */ source);
    expect(minified.MalformedError.name).not.toBe("MalformedError");
    expect(new minified.MalformedError("LIMIT", "x", 0, "too much").name).toBe("MalformedError");
  });

  it("carry place and hint", () => {
    const error = new MalformedError("BAD_VALUE", ".BTF/types[3]", 40, "kind 31 is unknown", "is this BTF?");
    expect(error).toMatchObject({ name: "MalformedError", hint: "is this BTF?", place: undefined });
    expect(error.message).toBe(".BTF/types[3] at offset 40: kind 31 is unknown");
  });
});
