import { describe, expect, it } from "vitest";
import { formatAddress, isRange, parseOrigin } from "../../src/config/fields.ts";
import { parseDuration, parseSize } from "../../src/config/units.ts";

describe("durations and sizes", () => {
  it.each([
    ["500ms", 500],
    ["10s", 10_000],
    ["5m", 300_000],
    ["1h", 3_600_000],
    ["90d", 7_776_000_000],
    ["0s", 0],
  ])("reads the duration %s", (text, milliseconds) => {
    expect(parseDuration(text)).toBe(milliseconds);
  });

  it.each(["", "10", "1.5s", "-1s", "1 s", "01s", "1S", "1w", "s", "99999999999s", "1s1s"])(
    "refuses the duration %j",
    (text) => {
      expect(parseDuration(text)).toBeNull();
    },
  );

  it.each([
    ["512B", 512],
    ["16KiB", 16_384],
    ["10MiB", 10_485_760],
    ["1GiB", 1_073_741_824],
    ["77", 77],
  ])("reads the size %s", (text, bytes) => {
    expect(parseSize(text)).toBe(bytes);
  });

  it.each(["", "10MB", "10kb", "1.5MiB", "-1B", "1 B", "9999999999GiB", "0x10"])("refuses the size %j", (text) => {
    expect(parseSize(text)).toBeNull();
  });
});

describe("addresses", () => {
  it.each(["10.0.0.0/8", "10.0.0.1", "::1", "fd00::/8", "0.0.0.0/0", "::/128"])("takes the range %s", (text) => {
    expect(isRange(text)).toBe(true);
  });

  it.each([
    "10.0.0.0/33",
    "10.0.0/8",
    "a",
    "",
    "/8",
    "::/129",
    "10.0.0.0/8/8",
    "10.0.0.0/",
    "fe80::1%eth0",
    "10.0.0.0/-1",
  ])("refuses the range %j", (text) => {
    expect(isRange(text)).toBe(false);
  });

  it("writes IPv6 in brackets", () => {
    expect(formatAddress({ host: "::1", port: 80 })).toBe("[::1]:80");
    expect(formatAddress({ host: "a.b", port: 80 })).toBe("a.b:80");
  });

  it.each(["http://h", "https://h:8443/", "http://[::1]:80", "http://127.0.0.1:9000"])(
    "takes the origin %s",
    (text) => {
      expect(parseOrigin(text)?.pathname).toBe("/");
    },
  );

  it.each([
    "h",
    "ftp://h",
    "http:/h",
    "http:\\\\h",
    "http://",
    "http://h/a",
    "http://h?a",
    "http://h#a",
    "http://u:p@h",
    "http://@h",
    "http://h:99999",
  ])("refuses the origin %s", (text) => {
    expect(parseOrigin(text)).toBeNull();
  });
});
