import { describe, expect, it } from "vitest";
import { bundleSizes } from "../src/size.js";

// Bundles what the packages publish, so it needs a build; `npm test` makes one.
describe("bundle sizes", () => {
  it("are found for every package, and contain those of what they import", async () => {
    const sizes = new Map((await bundleSizes()).map((size) => [size.package, size]));
    expect(sizes.size).toBe(9);
    for (const { gzip, minified } of sizes.values()) expect(gzip).toBeLessThan(minified);
    expect(sizes.get("ebpf")!.minified).toBeGreaterThan(sizes.get("@ebpf/verifier")!.minified);
    expect(sizes.get("@ebpf/verifier")!.minified).toBeGreaterThan(sizes.get("@ebpf/core")!.minified);
  });
});
