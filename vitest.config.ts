import { defineConfig } from "vitest/config";

/**
 * `--mode slow` runs the long tests of test/slow/ alone, which need minutes where the others need seconds;
 * `--mode browser` those of test/browser/, which need Chromium.
 */
export default defineConfig(({ mode }) => {
  const apart = mode === "slow" || mode === "browser" ? mode : null;
  const slow = apart === "slow";
  return {
    test: {
      include: [apart === null ? "test/**/*.test.ts" : `test/${apart}/**/*.test.ts`],
      exclude: apart === null ? ["test/slow/**", "test/browser/**"] : [],
      testTimeout: slow ? 600_000 : apart === null ? 20_000 : 60_000,
      hookTimeout: slow ? 120_000 : 30_000,
      pool: "forks",
      maxWorkers: 2,
      globalSetup: ["test/support/global-setup.ts"],
    },
  };
});
