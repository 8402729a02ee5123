import { describe, expect, test } from "vitest";
import { hostileStates } from "../browser/admin-states.ts";

/** Each tries to leave the place that a page gives it. */
const PAYLOADS = [
  `<script>alert(1)</script>`,
  `"><img src=x onerror=alert(1)>`,
  `' onmouseover='alert(1)`,
  "javascript:alert(1)",
  "</title></style></textarea><svg/onload=alert(1)>",
  "<!-- --><a href=javascript:alert(1)>Approve</a>",
  "&lt;script&gt;alert(1)&lt;/script&gt;",
  "`${alert(1)}`{{constructor.constructor('alert(1)')()}}",
  "a\r\nSet-Cookie: x=1",
  "\u0000\u202E\u2066\uFEFF<b>",
] as const;

const TAG = /<(\/?[a-z][a-z0-9-]*|!doctype)((?:\s+[a-z-]+(?:="[^"]*")?|\s*\/)*)\s*>/gi;

/** The elements of a page with the names of their attributes: what text must never change. */
function shapeOf(page: string): readonly string[] {
  return [...page.matchAll(TAG)].map(([, name = "", attributes = ""]) => {
    const names = [...attributes.matchAll(/([a-z-]+)(?:="[^"]*")?/gi)].map(([, attribute]) => attribute);
    return `${name} ${names.join(" ")}`.toLowerCase();
  });
}

describe.each(Object.keys(hostileStates("a")))("page %s", (name) => {
  const harmless = String(hostileStates("a")[name]?.());

  test.each(PAYLOADS)("has the same elements whatever others chose: %j", (payload) => {
    const page = String(hostileStates(payload)[name]?.());
    expect(shapeOf(page)).toEqual(shapeOf(harmless));
    // Every `<` opens one of them: none is left that a browser could read otherwise.
    expect(page.match(/</g)).toHaveLength(shapeOf(page).length);
    expect(page).not.toMatch(/(?:href|src|action)="\s*javascript:/i);
  });
});
