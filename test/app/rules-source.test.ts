import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, expect, test, vi } from "vitest";
import { InvalidRules, type RulesSourceOptions, startRules } from "../../src/app/rules-source.ts";
import { loadRules } from "../../src/config/rules.ts";
import { systemClock } from "../../src/core/clock.ts";
import { Upstreams } from "../../src/proxy/upstreams.ts";
import { silentLog } from "../../src/telemetry/log.ts";
import { createMetrics } from "../../src/telemetry/metrics.ts";
import { tempFolder } from "../support/temp.ts";

/** The watcher and the reading of the file, so that a test says when a change is seen and when a load goes on. */
const seams = vi.hoisted(() => ({ change: (): void => undefined, hold: new Array<Promise<void>>(), loads: 0 }));
vi.mock("../../src/config/watch.ts", () => ({
  watchFile(_file: string, onChange: () => void) {
    seams.change = onChange;
    return { close: () => undefined };
  },
}));
vi.mock(import("../../src/config/rules.ts"), async (original) => {
  const rules = await original();
  return {
    ...rules,
    async loadRules(file, env) {
      const hold = seams.hold[seams.loads++];
      const loaded = await rules.loadRules(file, env);
      await hold;
      return loaded;
    },
  };
});

const rulesOf = (id: string): string =>
  `version: 1\nupstreams: { up: { url: http://127.0.0.1:1 } }\nroutes: [{ id: ${id}, match: { path: /a }, upstream: up, public: true }]\n`;

let file: string;
let options: RulesSourceOptions;
beforeEach(() => {
  file = join(tempFolder(), "rules.yaml");
  writeFileSync(file, rulesOf("old"));
  seams.hold = [];
  seams.loads = 0;
  const metrics = createMetrics({ version: "0", instance: "test" });
  const upstreams = new Upstreams({ metrics, clock: systemClock, bodyBytes: 1 });
  options = { file, env: {}, upstreams, log: silentLog(), metrics, audit: { event: () => undefined } };
});

test("a change while the first load fails ends nothing but the start", async () => {
  writeFileSync(file, "version: 2\n");
  const starting = startRules(options);
  seams.change();
  // A rejection that nobody handles would fail the test run.
  await expect(starting).rejects.toBeInstanceOf(InvalidRules);
  await new Promise((resolve) => setImmediate(resolve));
  expect(seams.loads).toBe(1);
});

test("a change while the first load is under way wins over it", async () => {
  const held = Promise.withResolvers<void>();
  seams.hold = [held.promise];
  const starting = startRules(options);
  await vi.waitFor(() => expect(seams.loads).toBe(1));
  await loadRules(file, {});
  writeFileSync(file, rulesOf("new"));
  seams.change();
  // As long as a load beside the first one would have taken.
  await loadRules(file, {});
  await loadRules(file, {});
  held.resolve();
  const rules = await starting;
  await vi.waitFor(() => expect(rules.current().policy.routes[0]?.id).toBe("new"));
  await rules.close();
  expect(rules.current().policy.routes[0]?.id).toBe("new");
});

test("close waits for the load under way, and those behind it load nothing", async () => {
  const held = Promise.withResolvers<void>();
  seams.hold = [Promise.resolve(), held.promise];
  const rules = await startRules(options);
  const reloads = [rules.reload(), rules.reload()];
  await vi.waitFor(() => expect(seams.loads).toBe(2));
  let closed = false;
  const closing = rules.close().then(() => (closed = true));
  await new Promise((resolve) => setImmediate(resolve));
  expect(closed).toBe(false);
  held.resolve();
  expect(await Promise.all(reloads)).toEqual([true, false]);
  await closing;
  expect(await rules.reload()).toBe(false);
  expect(seams.loads).toBe(2);
});
