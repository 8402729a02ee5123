import { execFile } from "node:child_process";
import { resolve } from "node:path";
import { expect, test } from "vitest";
import { install } from "./terminal.ts";

const PROGRAM = resolve(import.meta.dirname, "../../src/cli/bin.ts");

function withInput(args: readonly string[], input: Uint8Array): Promise<{ readonly code: number; error: string }> {
  const { promise, resolve: done } = Promise.withResolvers<{ readonly code: number; error: string }>();
  const child = execFile(process.execPath, [PROGRAM, ...args], (failure, _out, error) =>
    done({ code: failure === null ? 0 : Number(failure.code), error }),
  );
  child.stdin?.end(input);
  return promise;
}

test("a password that is not UTF-8 is refused, and not kept as another one", async () => {
  const at = install();
  const args = [
    "users",
    "add",
    "--email",
    "mara@example.com",
    "--name",
    "M",
    "--password-stdin",
    "--config",
    at.config,
  ];
  const latin = await withInput(args, Buffer.from("a fine löng password\n", "latin1"));
  expect(latin).toEqual({ code: 1, error: "portcullis users: standard input is not UTF-8\n" });
  expect((await at.run(["users", "list"])).out).toContain("nobody yet");
  expect(await withInput(args, Buffer.from("a fine löng password\n"))).toEqual({ code: 0, error: "" });
});
