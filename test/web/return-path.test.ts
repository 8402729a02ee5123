import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { returnPath } from "../../src/web/return-path.ts";

const PREFIXES = ["/oauth", "/signin"];
const OWN = "https://desk.example.com";

describe("a way back", () => {
  test.each([
    "/oauth",
    "/oauth/device",
    "/oauth/device?user_code=BCDF-GHJK",
    "/oauth/interaction/V1StGXR8_Z5jdHi6B-myT",
    "/signin?return_to=%2Foauth%2Fdevice",
    "/oauth/authorize?redirect_uri=https%3A%2F%2Fclient.example%2Fcb&scope=tickets%3Aread",
  ])("is %s", (path) => {
    expect(returnPath(path, PREFIXES)).toBe(path);
  });

  test.each([
    ["another host", "//evil.example"],
    ["another host under our path", "//evil.example/oauth"],
    ["three slashes", "///evil.example/oauth"],
    ["a backslash", "/\\evil.example"],
    ["two backslashes", "\\\\evil.example"],
    ["a backslash behind the prefix", "/oauth\\..\\..\\evil"],
    ["a tab that browsers drop", "/\t/evil.example"],
    ["a line feed that browsers drop", "/\n/evil.example"],
    ["a carriage return", "/oauth\r\nSet-Cookie: a=b"],
    ["a space before", " /oauth"],
    ["a control before", "\u0001/oauth"],
    ["a NUL", "/oauth\u0000"],
    ["https", "https://evil.example/oauth"],
    ["https without slashes", "https:evil.example"],
    ["https with one slash", "https:/evil.example"],
    ["our own origin written out", `${OWN}/oauth`],
    ["a script", "javascript:alert(1)"],
    ["a data URL", "data:text/html,x"],
    ["a user part", "/@evil.example"],
    ["a host behind our prefix", "/oauth@evil.example"],
    ["a prefix that goes on", "/oauthevil"],
    ["dot segments", "/oauth/../api"],
    ["dot segments at the end", "/oauth/.."],
    ["dot segments in the encoded form", "/oauth/%2e%2e/api"],
    ["dot segments half encoded", "/oauth/.%2E/api"],
    ["dot segments twice encoded", "/oauth/%252e%252e/api"],
    ["an encoded slash", "/oauth/..%2fapi"],
    ["an encoded backslash", "/oauth/%5c%5cevil.example"],
    ["an encoded second slash", "/%2fevil.example"],
    ["an encoded tab", "/%09/evil.example"],
    ["an encoded line in the path", "/oauth/%0d%0aLocation:x"],
    ["an encoded line in the query", "/oauth?x=%0d%0aLocation:x"],
    ["an encoded NUL in the query", "/oauth?x=%00"],
    ["a path parameter before dots", "/oauth/;/../x"],
    ["dots with a path parameter", "/oauth/..;x=y/api"],
    ["an empty segment", "/oauth//evil.example"],
    ["a fragment", "/oauth#//evil.example"],
    ["full-width slashes", "/\uFF0F\uFF0Fevil.example"],
    ["a full-width dot", "/oauth/\u3002\u3002/x"],
    ["a path that is not ours", "/api/portals"],
    ["the root", "/"],
    ["another case", "/OAuth"],
    ["broken encoding", "/oauth?x=%zz"],
    ["a relative path", "oauth"],
    ["nothing", ""],
    ["what is too long", `/oauth?${"x".repeat(2048)}`],
  ])("is never %s", (_name, text) => {
    expect(returnPath(text, PREFIXES)).toBeNull();
  });

  test.each([undefined, null, 7, ["/oauth"], { toString: () => "/oauth" }])("is no text but %j", (value) => {
    expect(returnPath(value, PREFIXES)).toBeNull();
  });

  test("resolves to the same path of our own origin, whatever was sent", () => {
    const piece = fc.constantFrom(
      "/",
      "//",
      "\\",
      "..",
      ".",
      "%2e",
      "%2f",
      "%5c",
      "@",
      ":",
      "?",
      "#",
      ";",
      "\t",
      "\n",
      " ",
      "oauth",
      "signin",
      "evil.example",
      "https:",
      "a",
      "%00",
      "&x=",
      "\uFF0F",
    );
    const path = fc.oneof(
      fc.array(piece, { maxLength: 12 }).map((parts) => parts.join("")),
      fc.array(piece, { maxLength: 12 }).map((parts) => `/oauth${parts.join("")}`),
      fc.string({ unit: "binary" }).map((rest) => `/oauth/${rest}`),
    );
    let accepted = 0;
    fc.assert(
      fc.property(path, (text) => {
        const back = returnPath(text, PREFIXES);
        if (back === null) return;
        accepted += 1;
        expect(back).toBe(text);
        const url = new URL(back, `${OWN}/signin`);
        expect(url.origin).toBe(OWN);
        expect(url.hash).toBe("");
        expect(/^\/(?:oauth|signin)(?:\/|$)/.test(url.pathname)).toBe(true);
        expect(url.pathname).toBe(back.split("?")[0]);
        // Nor after one round of decoding by whatever stands between.
        expect(decodeURIComponent(url.pathname)).toBe(url.pathname);
      }),
      { numRuns: 20_000 },
    );
    expect(accepted).toBeGreaterThan(100);
  });
});
