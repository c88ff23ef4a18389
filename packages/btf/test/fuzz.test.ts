import { Btf, decodeBtf, decodeBtfExt, decodeValue, encodeBtf, formatValue } from "@ebpf/btf";
import { isEbpfError } from "@ebpf/core";
import fc from "fast-check";
import { expect, test } from "vitest";
import { btfTypes } from "./support/arbitrary.js";

/** Everything that can be asked of a type: each answer is a value or a typed error. */
const askAll = (btf: Btf): void => {
  const bytes = new Uint8Array(64).fill(0x41);
  btf.types.forEach((_, id) => {
    for (const ask of [
      () => btf.typeName(id),
      () => btf.sizeOf(id),
      () => btf.alignOf(id),
      () => btf.fields(id),
      () => decodeValue(btf, id, bytes),
      () => formatValue(btf, id, bytes),
    ]) {
      orTypedError(ask);
    }
  });
};

const orTypedError = (run: () => void): boolean => {
  try {
    run();
    return true;
  } catch (error) {
    if (!isEbpfError(error)) throw error;
    return false;
  }
};

test("mutated BTF gives types or a typed error, and every question an answer or a typed error", () => {
  let decoded = 0;
  fc.assert(
    fc.property(
      btfTypes,
      fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { minLength: 1, maxLength: 4 }),
      fc.nat({ max: 300 }),
      (types, patches, cut) => {
        const bytes = encodeBtf(new Btf(types));
        for (const [at, value] of patches) bytes[at % bytes.length] = value;
        const part = cut > 280 ? bytes.subarray(0, cut) : bytes;
        if (orTypedError(() => askAll(decodeBtf(part)))) decoded++;
      },
    ),
    { seed: 1, numRuns: 10_000 },
  );
  // Patches of names and numbers leave the BTF well-formed, so both outcomes were seen.
  expect(decoded).toBeGreaterThan(1000);
  expect(decoded).toBeLessThan(9000);
});

test("random bytes behind a header of .BTF.ext give records or a typed error", () => {
  const btf = new Btf([]);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 96 }), fc.nat({ max: 40 }), (body, length) => {
      const header = [
        0x9f,
        0xeb,
        1,
        0,
        32,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        length,
        0,
        0,
        0,
        length,
        0,
        0,
        0,
        length,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
      ];
      const outcome = orTypedError(() => decodeBtfExt(Uint8Array.from([...header, ...body]), btf));
      expect(typeof outcome).toBe("boolean");
    }),
    { seed: 1, numRuns: 10_000 },
  );
});
