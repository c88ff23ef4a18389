import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { linux } from "@ebpf/platform";
import { LINUX_HELPERS } from "@ebpf/runtime";
import { expect, it } from "vitest";
import { isCode } from "../../src/inline/helper-bodies.js";

it("docs/artefact.md lists every helper with its words", () => {
  const text = readFileSync(fileURLToPath(new URL("../../../../docs/artefact.md", import.meta.url)), "utf8");
  const documented = [...text.matchAll(/^\| `(bpf_\w+)` \|(.*)\|(.*)\|(.*)\|$/gm)].map((row) =>
    row.slice(1).map((cell) => cell.trim()),
  );
  const implemented = [...linux.helpers.values()].flatMap(({ name, returnClass }) => {
    const implementation = LINUX_HELPERS[name];
    if (implementation?.kind !== "function") return [];
    const inside = isCode(name, { implementations: LINUX_HELPERS, ownsRandom: false }) ? "yes" : "";
    return [[name, implementation.parameters.join(", "), returnClass, inside]];
  });
  expect(documented).toEqual(implemented);
});
