import { type Html, html } from "./html.ts";

const FORMAT = new Intl.DateTimeFormat("en-GB", {
  day: "numeric",
  month: "long",
  year: "numeric",
  hour: "2-digit",
  minute: "2-digit",
  timeZone: "UTC",
});

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** From the largest; days up to two months, and months up to two years, say more than one large unit. */
const UNITS = [
  { name: "year", ms: 365 * DAY, from: 730 * DAY },
  { name: "month", ms: 30 * DAY, from: 60 * DAY },
  { name: "day", ms: DAY, from: DAY },
  { name: "hour", ms: HOUR, from: HOUR },
  { name: "minute", ms: MINUTE, from: MINUTE },
] as const;

/** A moment (wall clock ms) in words, UTC: the server does not know the reader's time zone. */
export function time(at: number): Html {
  return html`<time datetime="${isoTime(at)}">${exactTime(at)}</time>`;
}

/** A moment as it stands to `now`, `3 hours ago` or `in 2 days`; the exact one is its title. */
export function moment(at: number, now: number): Html {
  return html`<time datetime="${isoTime(at)}" title="${exactTime(at)}">${relative(at, now)}</time>`;
}

/** `4 March 2026 at 09:30 UTC`. */
export function exactTime(at: number): string {
  return `${FORMAT.format(new Date(at))} UTC`;
}

/** How long ago, roughly: `just now`, `4 minutes ago`, `3 days ago`. A moment to come is `just now`. */
export function ago(at: number, now: number): string {
  const length = lengthOf(now - at, Math.floor);
  return length === null ? "just now" : `${length} ago`;
}

/** As `ago`; a moment to come is `in 3 days`, to the nearest unit: what lasts 90 days ends in 3 months. */
export function relative(at: number, now: number): string {
  if (at <= now) return ago(at, now);
  const length = lengthOf(at - now, Math.round);
  return length === null ? "in less than a minute" : `in ${length}`;
}

function lengthOf(ms: number, whole: (units: number) => number): string | null {
  const unit = UNITS.find(({ from }) => ms >= from);
  if (unit === undefined) return null;
  const count = whole(ms / unit.ms);
  return count === 1 ? `1 ${unit.name}` : `${count} ${unit.name}s`;
}

function isoTime(at: number): string {
  return new Date(at).toISOString();
}
