import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseTarget } from "../../src/core/target.ts";

const segment = fc.stringMatching(/^(?:[A-Za-z0-9_~!$&'()*+,;=:@-]|%(?:20|3A|5B|C3%A9|E2%82%AC|F0%9F%98%80)){1,12}$/);
const path = fc
  .array(
    segment.filter((text) => !/^(?:;|%3B)/.test(text)),
    { minLength: 1, maxLength: 6 },
  )
  .map((segments) => `/${segments.join("/")}`);
const query = fc.stringMatching(/^(?:[A-Za-z0-9_.~!$&'()*+,;=:@/?[\]{}|^-]|%[2-9a-fA-F][0-9a-fA-F]){0,30}$/);

describe("parseTarget", () => {
  it.each([
    "/",
    "/a",
    "/a/",
    "/a.b/..c/...",
    "/a;x=1/b",
    "/a%20b",
    "/%C3%A9",
    "/%F0%9F%98%80",
    "/-._~!$&'()*+,;=:@",
    "/100%25",
  ])("accepts %s", (target) => {
    expect(parseTarget(target)).toEqual({ ok: true, path: target, query: "" });
  });

  it("splits at the first question mark, and keeps both parts as they are", () => {
    expect(parseTarget("/a?b=%c3%a9&c[]={x|y^}?/d")).toEqual({ ok: true, path: "/a", query: "b=%c3%a9&c[]={x|y^}?/d" });
    expect(parseTarget("/a/?")).toEqual({ ok: true, path: "/a/", query: "" });
  });

  it.each(["", "*", "a", "http://h/a", "https://h", "h:443", "?a", "//", "//h/a", "/a//b", "/a//", "/a//?x"])(
    "refuses what is not in origin form, or has an empty segment: %j",
    (target) => {
      expect(parseTarget(target).ok).toBe(false);
    },
  );

  it.each(["/.", "/..", "/./a", "/../a", "/a/.", "/a/..", "/a/./b", "/a/../b", "/a/..?x", "/.?x"])(
    "refuses dot segments: %s",
    (target) => {
      expect(parseTarget(target)).toEqual({ ok: false, detail: "`.` or `..` segment in the path" });
    },
  );

  it.each([
    "/;",
    "/..;",
    "/.;",
    "/..;/a",
    "/a/..;x=1/b",
    "/a/.;/b",
    "/a/;/b",
    "/a/;x",
    "/a/..%3B/b",
    "/a/%3Bx",
    "/..;?x",
  ])("refuses what is a dot segment, or none at all, once its path parameter is dropped: %s", (target) => {
    expect(parseTarget(target)).toEqual({
      ok: false,
      detail: "a segment that is empty, `.` or `..` before its `;`",
    });
  });

  it.each(["/a;", "/a;..", "/...;x", "/.a;x", "/a;/b;", "/a%3B..", "/a?;&..;/"])(
    "accepts a path parameter behind a name: %s",
    (target) => {
      expect(parseTarget(target).ok).toBe(true);
    },
  );

  it.each([
    "%2e",
    "%2E",
    "%2e%2e",
    ".%2E",
    "%2f",
    "%2F",
    "%5c",
    "%5C",
    "%00",
    "%0A",
    "%0d",
    "%1F",
    "%7F",
    "%C2%80",
    "%C2%85",
    "%41",
    "%7e",
    "%7E",
    "%c3%a9",
    "%C3%a9",
    "%",
    "%2",
    "%zz",
    "%2G",
    "%%",
    "%u002e",
    "%C0%AE",
    "%C1%9C",
    "%E0%80%AF",
    "%F0%80%80%AF",
    "%ED%A0%80",
    "%F4%90%80%80",
    "%F8%88%80%80%80",
    "%80",
    "%C3",
    "%C3%28",
    "%C3/%A9",
    "%E2%82",
    "%FF",
  ])("refuses the encoding %s in a path", (encoded) => {
    const targets = [`/a/${encoded}`, `/${encoded}/b`, `/x${encoded}`, `/x${encoded}?q`];
    expect(targets.filter((target) => parseTarget(target).ok)).toEqual([]);
  });

  it("refuses every other character in the path, and in the query", () => {
    for (let code = 0; code < 0x180; code++) {
      const char = String.fromCharCode(code);
      const inPath = /[A-Za-z0-9._~!$&'()*+,;=:@/?-]/.test(char);
      const inQuery = inPath || /[[\]{}|^]/.test(char);
      expect([code, parseTarget(`/x${char}y`).ok]).toEqual([code, inPath]);
      expect([code, parseTarget(`/x?a${char}y`).ok]).toEqual([code, inQuery]);
    }
  });

  it.each(["%", "%0", "%00", "%zz", "a%", "a%2", "%u0041"])("refuses the encoding %s in a query", (encoded) => {
    expect(parseTarget(`/a?${encoded}`)).toEqual({ ok: false, detail: "broken percent-encoding in the query" });
  });

  it("changes nothing: path and query put together are the target", () => {
    fc.assert(
      fc.property(path, fc.option(query), (rawPath, rawQuery) => {
        const target = rawQuery === null ? rawPath : `${rawPath}?${rawQuery}`;
        expect(parseTarget(target)).toEqual({ ok: true, path: rawPath, query: rawQuery ?? "" });
      }),
    );
  });

  it("accepts no path that a URL parser reads in another way", () => {
    const odd = fc.constantFrom(
      "/",
      ".",
      "..",
      "%2e",
      "%2F",
      "\\",
      ";",
      "a",
      "%C3%A9",
      "A",
      "\t",
      "#",
      "@",
      "%5c",
      "//",
      ":",
      "?",
    );
    fc.assert(
      fc.property(fc.array(odd, { maxLength: 8 }), (parts) => {
        const target = `/${parts.join("")}`;
        const parsed = parseTarget(target);
        if (!parsed.ok) return;
        const url = new URL(`http://h${target}`);
        expect(url.host).toBe("h");
        expect(url.pathname).toBe(parsed.path);
        expect(decodeURIComponent(parsed.path).split("/")).toHaveLength(parsed.path.split("/").length);
      }),
      { numRuns: 2000 },
    );
  });

  it("never throws, whatever the text, and what it accepts can be decoded", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 40 }), (text) => {
        const parsed = parseTarget(`/${text}`);
        expect(() => decodeURIComponent(parsed.ok ? parsed.path : "")).not.toThrow();
      }),
    );
  });
});
