import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { createKey } from "../../src/credentials/key-format.ts";
import { spawnPortcullis, stop, waitForLine } from "../support/processes.ts";
import { tempFolder } from "../support/temp.ts";
import { get, install, KEY_PATTERN, startUpstream, ticketRules } from "./support.ts";

/** What everybody on the machine, or every other process of the user, may read of a process. */
function visible(pid: number): string {
  if (process.platform !== "linux")
    return execFileSync("ps", ["-wwE", "-o", "command=", "-p", String(pid)], { encoding: "latin1" });
  return readFileSync(`/proc/${pid}/cmdline`, "latin1") + readFileSync(`/proc/${pid}/environ`, "latin1");
}

describe("no key is visible", () => {
  test("in the arguments, the environment or the operator log of a sidecar after 200 requests", async () => {
    const upstream = await startUpstream((request, response) => {
      if (request.url?.includes("broken") === true) request.socket.destroy();
      else response.end("up");
    });
    const at = install({ rules: ticketRules(upstream), more: "log: { level: trace }" });
    const known = await at.createKey("--scope", "tickets:read");
    const revoked = await at.createKey("--scope", "tickets:read");
    await at.command("keys", "revoke", revoked.id);
    const sidecar = await at.serve();
    const wrong = createKey(randomBytes);
    const asked: readonly (readonly [path: string, key: string, status: number])[] = [
      ["/tickets/acme", known.key, 200],
      ["/tickets/broken", known.key, 502],
      ["/tickets/acme", revoked.key, 401],
      ["/tickets/acme", wrong, 401],
      ["/tickets/acme", `${known.key}x`, 401],
      [`/tickets/acme?other=${known.key}`, known.key, 400],
      [`/tickets/acme?api_key=${known.key}`, known.key, 400],
      [`/nothing/${known.key}`, known.key, 404],
    ];
    for (let i = 0; i < 25; i++) {
      const answers = await Promise.all(asked.map(([path, key]) => sidecar.get(path, key)));
      expect(answers.map(({ status }) => status)).toEqual(asked.map(([, , status]) => status));
      for (const { text } of answers) expect(text).not.toMatch(KEY_PATTERN);
    }
    expect(visible(sidecar.process.pid)).not.toMatch(KEY_PATTERN);
    expect(await (await fetch(`${sidecar.adminUrl}/metrics`)).text()).not.toMatch(KEY_PATTERN);
    expect(await stop(sidecar.process)).toEqual({ code: 0, signal: null });
    expect(sidecar.process.stderr()).not.toBe("");
    expect(sidecar.process.stderr()).not.toMatch(KEY_PATTERN);
    expect(sidecar.process.stdout()).not.toMatch(KEY_PATTERN);
    expect(JSON.stringify(at.audit())).not.toMatch(KEY_PATTERN);
    expect(at.audit().filter(({ event }) => event === "request")).toHaveLength(200);
  });

  test("in the arguments or the environment of a demo", async () => {
    const demo = spawnPortcullis(["demo", "--json", "--port", "0", "--data", tempFolder()]);
    const line = await waitForLine(demo, (_text, stream) => stream === "stdout");
    const { public_url: url, keys } = JSON.parse(line);
    expect((await get(`${url}/api/portals/acme/tickets`, keys.reader.key)).status).toBe(200);
    expect(visible(demo.pid)).not.toMatch(KEY_PATTERN);
    await stop(demo);
    expect(demo.stderr()).not.toMatch(KEY_PATTERN);
  });
});
