import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { jsonText, redactKeys } from "../../src/telemetry/json-text.ts";

/** Any UTF-16, lone surrogates included, with much weight on what breaks lines and quotes. */
const anyText = fc
  .array(
    fc.oneof(
      fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)),
      fc.integer({ min: 0, max: 0xff }).map((unit) => String.fromCharCode(unit)),
      fc.constantFrom('"', "\\", "\n", "\r", "\u2028", "\u0000", "\u007f", "\ud800", "noice_sk_live_"),
    ),
    { maxLength: 60 },
  )
  .map((units) => units.join(""));

describe("text for a line of JSON", () => {
  test("any text gives ASCII without control characters that parses back to the text", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const json = jsonText(text, 10_000);
        expect(json).toMatch(/^[\x20-\x7e]*$/);
        expect(JSON.parse(json)).toBe(redactKeys(text));
      }),
      { numRuns: 2000 },
    );
  });

  test("long text is cut to the bound and ends in an ellipsis", () => {
    fc.assert(
      fc.property(anyText, fc.integer({ min: 1, max: 30 }), (text, max) => {
        const value: unknown = JSON.parse(jsonText(text, max));
        const whole = redactKeys(text);
        expect(value).toBe(whole.length <= max ? whole : `${whole.slice(0, max - 1)}\u2026`);
      }),
    );
  });

  test("an API key is redacted wherever it stands, also where the cut would go through it", () => {
    const key = `noice_sk_live_${"a1B2".repeat(9)}`;
    expect(jsonText(`/x/${key}/y/${key}`, 2048)).toBe('"/x/noice_sk_live_[redacted]/y/noice_sk_live_[redacted]"');
    expect(jsonText(key, 30)).not.toContain("a1B2");
  });

  test("keys and admin tokens that stand side by side are each redacted", () => {
    const secrets = [
      `noice_sk_live_${"a".repeat(36)}`,
      `noice_admin_${"b".repeat(43)}`,
      `noice_sk_live_${"c".repeat(36)}`,
    ];
    const text = jsonText(secrets.join(""), 2048);
    expect(text).toBe('"noice_sk_live_[redacted]noice_admin_[redacted]noice_sk_live_[redacted]"');
  });
});
