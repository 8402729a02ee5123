import { describe, expect, test } from "vitest";
import { createLog, type Log } from "../../src/telemetry/log.ts";

const KEY = `noice_sk_live_${"a1B2".repeat(9)}`;

function capture(): { log: Log; lines: string[]; last: () => unknown } {
  const lines: string[] = [];
  const log = createLog({ level: "debug", stream: { write: (line) => void lines.push(line) } });
  return { log, lines, last: () => JSON.parse(lines.at(-1) ?? "null") };
}

describe("operator log", () => {
  test("a line has level, time and message", () => {
    const { log, last } = capture();
    log.warn({ route: "x" }, "slow");
    expect(last()).toMatchObject({ level: "warn", route: "x", msg: "slow", ts: expect.stringMatching(/^\d{4}-.*Z$/) });
  });

  test("fields named like secrets are redacted at any depth, in any case, in arrays and bindings too", () => {
    const { log, lines, last } = capture();
    const secrets = {
      Authorization: "s3cr3t-a",
      "x-api-key": "s3cr3t-b",
      cookie: "s3cr3t-c",
      key: "s3cr3t-d",
      token: "s3cr3t-e",
      password: "s3cr3t-f",
      pepper: "s3cr3t-g",
    };
    log.info({ ...secrets, a: { b: { headers: secrets, list: [secrets] } } }, "x");
    log.child(secrets).info("y");
    log.error({ err: Object.assign(new Error("z"), { config: { headers: secrets } }) }, "z");
    expect(lines).toHaveLength(3);
    expect(lines.join("")).not.toContain("s3cr3t");
    expect(last()).toMatchObject({ err: { config: { headers: { cookie: "[redacted]" } } } });
  });

  test("API keys and bearer values are redacted in messages, errors, causes and stacks", () => {
    const { log, lines } = capture();
    log.info(`got ${KEY}`);
    log.error({ err: new Error(`bad ${KEY}`, { cause: new Error(`worse ${KEY}`) }) }, "failed");
    log.info({ header: "Bearer abcdefghijklmnopqrstuvwxyz" }, "x");
    expect(lines).toHaveLength(3);
    expect(lines.join("")).not.toContain("a1B2");
    expect(lines.join("")).not.toContain("abcdefghijklm");
    expect(lines.every((line) => typeof JSON.parse(line) === "object")).toBe(true);
  });

  test("an error is written with its cause, where it is a field and where it is nested", () => {
    const { log, last } = capture();
    const err = new Error("outer", { cause: new Error("inner") });
    log.error({ err, deep: { err } }, "x");
    const shown = { type: "Error", message: "outer", cause: { message: "inner" }, stack: expect.any(String) };
    expect(last()).toMatchObject({ err: shown, deep: { err: shown } });
  });

  test("cycles, big integers and bytes do no harm", () => {
    const { log, last } = capture();
    const cycle: Record<string, unknown> = { n: 1n, bytes: Buffer.alloc(5) };
    cycle["self"] = cycle;
    log.info(cycle, "x");
    expect(last()).toMatchObject({ msg: "x", bytes: "[5 bytes]" });
  });

  test("nothing below the level is written", () => {
    const lines: string[] = [];
    const log = createLog({ level: "error", stream: { write: (line) => void lines.push(line) } });
    log.info("no");
    log.error("yes");
    expect(lines).toHaveLength(1);
  });
});
