import { isIP } from "node:net";
import { z } from "zod";
import { DURATION_PATTERN, parseDuration, parseSize, SIZE_PATTERN } from "./units.ts";

/**
 * The kinds of field that both files are built from. Messages never quote a value: it may have come
 * from the environment. Who reads the problem has the position.
 */

/** A mapping that knows all its keys. Left out, it takes the defaults of its fields. */
export function section<Shape extends z.ZodRawShape>(shape: Shape): z.ZodObject<Shape, z.core.$strict> {
  return z.strictObject(shape);
}

/** Text of 1 to 4096 characters. */
export const text = z.string({ error: "expected text" }).min(1, "must not be empty").max(4096, "too long");

/** Longest that a timer takes: a longer one would fire at once. */
const LONGEST_TIMER = 2 ** 31 - 1;

/** A duration, in milliseconds once read. At least 1 ms, and no longer than a timer takes (24 days). */
export const duration = z
  .string({ error: "expected a duration such as 500ms, 10s, 5m, 1h or 7d" })
  .regex(DURATION_PATTERN, "expected a duration such as 500ms, 10s, 5m, 1h or 7d")
  .transform((value, context) => {
    const milliseconds = parseDuration(value);
    if (milliseconds !== null && milliseconds >= 1 && milliseconds <= LONGEST_TIMER) return milliseconds;
    context.addIssue({ code: "custom", message: "out of range: 1ms to 24d" });
    return z.NEVER;
  });

/** A duration within bounds, which are given as they are written, such as `1s` and `10m`. */
export function durationWithin(shortest: string, longest: string) {
  const [least, most] = [parseDuration(shortest) ?? 0, parseDuration(longest) ?? 0];
  return duration.refine((ms) => ms >= least && ms <= most, `out of range: ${shortest} to ${longest}`);
}

/** How long something is good for, in milliseconds once read: 1 s to 365 d. */
export const lifetime = z
  .string({ error: "expected a duration such as 10m, 1h or 30d" })
  .regex(DURATION_PATTERN, "expected a duration such as 10m, 1h or 30d")
  .transform((value, context) => {
    const milliseconds = parseDuration(value);
    if (milliseconds !== null && milliseconds >= 1000 && milliseconds <= 365 * 86_400_000) return milliseconds;
    context.addIssue({ code: "custom", message: "out of range: 1s to 365d" });
    return z.NEVER;
  });

/** A path that others are put under, such as `/oauth`: segments of plain characters, no slash at the end. */
export const pathPrefix = z
  .string({ error: "expected a path such as /oauth" })
  .regex(/^(?:\/[A-Za-z0-9_-]{1,64}){1,8}$/, "expected a path such as /oauth, without a slash at its end");

const COUNT_PATTERN = /^\d{1,15}$/;
const SIZE_MESSAGE = "expected a size such as 512B, 16KiB, 10MiB or 1GiB, or a number of bytes";

/** A size, in bytes once read; a bare number is bytes. */
export const size = z
  .union([z.int().min(1, SIZE_MESSAGE), z.string().regex(SIZE_PATTERN, SIZE_MESSAGE)], { error: SIZE_MESSAGE })
  .transform((value, context) => {
    const bytes = typeof value === "number" ? value : parseSize(value);
    if (bytes !== null && bytes >= 1) return bytes;
    context.addIssue({ code: "custom", message: SIZE_MESSAGE });
    return z.NEVER;
  });

/** A size, or the word `unlimited`, which reads as `Infinity`. */
export const sizeOrUnlimited = z.union([z.literal("unlimited").transform(() => Number.POSITIVE_INFINITY), size], {
  error: `${SIZE_MESSAGE}, or unlimited`,
});

/** A whole number. Digits as text are taken too: that is what `${NAME}` leaves. */
export function count(minimum: number, maximum: number) {
  const message = `expected a whole number from ${minimum} to ${maximum}`;
  return z
    .union([z.int(), z.string().regex(COUNT_PATTERN, message)], { error: message })
    .transform((value, context) => {
      const number = Number(value);
      if (number >= minimum && number <= maximum) return number;
      context.addIssue({ code: "custom", message });
      return z.NEVER;
    });
}

/** Where to listen. `port` 0 is a free port that the system picks. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

const ADDRESS = /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9.-]{1,253})):(\d{1,5})$/;
const ADDRESS_MESSAGE = "expected HOST:PORT such as 127.0.0.1:8080 or [::1]:8080";

function parseAddress(value: string): Address | null {
  const match = ADDRESS.exec(value);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || port > 65_535) return null;
  return match?.[1] === undefined || isIP(host) === 6 ? { host, port } : null;
}

export const address = z
  .string({ error: ADDRESS_MESSAGE })
  .regex(ADDRESS, ADDRESS_MESSAGE)
  .transform((value, context): Address => {
    const parsed = parseAddress(value);
    if (parsed !== null) return parsed;
    context.addIssue({ code: "custom", message: ADDRESS_MESSAGE });
    return z.NEVER;
  });

/** `host:port` for URLs, with brackets around IPv6. */
export function formatAddress({ host, port }: Address): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** An address or a CIDR range, of IPv4 or IPv6. */
export function isRange(value: string): boolean {
  const [base = "", bits, ...rest] = value.split("/");
  const version = isIP(base);
  if (version === 0 || rest.length > 0 || base.includes("%")) return false;
  if (bits === undefined) return true;
  return /^\d{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128);
}

/** An http or https URL of an origin: no path but `/`, no query, no fragment, no user. `null` where it is none. */
export function parseOrigin(value: string): URL | null {
  if (!/^https?:\/\/[^\s\\/?#@]+\/?$/.test(value) || !URL.canParse(value)) return null;
  const url = new URL(value);
  return url.pathname === "/" && url.username === "" && url.password === "" ? url : null;
}
