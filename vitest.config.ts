import { defineConfig } from "vitest/config";

export default defineConfig({
  resolve: { conditions: ["@ebpf/source"] },
  ssr: { resolve: { conditions: ["@ebpf/source"] } },
  test: {
    include: [
      "packages/*/test/**/*.test.ts",
      "conformance/test/**/*.test.ts",
      "bench/test/**/*.test.ts",
      "test/**/*.test.ts",
    ],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
    reporters: ["default", "./scripts/summary-reporter.mjs"],
  },
});
