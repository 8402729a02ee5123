import { defineConfig } from "vitest/config";

/** `--mode slow` runs the long tests of test/slow/ alone; they need minutes where the others need seconds. */
export default defineConfig(({ mode }) => {
  const slow = mode === "slow";
  return {
    test: {
      include: [slow ? "test/slow/**/*.test.ts" : "test/**/*.test.ts"],
      exclude: slow ? [] : ["test/slow/**", "test/browser/**"],
      testTimeout: slow ? 600_000 : 20_000,
      hookTimeout: slow ? 120_000 : 30_000,
      pool: "forks",
      maxWorkers: 2,
      globalSetup: ["test/support/global-setup.ts"],
    },
  };
});
