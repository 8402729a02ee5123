import { expect, test } from "vitest";
import { freePort } from "../support/processes.ts";
import type { Observed } from "../support/soak/client.ts";
import { writeConfig } from "../support/soak/config.ts";
import { openResources, settledResources, startInProcess } from "../support/soak/in-process.ts";
import { makeKeys } from "../support/soak/keys.ts";
import { drive, Soak, soakSeed } from "../support/soak/soak.ts";
import { FaultyUpstream } from "../support/soak/upstream.ts";
import { tempFolder } from "../support/temp.ts";

const REQUESTS = 5_000;

test("client, upstream, audit and metrics agree on every request", { timeout: 120_000 }, async () => {
  const soak = await Soak.start(soakSeed());
  await soak.run(REQUESTS);
  const { exit, problems, audit } = await soak.finish();
  expect(problems.slice(0, 10)).toEqual([]);
  expect(problems).toHaveLength(0);
  expect(audit.streamsOpened.size).toBeGreaterThan(0);
  expect(exit).toMatchObject({ code: 0, signal: null });
});

test("once closed, the sidecar leaves no socket, server or timer behind", { timeout: 60_000 }, async () => {
  const seed = soakSeed();
  const upstream = new FaultyUpstream(seed);
  const config = await writeConfig(tempFolder(), { upstream: await upstream.listen(), down: await freePort() });
  const secrets = await makeKeys(config);
  const before = openResources();
  const app = await startInProcess(config);
  const observed: Observed[] = [];
  const violations: string[] = [];
  await drive(seed, 500, observed, {
    port: Number(new URL(app.publicUrl).port),
    secrets,
    arrived: (index) => upstream.arrived(index),
    forget: (index) => upstream.forget(index),
    violation: (text) => violations.push(text),
  });
  await app.close();
  expect(violations).toEqual([]);
  expect(observed).toHaveLength(500);
  expect(await settledResources(before)).toEqual(before);
  await upstream.close();
});
