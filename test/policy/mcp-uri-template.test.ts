import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  matchTemplate,
  parseTemplate,
  templatesOverlap,
  uriProblem,
  type UriTemplate,
} from "../../src/policy/uri-template.ts";

function template(text: string): UriTemplate {
  const parsed = parseTemplate(text);
  if (!parsed.ok) throw new Error(`${text}: ${parsed.message}`);
  return parsed.template;
}

describe("uriProblem", () => {
  it.each([
    "ticket://acme/1001",
    "ticket://acme",
    "ticket://acme/",
    "https://desk.example/a?b=c&d",
    "file:///srv/a.txt",

    "urn:isbn:0451450523",
    "mem:notes/today",
    "https://desk.example:8443/a;b=1",
    "ticket://acme/%C3%A4",
    "x://[::1]/a",
  ])("passes %s", (uri) => {
    expect(uriProblem(uri)).toBeNull();
  });

  it.each([
    "https://desk.example",
    "HTTPS://desk.example/",
    "https://Desk.example/",
    "https://desk.example:443/",
    "https://127.1/",
    "https://0x7f.1/",
    "https://desk.example./..",
    "file:/srv/a.txt",
    "https:/desk.example/",
    "https:\\\\desk.example/",
    "urn:a/../b",
    "a:b:/%2e",
    "https://user@desk.example/",
    "a://b/c#d",
    "a://b/\u0661",

    "1a://b",
    "a",
    "",
    "a:",
    "://b",
    `a://${"b".repeat(2100)}`,
    "https://desk.example/a b",
    "https://%64esk.example/",
  ])("refuses %s", (uri) => {
    expect(uriProblem(uri)).not.toBeNull();
  });

  it("passes only what a reader that resolves it leaves as it is", () => {
    const part = fc.constantFrom(
      ..."/?#@:%.\\&=~ ab01éÄ".split(""),
      "..",
      "%2F",
      "%41",
      "://",
      "%E4%B8%96",
      "\n",
      "\0",
    );
    fc.assert(
      fc.property(
        fc.constantFrom("ticket:", "https:", "file:", "urn:"),
        fc.array(part, { maxLength: 8 }),
        (scheme, parts) => {
          const uri = `${scheme}${parts.join("")}`;
          expect(uriProblem(uri) !== null || new URL(uri).href === uri).toBe(true);
        },
      ),
      { numRuns: 3000 },
    );
  });
});

describe("parseTemplate and matchTemplate", () => {
  it.each<[string, string, readonly string[] | null]>([
    ["ticket://{portal}/{id}", "ticket://acme/1", ["acme", "1"]],
    ["ticket://{portal}/{id}", "ticket://acme/1/2", null],
    ["ticket://{portal}/{id}", "ticket://acme/", null],
    ["ticket://{portal}/{id}", "ticket://acme/1?x", null],
    ["ticket://{portal}/{id}", "xticket://acme/1", null],
    ["https://d.example/{portal}/t-{id}.json", "https://d.example/acme/t-7.json", ["acme", "7"]],
    ["https://d.example/{portal}/t-{id}.json", "https://d.example/acme/t-7xjson", null],
    ["https://d.example/s?q={q}", "https://d.example/s?q=a", ["a"]],
    ["ticket://acme/1", "ticket://acme/1", []],
    ["ticket://acme/1", "ticket://acme/11", null],
  ])("%s on %s", (text, uri, values) => {
    expect(uriProblem(uri)).toBeNull();
    expect(matchTemplate(template(text), uri)).toEqual(values);
  });

  it.each([
    ["ticket://{portal", "`{` and `}` stand around variables only"],
    ["ticket://portal}", "`{` and `}` stand around variables only"],
    ["ticket://{}/x", "a variable is `{name}`, of letters, digits and `_`"],
    ["ticket://{+portal}/x", "a variable is `{name}`, of letters, digits and `_`"],
    ["ticket://{portal*}/x", "a variable is `{name}`, of letters, digits and `_`"],
    ["ticket://{a}/{a}", "the variable `a` stands twice"],
    ["ticket://{a}-{b}", "two variables in one segment: readers could split it differently"],
    ["{scheme}://a", "a URI starts with a scheme in lower case, such as `ticket://`"],
    ["ticket://{a}/../x", "no request can have this URI: the URI: `.` or `..` segment in the path"],
    ["ticket://{a}#b", "no request can have this URI: the URI's authority is not in its normal form"],
    ["https://Desk.example/{a}", "no request can have this URI: the URI is not in its normal form"],
  ])("refuses %s", (text, message) => {
    expect(parseTemplate(text)).toEqual({ ok: false, message });
  });
});

describe("templatesOverlap", () => {
  it.each([
    ["t://{a}/{b}", "t://{c}/{d}", true],
    ["t://Admin/{b}", "t://admin/{b}", true],
    ["t://{a}/P-{b}", "t://{a}/p-{b}", true],
    ["t://{a}/P-{b}", "t://{a}/q-{b}", false],
    ["t://{a}/{b}", "t://acme/{b}", true],
    ["t://{a}/x", "t://acme/{b}", true],
    ["t://{a}/x", "t://{a}/y", false],
    ["t://{a}/{b}", "t://{a}", false],
    ["t://{a}/{b}", "u://{a}/{b}", false],
    ["t://{a}/p-{b}", "t://{a}/q-{b}", false],
    ["t://{a}/p-{b}", "t://{a}/{b}.json", true],
    ["t://{a}/p-{b}", "t://{a}/p-", false],
    ["t://{a}?q={b}", "t://{a}/q={b}", false],
  ])("%s and %s: %s", (one, other, expected) => {
    expect(templatesOverlap(template(one), template(other))).toBe(expected);
    expect(templatesOverlap(template(other), template(one))).toBe(expected);
  });

  it("is true wherever one URI is of both", () => {
    const segment = fc.constantFrom("a", "b", "ab", "{x}", "a{x}", "{x}b", "a{x}b");
    const text = fc.array(segment, { minLength: 1, maxLength: 3 }).map((segments) => {
      const named = segments.map((each, index) => each.replace("x", `x${index}`));
      return `t://${named.join("/")}`;
    });
    const filler = fc.constantFrom("a", "b", "ab", "aab");
    fc.assert(
      fc.property(text, text, filler, (one, other, value) => {
        const uri = one.replaceAll(/\{x\d\}/g, value);
        fc.pre(matchTemplate(template(other), uri) !== null);
        expect(templatesOverlap(template(one), template(other))).toBe(true);
      }),
      { numRuns: 3000 },
    );
  });
});
