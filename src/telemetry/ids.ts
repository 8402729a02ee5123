import { type Clock, systemClock } from "../core/clock.ts";

const COUNTER_LIMIT = 2 ** 32;
const HEX_BYTES: readonly string[] = Array.from({ length: 256 }, (_, value) => value.toString(16).padStart(2, "0"));

/**
 * Makes request ids: UUIDs of version 7 (RFC 9562), which sort by time. Random once per process (42 bits), then a
 * counter: no call of the random source per request. They are unique, not secret.
 */
export function createRequestIds(
  randomBytes: (count: number) => Uint8Array,
  clock: Pick<Clock, "now"> = systemClock,
): () => string {
  const random = hexOf(randomBytes(16));
  const middle = `-7${random.slice(0, 3)}-`;
  const variant = (8 + (Number.parseInt(random.slice(3, 4), 16) % 4)).toString(16);
  // UUID layout: time(12) - 7rrr - Vrrr - rrrr cccccccc.
  const fixed = `${middle}${variant}${random.slice(4, 7)}-${random.slice(7, 11)}`;
  let counter = 0;
  let time = Number.NaN;
  let prefix = "";
  return () => {
    const now = Math.floor(clock.now());
    // A clock that is set back does not put later ids before earlier ones.
    if (!(now <= time)) {
      time = now;
      const digits = now.toString(16).padStart(12, "0");
      prefix = `${digits.slice(0, 8)}-${digits.slice(8)}${fixed}`;
    }
    if (counter === COUNTER_LIMIT) counter = 0;
    const id = `${prefix}${byteHex(counter >>> 24)}${byteHex(counter >>> 16)}${byteHex(counter >>> 8)}${byteHex(counter)}`;
    counter += 1;
    return id;
  };
}

const TRACEPARENT = /^(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.*)?$/;

/** The trace id of a `traceparent` field (W3C Trace Context 1.0, section 3.2), or `null` where it is not valid. */
export function traceIdOf(traceparent: string): string | null {
  const match = TRACEPARENT.exec(traceparent);
  if (match === null) return null;
  const [, version, traceId, rest] = match;
  // Version 00 has exactly four parts; later versions may add more.
  if (version === "00" && rest !== undefined) return null;
  return traceId ?? null;
}

function byteHex(value: number): string {
  return HEX_BYTES[value & 255] ?? "00";
}

function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, byteHex).join("");
}
