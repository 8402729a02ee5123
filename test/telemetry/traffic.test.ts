import { expect, test } from "vitest";
import { createTraffic } from "../../src/telemetry/traffic.ts";
import { fakeClock } from "../store/fake-clock.ts";

const MINUTE = 60_000;

test("counts the minutes of an hour, oldest first, and what was refused by reason, most first", () => {
  const clock = fakeClock();
  const traffic = createTraffic(clock);
  traffic.request("allow", "allowed", clock.monotonic());
  traffic.request("deny", "no_route", clock.monotonic());
  clock.advance(2 * MINUTE);
  traffic.request("deny", "portal_forbidden", clock.monotonic());
  traffic.request("deny", "portal_forbidden", clock.monotonic());
  const { minutes, refusedBy } = traffic.report();
  expect(minutes).toHaveLength(60);
  expect(minutes.slice(-3).map(({ allowed, refused }) => [allowed, refused])).toEqual([
    [1, 1],
    [0, 0],
    [0, 2],
  ]);
  expect(minutes.slice(0, -3).every(({ allowed, refused }) => allowed + refused === 0)).toBe(true);
  expect(refusedBy).toEqual([
    { reason: "portal_forbidden", count: 2 },
    { reason: "no_route", count: 1 },
  ]);
});

test("each minute says when it began, a minute apart, the last one within the minute that passed", () => {
  const clock = fakeClock();
  const at = createTraffic(clock)
    .report()
    .minutes.map((minute) => minute.at);
  expect(at.every((begin, index) => index === 0 || begin - (at[index - 1] ?? 0) === MINUTE)).toBe(true);
  const age = clock.now() - (at.at(-1) ?? 0);
  expect(age).toBeGreaterThanOrEqual(0);
  expect(age).toBeLessThan(MINUTE);
});

test("forgets what is an hour old, also where nothing came since", () => {
  const clock = fakeClock();
  const traffic = createTraffic(clock);
  traffic.request("deny", "no_route", clock.monotonic());
  clock.advance(59 * MINUTE);
  expect(traffic.report().refusedBy).toEqual([{ reason: "no_route", count: 1 }]);
  clock.advance(MINUTE);
  const { minutes, refusedBy } = traffic.report();
  expect(refusedBy).toEqual([]);
  expect(minutes.every(({ refused }) => refused === 0)).toBe(true);
  traffic.request("allow", "allowed", clock.monotonic());
  expect(traffic.report().minutes.at(-1)).toMatchObject({ allowed: 1, refused: 0 });
});

test("knows how many streams are open", () => {
  const traffic = createTraffic(fakeClock());
  traffic.streamOpened();
  traffic.streamOpened();
  traffic.streamClosed();
  expect(traffic.report().openStreams).toBe(1);
});
