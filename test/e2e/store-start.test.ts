import { expect, test } from "vitest";
import { stop } from "../support/processes.ts";
import { startRedis } from "../support/redis.ts";
import { install, startUpstream, ticketRules } from "./support.ts";

test("a start and a stop with a Redis that answers leave no warning in the log", async () => {
  const redis = await startRedis();
  const upstream = await startUpstream((_request, response) => response.end("up"));
  const sidecar = await install({ rules: ticketRules(upstream), store: redis.url }).serve();
  try {
    await sidecar.untilReadiness(({ ready }) => ready);
    expect(sidecar.process.stderr()).toContain('"msg":"serving"');
  } finally {
    expect(await stop(sidecar.process)).toEqual({ code: 0, signal: null });
  }
  expect(sidecar.process.stderr()).not.toContain('"level":"warn"');
});
