import { expect, test } from "vitest";
import { ago, exactTime, moment, relative, time } from "../../src/web/time.ts";

const NOW = Date.UTC(2026, 2, 4, 9, 30);
const MINUTE = 60_000;
const DAY = 86_400_000;

test.each([
  [0, "just now"],
  [59_999, "just now"],
  [MINUTE, "1 minute ago"],
  [59 * MINUTE, "59 minutes ago"],
  [60 * MINUTE, "1 hour ago"],
  [DAY - 1, "23 hours ago"],
  [DAY, "1 day ago"],
  [59 * DAY, "59 days ago"],
  [60 * DAY, "2 months ago"],
  [729 * DAY, "24 months ago"],
  [730 * DAY, "2 years ago"],
])("%d ms before now is %s", (ms, words) => {
  expect(ago(NOW - ms, NOW)).toBe(words);
  expect(relative(NOW - ms, NOW)).toBe(words);
});

test("a moment to come is told as one, and never as long ago", () => {
  expect(relative(NOW + 3 * DAY, NOW)).toBe("in 3 days");
  expect(relative(NOW + 90 * DAY - 1, NOW)).toBe("in 3 months");
  expect(relative(NOW + 1, NOW)).toBe("in less than a minute");
  expect(ago(NOW + 3 * DAY, NOW)).toBe("just now");
});

test("a time element holds the exact time for programs and for people", () => {
  expect(exactTime(NOW)).toBe("4 March 2026 at 09:30 UTC");
  expect(time(NOW).toString()).toBe('<time datetime="2026-03-04T09:30:00.000Z">4 March 2026 at 09:30 UTC</time>');
  expect(moment(NOW - DAY, NOW).toString()).toBe(
    '<time datetime="2026-03-03T09:30:00.000Z" title="3 March 2026 at 09:30 UTC">1 day ago</time>',
  );
});
