import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { stop } from "../support/processes.ts";
import { startRedis } from "../support/redis.ts";
import { openStream } from "./event-stream.ts";
import { install, type Installation, type Sidecar, startUpstream, ticketRules } from "./support.ts";

let upstream: string;
const started: Sidecar[] = [];

beforeAll(async () => {
  upstream = await startUpstream((_request, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write("data: first\n\n");
  });
});
afterAll(async () => {
  await Promise.all(started.map(({ process }) => stop(process)));
});

async function serve(at: Installation): Promise<Sidecar> {
  const sidecar = await at.serve();
  started.push(sidecar);
  return sidecar;
}

describe.each([
  ["the embedded store", 1],
  ["two instances on one Redis", 2],
])("a key revoked at the command line: %s", (_name, instances) => {
  test("ends its streams on every instance, and no others, within 100 ms of the return", async () => {
    const store = instances === 1 ? {} : { store: (await startRedis()).url };
    const pepper = randomBytes(32).toString("base64url");
    const at = Array.from({ length: instances }, () => install({ rules: ticketRules(upstream), pepper, ...store }));
    const [first] = at;
    if (first === undefined) throw new Error("there is one at least");
    const sidecars = await Promise.all(at.map(serve));
    for (let round = 0; round < 3; round += 1) {
      const [mine, theirs] = [
        await first.createKey("--scope", "tickets:read"),
        await first.createKey("--scope", "tickets:read"),
      ];
      const streams = await Promise.all(sidecars.map(({ url }) => openStream(url, mine.key)));
      const others = await Promise.all(sidecars.map(({ url }) => openStream(url, theirs.key)));
      await first.command("keys", "revoke", mine.id);
      const returned = performance.now();
      const ended = await Promise.all(streams.map((stream) => stream.ended));
      expect(Math.max(...ended.map((end) => end.at)) - returned).toBeLessThan(100);
      expect(others.map((stream) => stream.isOpen())).toEqual(others.map(() => true));
      for (const stream of others) stream.close();
    }
    const lines = at.flatMap((each) => each.audit()).filter((line) => line.event === "stream_close");
    expect(lines.filter((line) => line.reason === "credential_revoked")).toHaveLength(3 * instances);
  }, 60_000);
});
