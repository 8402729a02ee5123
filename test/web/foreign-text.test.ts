import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { cleanText, foreign, foreignText } from "../../src/web/foreign-text.ts";

describe("text that others chose", () => {
  test.each([
    ["a plain name", "Desk Assistant", "Desk Assistant"],
    ["letters of any script", "Ünïcode 日本語 العربية", "Ünïcode 日本語 العربية"],
    ["bidi overrides and isolates", "\u202Egnp.exe\u202C \u2066x\u2069", "gnp.exe x"],
    ["invisible characters", "a\u200Bb\u2060c\uFEFFd\u00ADe", "abcde"],
    ["controls", "a\u0000b\u001B[31mc\u007F\u0085", "ab[31mc"],
    ["lines", "Claude\r\nVerified\u2028by us\tnow", "Claude Verified by us now"],
    ["piled marks", `a${"\u0301".repeat(50)}b`, "á\u0301\u0301b"],
    ["a lone surrogate", "a\uD800b", "ab"],
    ["tag characters", "a\u{E0041}\u{E0042}b", "ab"],
    ["fillers that look like nothing", "\u3164\u115F\uFFA0\u2800", "(no name)"],
    ["nothing", "", "(no name)"],
    ["white space", " \u00A0\u3000 ", "(no name)"],
  ])("shows %s in one clean line", (_name, raw, shown) => {
    expect(foreignText(raw)).toBe(shown);
  });

  test("is cut at its bound, with a mark that it was", () => {
    expect(foreignText("x".repeat(80))).toBe("x".repeat(80));
    expect(foreignText("x".repeat(81))).toBe(`${"x".repeat(79)}…`);
    expect(foreignText("😀".repeat(500), 10)).toBe(`${"😀".repeat(9)}…`);
  });

  test("of any kind is short, of one line, and without characters that hide or turn", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 400 }), (raw) => {
        const shown = foreignText(raw);
        expect(Array.from(shown).length).toBeLessThanOrEqual(80);
        expect(shown).not.toMatch(/[\p{C}\p{Default_Ignorable_Code_Point}\u2028\u2029]/u);
        expect(shown).not.toMatch(/\p{M}{4}/u);
        expect(shown.trim()).not.toBe("");
      }),
    );
  });

  test("is empty as the value of a field where nothing is left", () => {
    expect(cleanText("\u200B \u3164", 10)).toBe("");
    expect(cleanText(" bcdf\u202E-ghjk ", 10)).toBe("bcdf-ghjk");
  });

  test("is escaped and isolated as markup", () => {
    expect(foreign("<b>x").toString()).toBe('<bdi class="foreign">&lt;b&gt;x</bdi>');
  });
});
