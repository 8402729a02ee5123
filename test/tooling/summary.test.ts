import { describe, expect, test } from "vitest";
import { summarize, summaryLine } from "../../scripts/testing/summary.ts";

interface FileReport {
  readonly status: "passed" | "failed";
  readonly tests: readonly string[];
}

function reportOf(...files: readonly FileReport[]): string {
  const all = files.flatMap(({ tests }) => tests);
  return JSON.stringify({
    numPassedTests: all.filter((status) => status === "passed").length,
    testResults: files.map(({ status, tests }) => ({
      status,
      assertionResults: tests.map((result) => ({ status: result })),
    })),
  });
}

describe("the summary of a test run", () => {
  test("counts passed and failed tests over all files", () => {
    const json = reportOf(
      { status: "passed", tests: ["passed", "passed"] },
      { status: "failed", tests: ["passed", "failed", "failed"] },
    );
    expect(summarize(json, 1)).toEqual({ passed: 3, failed: 2 });
  });

  test("counts a file that could not be loaded as one failed test", () => {
    const json = reportOf({ status: "passed", tests: ["passed"] }, { status: "failed", tests: [] });
    expect(summarize(json, 1)).toEqual({ passed: 1, failed: 1 });
  });

  test("shows no failure only where the run ended well", () => {
    const json = reportOf({ status: "passed", tests: ["passed"] });
    expect(summarize(json, 0)).toEqual({ passed: 1, failed: 0 });
    expect(summarize(json, 1)).toEqual({ passed: 1, failed: 1 });
  });

  test.each([null, "", "{}", "[1"])("shows a failure where the report is missing or unreadable: %j", (json) => {
    expect(summarize(json, 0)).toEqual({ passed: 0, failed: 1 });
  });

  test("is one plain line", () => {
    expect(summaryLine({ passed: 12, failed: 0 })).toBe("12 passed, 0 failed");
  });
});
