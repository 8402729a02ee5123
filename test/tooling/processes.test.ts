import { createServer, type Server } from "node:net";
import { once } from "node:events";
import { readdir } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { killRegistered, REGISTRY_VARIABLE } from "../support/process-registry.ts";
import { freePort, spawnProcess, stop, waitForLine, type RunningProcess } from "../support/processes.ts";
import { temporaryFolder } from "./support.ts";

const FOREVER = "setInterval(() => {}, 1000);";

function node(script: string): RunningProcess {
  return spawnProcess(process.execPath, ["-e", script]);
}

describe("waiting for a line", () => {
  test("finds one that is still to come, and one that came before", async () => {
    const run = node(`console.log("first"); setTimeout(() => console.log("second"), 50); ${FOREVER}`);
    expect(await waitForLine(run, (line) => line.startsWith("sec"))).toBe("second");
    expect(await waitForLine(run, (line) => line.startsWith("fir"))).toBe("first");
    await stop(run);
  });

  test("tells the outputs apart", async () => {
    const run = node(`console.log("same"); console.error("same but louder"); ${FOREVER}`);
    const found = await waitForLine(run, (line, stream) => stream === "stderr" && line.startsWith("same"));
    expect(found).toBe("same but louder");
    await stop(run);
  });

  test("finds a last line without its end", async () => {
    const run = node(`process.stdout.write("half a line")`);
    expect(await waitForLine(run, (line) => line.startsWith("half"))).toBe("half a line");
  });

  test("fails with all output where the process ends first", async () => {
    const run = node(`console.log("out"); console.error("err");`);
    await expect(waitForLine(run, () => false)).rejects.toThrow(/process ended[^]*out[^]*err/);
  });

  test("fails where time is up", async () => {
    const run = node(FOREVER);
    await expect(waitForLine(run, () => false, 50)).rejects.toThrow("50 ms passed");
    await stop(run);
  });

  test("fails where the program can't be started", async () => {
    const run = spawnProcess("/does/not/exist", []);
    await expect(waitForLine(run, () => false)).rejects.toThrow("did not start");
  });
});

describe("stopping a process", () => {
  test("lets it end by itself on SIGTERM", async () => {
    const run = node(`process.on("SIGTERM", () => process.exit(7)); console.log("ready"); ${FOREVER}`);
    await waitForLine(run, (line) => line === "ready");
    expect(await stop(run)).toEqual({ code: 7, signal: null });
  });

  test("kills it where it won't", async () => {
    const run = node(`process.on("SIGTERM", () => {}); console.log("ready"); ${FOREVER}`);
    await waitForLine(run, (line) => line === "ready");
    expect(await stop(run, 50)).toEqual({ code: null, signal: "SIGKILL" });
  });

  test("gives the exit of one that has ended already", async () => {
    const run = node("process.exit(3)");
    await run.exited;
    expect(await stop(run)).toEqual({ code: 3, signal: null });
  });
});

describe("the register of processes", () => {
  test("holds a process from its start to its end", async () => {
    const registry = process.env[REGISTRY_VARIABLE] ?? "";
    const run = node(FOREVER);
    expect(await readdir(registry)).toContain(String(run.pid));
    await stop(run);
    expect(await readdir(registry)).not.toContain(String(run.pid));
  });

  test("ends what a dead worker left behind, and nothing that isn't ours", async () => {
    const ours = node(FOREVER);
    const other = spawnProcess(process.execPath, ["-e", FOREVER], { env: { [REGISTRY_VARIABLE]: undefined } });
    const registry = await temporaryFolder({ [String(ours.pid)]: "", "not-a-pid": "", [String(other.pid)]: "" });
    await killRegistered(registry);
    expect(await ours.exited).toEqual({ code: null, signal: "SIGKILL" });
    // Only Linux shows a process's environment.
    expect((await stop(other)).signal).toBe(process.platform === "linux" ? "SIGTERM" : "SIGKILL");
  });
});

test("a free port can be listened on", async () => {
  const server: Server = createServer();
  server.listen(await freePort(), "127.0.0.1");
  await once(server, "listening");
  server.close();
  await once(server, "close");
  expect(server.listening).toBe(false);
});
