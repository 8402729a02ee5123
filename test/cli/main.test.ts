import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { join, resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { spawnPortcullis, spawnProcess, waitForLine } from "../support/processes.ts";
import { tempFolder } from "../support/temp.ts";
import { run } from "./terminal.ts";

const version: unknown = JSON.parse(readFileSync(resolve(import.meta.dirname, "../../package.json"), "utf8")).version;
const BIN = resolve(import.meta.dirname, "../../src/cli/bin.ts");
const COMMANDS = ["serve", "demo", "check", "explain", "keys"];

describe("portcullis", () => {
  test("says its version", async () => {
    expect(await run(["--version"])).toEqual({ code: 0, out: `${String(version)}\n`, error: "" });
  });

  test("lists its commands with --help", async () => {
    const { code, error, out } = await run(["--help"]);
    expect([code, error]).toEqual([0, ""]);
    for (const command of COMMANDS) expect(out).toMatch(new RegExp(`^ {2}${command} +\\S`, "m"));
  });

  test.each(COMMANDS)("%s --help tells its usage", async (command) => {
    const { code, error, out } = await run([command, "--help"]);
    expect([code, error]).toEqual([0, ""]);
    expect(out).toContain(`portcullis ${command} `);
    if (command === "keys") return;
    for (const part of ["Exit codes: 0 ", "Example: portcullis", "default"]) expect(out).toContain(part);
  });

  test.each(["create", "list", "show", "revoke", "rotate"])(
    "keys %s --help tells its options alone",
    async (action) => {
      const { code, error, out } = await run(["keys", action, "--help"]);
      expect([code, error]).toEqual([0, ""]);
      expect(out.match(/^portcullis keys \w+/gm)).toEqual([`portcullis keys ${action}`]);
      for (const part of ["--config FILE   default: portcullis.yaml", "Exit codes: 0 ", "Example: "]) {
        expect(out).toContain(part);
      }
    },
  );

  test.each([
    [["serve", "--confg", "x"], "unknown option --confg (did you mean `--config`?)"],
    [["check", "--config"], "option --config needs a value"],
    [["check", "--config", "--json"], "option --config needs a value"],
    [["check", "--json=yes"], "option --json takes no value"],
    [["keys", "rotat"], "unknown action rotat (did you mean `rotate`?)"],
    [["keys", "constructor"], "unknown action constructor"],
    [["users", "toString"], "unknown action toString"],
    [["clients", "__proto__"], "unknown action __proto__"],
    [["keys", "revoke"], "give the id of the key, key_…; `keys list` shows it"],
    [["serv"], "unknown command: serv (did you mean `serve`?)"],
  ])("%j is wrong usage, in few words", async (args, message) => {
    const { code, error } = await run(args);
    expect([code, error.split("\n")[0]]).toEqual([2, message]);
  });

  test("is wrong usage without a command, with an unknown one and with an unknown option", async () => {
    expect((await run([])).code).toBe(2);
    expect(await run(["serv"])).toMatchObject({ code: 2, out: "", error: expect.stringContaining("serv") });
    for (const command of COMMANDS) {
      expect(await run([command, "--no-such-option"])).toMatchObject({
        code: 2,
        out: "",
        error: expect.stringContaining(`portcullis ${command} `),
      });
    }
  });

  test.each(["--port=70000", "--port=x", "--port=-1"])("demo %s is wrong usage", async (option) => {
    const { code, error } = await run(["demo", option]);
    expect(code).toBe(2);
    expect(error).toContain(
      `${option.replace("=", " ")}: give 0 (any free) to 65534; the admin listener takes the next`,
    );
  });

  test("demo says which port is taken and what to do", async () => {
    // The admin listener takes the next port, and starts first: so that is the one to be held. Only the message is at stake.
    const other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    const address = other.address();
    const port = typeof address === "object" ? (address?.port ?? 0) : 0;
    const started = spawnPortcullis(["demo", "--port", String(port - 1)]);
    expect(await started.exited).toEqual({ code: 1, signal: null });
    expect(started.stderr()).toContain(
      `port ${port} is in use (listen.admin.address); try: npm run demo -- --port 0\n`,
    );
    other.close();
  });

  test("demo says that it stops, and which folder it leaves", async () => {
    const data = tempFolder();
    const started = spawnPortcullis(["demo", "--json", "--port", "0", "--data", data]);
    await waitForLine(started, (line) => line.startsWith("{"));
    started.child.kill("SIGINT");
    expect(await started.exited).toEqual({ code: 0, signal: null });
    expect(started.stderr()).toBe(
      `stopping: 0 open requests, up to 1s; a second Ctrl-C ends at once\nstopped\nkept: ${data}\n`,
    );
  });

  test("demo makes the tour or prints JSON, not both", async () => {
    expect((await run(["demo", "--tour", "--json"])).code).toBe(2);
  });

  test("exits with the code of the command, as a process", async () => {
    const cwd = tempFolder();
    const codes = await Promise.all(
      [["--version"], ["serve"], ["nonsense"]].map((args) => spawnPortcullis(args, { cwd }).exited),
    );
    expect(codes.map(({ code }) => code)).toEqual([0, 1, 2]);
  });

  test.each(["v20.20.2", "v24.8.0"])("on Node %s says which one it needs", async (old) => {
    const preload = `data:text/javascript,Object.defineProperty(process, "version", { value: "${old}" })`;
    const started = spawnProcess(process.execPath, ["--import", preload, BIN, "--version"]);
    expect(await started.exited).toEqual({ code: 1, signal: null });
    expect(started.stderr()).toBe(`portcullis needs Node 24.9 or later; this is ${old}\n`);
  });

  test("without --config says which files it looked for", async () => {
    const cwd = tempFolder();
    const serve = spawnPortcullis(["serve"], { cwd });
    await serve.exited;
    expect(serve.stderr()).toContain(`portcullis.yaml or ${join("config", "portcullis.yaml")}`);
    expect(serve.stderr()).not.toContain("    at ");
  });
});
