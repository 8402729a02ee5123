import { z } from "zod";

/** The part of Vitest's JSON report that is read. */
const report = z.object({
  numPassedTests: z.int().nonnegative(),
  testResults: z.array(
    z.object({
      status: z.string(),
      assertionResults: z.array(z.object({ status: z.string() })),
    }),
  ),
});

export interface Summary {
  readonly passed: number;
  readonly failed: number;
}

/**
 * Counts passed and failed tests of a run. A test file that failed as a whole counts as one failed test. A run that
 * ended badly never shows zero failed, whatever its report says or where there is none (`null`).
 */
export function summarize(json: string | null, exitCode: number): Summary {
  const read = json === null ? null : readReport(json);
  let failed = 0;
  for (const file of read?.testResults ?? []) {
    const failedTests = file.assertionResults.filter((test) => test.status === "failed").length;
    failed += file.status === "failed" ? Math.max(failedTests, 1) : failedTests;
  }
  const passed = read?.numPassedTests ?? 0;
  return { passed, failed: failed === 0 && (exitCode !== 0 || read === null) ? 1 : failed };
}

function readReport(json: string): z.infer<typeof report> | null {
  try {
    return report.parse(JSON.parse(json));
  } catch {
    return null;
  }
}

/** The closing line that CI reads. */
export function summaryLine({ passed, failed }: Summary): string {
  return `${passed} passed, ${failed} failed`;
}
