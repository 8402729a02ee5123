import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
// Under its own name the formatter would mend what these tests get wrong on purpose.
import { attributes, escapeHtml, type Html, type HtmlValue, html as markup } from "../../src/web/html.ts";
import { isSafeUrl } from "../../src/web/safe-url.ts";

/** Any text, with the characters that mean something in HTML much more often than chance. */
const text = fc.oneof(
  fc.string({ unit: "binary" }),
  fc
    .array(fc.constantFrom("<", ">", '"', "'", "`", "&", "=", " ", "/", "a", "\n", "-->", "</p>", "\u0000", "script"), {
      maxLength: 20,
    })
    .map((parts) => parts.join("")),
);

/** Turns the references that `escapeHtml` writes back into characters. */
function unescape(escaped: string): string {
  return escaped.replace(
    /&(lt|gt|quot|amp|#39|#96);/g,
    (_all, name: string) => ({ lt: "<", gt: ">", quot: '"', amp: "&", "#39": "'", "#96": "`" })[name] ?? "",
  );
}

function item(label: string): Html {
  return markup`<li>${label}</li>`;
}

describe("escaping", () => {
  test("no text ends a text area", () => {
    const area = markup`<textarea>${"</textarea><b>"}</textarea>`;
    expect(area.toString()).toBe("<textarea>&lt;/textarea&gt;&lt;b&gt;</textarea>");
  });

  test("no text opens or ends anything between tags, and all of it is kept", () => {
    fc.assert(
      fc.property(text, (value) => {
        const page = markup`<p>${value}</p>`.toString();
        const inside = page.slice("<p>".length, -"</p>".length);
        expect(inside).not.toMatch(/[<>]/);
        expect(inside).not.toMatch(/&(?!(?:lt|gt|quot|amp|#39|#96);)/);
        expect(unescape(inside)).toBe(value);
      }),
    );
  });

  test("no text leaves a quoted attribute value, and all of it is kept", () => {
    fc.assert(
      fc.property(text, text, (value, other) => {
        const template = markup`<input value="${value}" title="a ${other} b">`.toString();
        const list = `<input${String(attributes({ value, title: `a ${other} b` }))}>`;
        expect(list).toBe(template);
        const match = /^<input value="([^"<>'`]*)" title="a ([^"<>'`]*) b">$/.exec(template);
        expect(match === null ? null : [unescape(match[1] ?? ""), unescape(match[2] ?? "")]).toEqual([value, other]);
      }),
    );
  });

  test("markup of ours passes as it is, however deep in lists, and nothing else does", () => {
    expect(markup`<ul>${[item("a"), [item("<b>")], null, false, undefined, "<i>"]}</ul>`.toString()).toBe(
      "<ul><li>a</li><li>&lt;b&gt;</li>&lt;i&gt;</ul>",
    );
    expect(markup`${7}`.toString()).toBe("7");
    expect(escapeHtml("a & b")).toBe("a &amp; b");
  });
});

describe("places where a value could break out", () => {
  const evil: HtmlValue = "x onclick=alert(1)";
  test.each([
    ["an attribute without quotes", () => markup`<a href=${"/x"}>`],
    ["an attribute in single quotes", () => markup`<a title='${evil}'>`],
    ["a tag", () => markup`<a ${evil}>`],
    ["a tag's name", () => markup`<${"a"}>`],
    ["a comment", () => markup`<!-- ${evil} -->`],
    ["a script", () => markup`<script>${evil}</script>`],
    ["a style sheet", () => markup`<style>${evil}</style>`],
    ["an event handler", () => markup`<a onclick="${evil}">`],
    ["a style attribute", () => markup`<a style="${evil}">`],
    ["a document in an attribute", () => markup`<iframe srcdoc="${evil}">`],
    ["a list inside a tag", () => markup`<a ${[attributes({ id: "x" })]}>`],
    ["markup inside an attribute", () => markup`<a title="${markup`<b>`}">`],
    ["attributes between tags", () => markup`<p>${attributes({ id: "x" })}</p>`],
    ["the middle of a URL", () => markup`<a href="/x/${"y"}">`],
    ["a URL built of two values", () => markup`<a href="${"/"}${"/evil.example"}">`],
  ])("%s is refused", (_name, make) => {
    expect(make).toThrow(/^html: /);
  });

  test.each(["onclick", "ONCLICK", "style", "srcdoc", "a b", 'a"', "", "a=b", "x>"])(
    "attributes refuse the name %j",
    (name) => {
      expect(() => attributes({ [name]: "x" })).toThrow(/^html: /);
    },
  );

  test("attributes that are false, null or undefined are left out; true is the name alone", () => {
    expect(attributes({ checked: true, required: false, id: null, name: undefined, max: 3 }).toString()).toBe(
      ' checked max="3"',
    );
  });

  test("a title and a fragment take text", () => {
    expect(markup`<title>${"</title><script>"}</title>`.toString()).toBe("<title>&lt;/title&gt;&lt;script&gt;</title>");
    expect(markup`<a href="#${'a"b'}">`.toString()).toBe('<a href="#a&quot;b">');
  });
});

describe("links", () => {
  test.each([
    "/",
    "/signin?return_to=%2Foauth",
    "#main",
    "?page=2",
    "https://example.com/a?b=c#d",
    "http://127.0.0.1:8080/",
  ])("lead to %s", (url) => {
    expect(markup`<a href="${url}">`.toString()).toBe(`<a href="${escapeHtml(url)}">`);
    expect(attributes({ href: url }).toString()).toBe(` href="${escapeHtml(url)}"`);
  });

  test.each([
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "java\nscript:alert(1)",
    "\u0001javascript:alert(1)",
    " javascript:alert(1)",
    "data:text/html,x",
    "vbscript:x",
    "blob:https://example.com/x",
    "file:///etc/passwd",
    "mailto:a@example.com",
    "//evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/\tevil.example",
    "/a b",
    "https:evil.example",
    "https:/evil.example",
    "https://user:secret@example.com/",
    "https://",
    "relative/path",
    "",
  ])("never lead to %j", (url) => {
    expect(isSafeUrl(url)).toBe(false);
    expect(() => markup`<a href="${url}">`).toThrow(/^html: /);
    expect(() => attributes({ action: url })).toThrow(/^html: /);
  });

  test("what is safe resolves to http(s), and what begins as a path stays on its origin", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          text,
          fc.webUrl(),
          text.map((part) => `/${part}`),
          text.map((part) => `https:${part}`),
        ),
        (url) => {
          if (!isSafeUrl(url)) return;
          const resolved = new URL(url, "https://own.example/page");
          expect(["http:", "https:"]).toContain(resolved.protocol);
          expect(resolved.origin === "https://own.example" || /^https?:/i.test(url)).toBe(true);
        },
      ),
      { numRuns: 2000 },
    );
  });
});
