import { expect, test } from "vitest";
import { stop } from "../support/processes.ts";
import { startRedis } from "../support/redis.ts";
import { install, startUpstream, ticketRules } from "./support.ts";

test("a start with a Redis that answers leaves no warning in the log", async () => {
  const redis = await startRedis();
  const upstream = await startUpstream((_request, response) => response.end("up"));
  const sidecar = await install({ rules: ticketRules(upstream), store: redis.url }).serve();
  try {
    await sidecar.untilReadiness(({ ready }) => ready);
    expect(sidecar.process.stderr()).toContain('"msg":"serving"');
    expect(sidecar.process.stderr()).not.toContain('"level":"warn"');
  } finally {
    await stop(sidecar.process);
  }
});
