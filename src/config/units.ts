/** Durations and sizes as people write them in the configuration and on the command line. */

const DURATION = /^(0|[1-9]\d{0,9})(ms|s|m|h|d)$/;
const MILLISECONDS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

const SIZE = /^(0|[1-9]\d{0,9})(B|KiB|MiB|GiB|)$/;
const BYTES: Readonly<Record<string, number>> = { "": 1, B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 };

function parse(text: string, pattern: RegExp, units: Readonly<Record<string, number>>): number | null {
  const match = pattern.exec(text);
  if (match === null) return null;
  const value = Number(match[1]) * (units[match[2] ?? ""] ?? Number.NaN);
  return Number.isSafeInteger(value) ? value : null;
}

/** `500ms`, `10s`, `5m`, `1h`, `90d` → milliseconds; `null` where it is no duration. */
export function parseDuration(text: string): number | null {
  return parse(text, DURATION, MILLISECONDS);
}

/** `512B`, `16KiB`, `10MiB`, `1GiB`, or bare digits → bytes; `null` where it is no size. */
export function parseSize(text: string): number | null {
  return parse(text, SIZE, BYTES);
}

export const DURATION_PATTERN = DURATION;
export const SIZE_PATTERN = SIZE;
