import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { METHODS } from "../../src/core/methods.ts";
import { parseTarget } from "../../src/core/target.ts";
import { decide } from "../../src/policy/decide.ts";
import type { Policy } from "../../src/policy/types.ts";
import { ANONYMOUS } from "../../src/core/principal.ts";
import { headOf, policyOf, rulesText } from "./rules.ts";

/** One rule a pattern, `METHOD[,METHOD] PATTERN[ allow]`; `*` is every method. The id is `rN`. */
async function policyFor(...specs: readonly string[]): Promise<Policy> {
  const routes = specs.map((spec, index) => {
    const [methods = "*", path = "", parameters = "refuse"] = spec.split(" ");
    const list = methods === "*" ? "" : `methods: [${methods}], `;
    return `{ id: r${index}, match: { ${list}path: "${path}" }, upstream: desk, scopes: [tickets:read], portal: upstream, path_parameters: ${parameters} }`;
  });
  return policyOf(rulesText(...routes));
}

function scoped(id: string, path: string, portal: string): string {
  return `{ id: ${id}, match: { path: "${path}" }, upstream: desk, scopes: [tickets:read], portal: "${portal}" }`;
}

/** The pattern that a request goes to, or the reason why to none. */
function goes(policy: Policy, target: string, method = "GET"): string {
  const match = policy.match(headOf(method, target));
  return match.found ? match.route.pattern : match.deny.reason;
}

describe("matching", () => {
  it("takes the most specific pattern: static, then parameter, then rest", async () => {
    const policy = await policyFor("* /a/b", "* /a/:x", "* /a/*", "* /a/b/c", "* /a/:x/d", "* /:x/b", "* /");
    expect(goes(policy, "/a/b")).toBe("/a/b");
    expect(goes(policy, "/a/z")).toBe("/a/:x");
    expect(goes(policy, "/a/z/z")).toBe("/a/*");
    expect(goes(policy, "/a")).toBe("/a/*");
    expect(goes(policy, "/a/")).toBe("/a/*");
    expect(goes(policy, "/z/b")).toBe("/:x/b");
    expect(goes(policy, "/")).toBe("/");
    expect(goes(policy, "/z")).toBe("no_route");
    expect(goes(policy, "/z/b/")).toBe("no_route");
  });

  it("goes back where a more specific beginning leads nowhere", async () => {
    const policy = await policyFor("* /a/b/c", "* /a/:x/d", "* /:x/b/e", "* /*");
    expect(goes(policy, "/a/b/c")).toBe("/a/b/c");
    expect(goes(policy, "/a/b/d")).toBe("/a/:x/d");
    expect(goes(policy, "/a/b/e")).toBe("/:x/b/e");
    expect(goes(policy, "/a/b/f")).toBe("/*");
    expect(goes(policy, "/")).toBe("/*");
  });

  it("takes `/x/*` for /x, /x/ and everything below, and for nothing beside", async () => {
    const policy = await policyFor("* /x/*");
    for (const target of ["/x", "/x/", "/x/a", "/x/a/b/", "/x?y"]) expect(goes(policy, target)).toBe("/x/*");
    for (const target of ["/", "/xx", "/y", "/y/x"]) expect(goes(policy, target)).toBe("no_route");
  });

  it("lets a parameter take one whole segment that is not empty", async () => {
    const policy = await policyFor("* /p/:x", "* /q/:x/");
    expect(goes(policy, "/p/a")).toBe("/p/:x");
    expect(goes(policy, "/p/a%20b@c:d")).toBe("/p/:x");
    for (const target of ["/p", "/p/", "/p/a/", "/p/a/b", "/q/a", "/q/"]) expect(goes(policy, target)).toBe("no_route");
    expect(goes(policy, "/q/a/")).toBe("/q/:x/");
  });

  it("never looks at the query", async () => {
    const policy = await policyFor("* /public", "* /secret");
    expect(goes(policy, "/public?/secret")).toBe("/public");
    expect(goes(policy, "/public?/../secret")).toBe("/public");
    expect(goes(policy, "/public/?/secret")).toBe("no_route");
  });

  it("keeps keys of Object.prototype as plain segments", async () => {
    const policy = await policyFor("* /a/:x", "* /constructor");
    expect(goes(policy, "/__proto__")).toBe("no_route");
    expect(goes(policy, "/a/__proto__")).toBe("/a/:x");
    expect(goes(policy, "/constructor")).toBe("/constructor");
  });

  it("answers with the same object each time: nothing is made per request", async () => {
    const policy = await policyFor("GET /a/:x");
    for (const target of ["/a/1", "/b"]) {
      expect(policy.match(headOf("GET", target))).toBe(policy.match(headOf("GET", target)));
    }
    expect(policy.match(headOf("PUT", "/a/1"))).toBe(policy.match(headOf("PUT", "/a/2")));
  });
});

describe("methods", () => {
  it("refuses another method of the winning pattern, and never falls through to a wider one", async () => {
    const policy = await policyFor("GET /a/b", "POST /a/b", "DELETE /a/:x", "* /a/*");
    expect(goes(policy, "/a/b", "POST")).toBe("/a/b");
    expect(policy.match(headOf("DELETE", "/a/b"))).toMatchObject({
      found: false,
      deny: { reason: "method_not_allowed" },
      allowedMethods: ["GET", "POST"],
    });
    expect(goes(policy, "/a/z", "GET")).toBe("method_not_allowed");
    expect(goes(policy, "/a/z/z", "GET")).toBe("/a/*");
  });

  it("does not take HEAD for GET", async () => {
    const policy = await policyFor("GET /a");
    expect(goes(policy, "/a", "HEAD")).toBe("method_not_allowed");
  });

  it.each(["TRACE", "CONNECT", "PROPFIND", "get", "", "constructor"])(
    "refuses %j also where every method is served",
    async (method) => {
      const policy = await policyFor("* /a");
      expect(goes(policy, "/a", method)).toBe("method_not_allowed");
      for (const known of METHODS) expect(goes(policy, "/a", known)).toBe("/a");
    },
  );

  it("allows nobody without a credential but on public routes: every method, every route", async () => {
    const selectors = ["path:x", "query:x", "header:X-P", "host", "json:/x", "upstream", "unrestricted"];
    const policy = await policyOf(
      rulesText(
        "{ id: open, match: { methods: [GET, POST], path: /open }, upstream: desk, public: true }",
        ...selectors.map((selector, index) => scoped(`s${index}`, `/s${index}/:x`, selector)),
      ),
    );
    const allowed: string[] = [];
    for (const method of [...METHODS, "TRACE", "CONNECT"]) {
      for (const path of ["/", "/open", "/open/", ...selectors.map((_, index) => `/s${index}/acme`)]) {
        const head = headOf(method, `${path}?x=acme`, ["X-P", "acme"], "acme.desk.test");
        const match = policy.match(head);
        if (match.found && decide(match.route, ANONYMOUS, head, { x: "acme" }).allow) allowed.push(`${method} ${path}`);
      }
    }
    expect(allowed).toEqual(["GET /open", "POST /open"]);
  });
});

describe("look-alikes", () => {
  it("refuses other case and a slash at the end, where they hide a more specific rule", async () => {
    const policy = await policyFor("* /a/admin", "* /a/:x", "* /b/*", "* /b/admin/:id", "* /c/*", "* /c");
    for (const target of ["/a/Admin", "/b/Admin/1", "/b/ADMIN/1/"]) expect(goes(policy, target)).toBe("bad_request");
    expect(goes(policy, "/a/ADMIN")).toBe("bad_request");
    expect(goes(policy, "/b/admin/1/")).toBe("bad_request");
    expect(goes(policy, "/c/")).toBe("bad_request");
    expect(goes(policy, "/a/ADMINS")).toBe("/a/:x");
    expect(goes(policy, "/b/Other/")).toBe("/b/*");
    expect(goes(policy, "/a/admin")).toBe("/a/admin");
  });

  it("sees through compatibility characters, encoded delimiters and encoded path parameters", async () => {
    const policy = await policyFor("* /k/key", "* /k/a@b", "* /k/:x");
    expect(goes(policy, "/k/%E2%84%AAey")).toBe("bad_request");
    expect(goes(policy, "/k/a%40b")).toBe("bad_request");
    expect(goes(policy, "/k/key%3Bx")).toBe("bad_request");
    expect(goes(policy, "/k/%C3%A9")).toBe("/k/:x");
  });

  it("compares with patterns that have upper case or a slash at the end themselves", async () => {
    const policy = await policyFor("* /v/Admin", "* /v/:x", "* /w/list/", "* /w/*");
    expect(goes(policy, "/v/Admin")).toBe("/v/Admin");
    expect(goes(policy, "/v/admin")).toBe("bad_request");
    expect(goes(policy, "/v/other")).toBe("/v/:x");
    expect(goes(policy, "/w/list/")).toBe("/w/list/");
    expect(goes(policy, "/w/list")).toBe("bad_request");
  });

  it("refuses a suffix, a dot or a space behind the last segment, where they hide a more specific rule", async () => {
    const policy = await policyFor("* /any/*", "* /any/users", "* /any/users/:id/secret", "* /v/:x", "* /v/list");
    for (const end of [".json", ".JSON", ".a", ".12345678", ".", "..", "%20", ".json.", ".json%20", "%20.", ".json/"]) {
      expect([end, goes(policy, `/any/users${end}`)]).toEqual([end, "bad_request"]);
    }
    expect(goes(policy, "/any/Users.xml")).toBe("bad_request");
    expect(goes(policy, "/any/users/1/secret.xml")).toBe("bad_request");
    expect(goes(policy, "/any/users%20/1/secret")).toBe("bad_request");
    expect(goes(policy, "/v/list.csv")).toBe("bad_request");
    for (const path of ["/any/report.pdf", "/any/users.123456789", "/any/users.a-b", "/any/.users", "/any/users.d/x"]) {
      expect([path, goes(policy, path)]).toEqual([path, "/any/*"]);
    }
    expect(goes(policy, "/any/users/1/secrets.xml")).toBe("/any/*");
    expect(goes(policy, "/any/users")).toBe("/any/users");
    expect(goes(await policyFor("* /", "* /*"), "/%20")).toBe("bad_request");
  });

  it("leaves suffixes alone that the rules write themselves, or where nothing more specific is hidden", async () => {
    const policy = await policyFor("* /a/:x", "* /a/v1.2/*", "* /a/v1.2/admin", "* /b/u", "* /b/u.json", "* /b/*");
    expect(goes(policy, "/a/v1.2")).toBe("/a/v1.2/*");
    expect(goes(policy, "/a/v1.2/x.json")).toBe("/a/v1.2/*");
    expect(goes(policy, "/a/v1.2/admin.json")).toBe("bad_request");
    expect(goes(policy, "/b/u")).toBe("/b/u");
    expect(goes(policy, "/b/u.json")).toBe("/b/u.json");
    expect(goes(policy, "/b/u.xml")).toBe("bad_request");
  });

  it("looks at the whole path, not only at the last segment", async () => {
    const policy = await policyFor("* /API/:x", "* /api/admin", "* /:any/status");
    expect(goes(policy, "/API/admin")).toBe("bad_request");
    expect(goes(policy, "/API/Admin")).toBe("bad_request");
    expect(goes(policy, "/API/x")).toBe("/API/:x");
    const nested = await policyFor("* /t/:id/secret", "* /t/*");
    expect(goes(nested, "/t/1/Secret")).toBe("bad_request");
    expect(goes(nested, "/t/1/secret/")).toBe("bad_request");
    expect(goes(nested, "/t/1/other/")).toBe("/t/*");
  });

  it("lets both of two explicit spellings be served", async () => {
    const policy = await policyFor("* /s/:x", "* /s/:x/", "* /A/:x", "* /a/:x");
    expect(goes(policy, "/s/1")).toBe("/s/:x");
    expect(goes(policy, "/s/1/")).toBe("/s/:x/");
    expect(goes(policy, "/A/1")).toBe("/A/:x");
    expect(goes(policy, "/a/1")).toBe("/a/:x");
  });

  it("leaves upper case alone where there is no sibling to be mistaken for", async () => {
    const policy = await policyFor("* /p/:portal/tickets/*", "* /p/:portal/users");
    expect(goes(policy, "/p/ACME/tickets/ABC/")).toBe("/p/:portal/tickets/*");
    expect(goes(policy, "/p/ACME/users")).toBe("/p/:portal/users");
  });
});

describe("path parameters", () => {
  it("refuses `;` in any segment unless the rule allows it", async () => {
    const policy = await policyFor("* /a/*", "* /b/:x allow", "* /b/admin", "* /b/:x/:y allow");
    for (const target of ["/a;x", "/a/b;x=1"]) expect(["bad_request", "no_route"]).toContain(goes(policy, target));
    expect(goes(policy, "/a/b;x=1")).toBe("bad_request");
    expect(goes(policy, "/b/c;v=1")).toBe("/b/:x");
    expect(goes(policy, "/b/admin;v=1")).toBe("bad_request");
    expect(goes(policy, "/b/c;v=1/d;")).toBe("/b/:x/:y");
  });
});

describe("a method in the query", () => {
  const ALLOWING = rulesText(
    "{ id: strict, match: { path: /a }, upstream: desk, public: true }",
    "{ id: lax, match: { path: /b }, upstream: desk, public: true, method_override: allow }",
  );

  it.each([
    "_method=DELETE",
    "a=1&_METHOD=put",
    "%5Fmethod=DELETE",
    "_%6Dethod",
    "_method[]=DELETE",
    "[_method]=DELETE",
    "_method]=DELETE",
    "+_method=DELETE",
    ".method=DELETE",
    "[method=DELETE",
    "a=1;_method=DELETE",
    "_m%EF%BD%85thod=DELETE",
    "X-HTTP-Method-Override=DELETE",
    "x_http_method=DELETE",
    "X-Method-Override=DELETE",
  ])("is refused unless the rule allows it: %s", async (query) => {
    const policy = await policyOf(ALLOWING);
    expect(goes(policy, `/a?${query}`, "POST")).toBe("bad_request");
    expect(goes(policy, `/a?${query}`)).toBe("bad_request");
    expect(goes(policy, `/b?${query}`, "POST")).toBe("/b");
  });

  it.each(["method=DELETE", "a=_method", "payment_method=card", "a[_method]=1", "a=%FF&%FF=_method", "_methods=1"])(
    "is none: %s",
    async (query) => {
      expect(goes(await policyOf(ALLOWING), `/a?${query}`, "POST")).toBe("/a");
    },
  );
});

/** How far a segment of a pattern is from being specific; nothing at all is as specific as it gets. */
function rank(segment: string | undefined): number {
  if (segment === undefined) return 0;
  return segment === "*" ? 3 : segment.startsWith(":") ? 2 : 1;
}

/** What the rules of matching say, without a trie: compare all patterns that match, segment by segment. */
function reference(patterns: readonly string[], path: string): string {
  const matches = (pattern: string): boolean => {
    const segments = pattern.slice(1).split("/");
    const open = segments.at(-1) === "*";
    if (open) segments.pop();
    const parts = path.slice(1).split("/");
    if (open ? parts.length < segments.length : parts.length !== segments.length) return false;
    return segments.every((segment, index) =>
      segment.startsWith(":") ? parts[index] !== "" : segment === parts[index],
    );
  };
  const found = patterns.filter(matches).toSorted((a, b) => {
    const left = a.slice(1).split("/");
    const right = b.slice(1).split("/");
    for (let index = 0; index < Math.max(left.length, right.length); index++) {
      const difference = rank(left[index]) - rank(right[index]);
      if (difference !== 0) return difference;
    }
    return 0;
  });
  return found[0] ?? "no_route";
}

describe("matching, generated", () => {
  const part = fc.constantFrom("a", "b", "c", ":x");
  const pattern = fc
    .tuple(fc.array(part, { maxLength: 4 }), fc.constantFrom("", "/", "/*"))
    .map(
      ([parts, tail]) =>
        `/${parts.map((text, index) => (text === ":x" ? `:x${index}` : text)).join("/")}${parts.length === 0 ? tail.slice(1) : tail}`,
    );
  const patterns = fc.uniqueArray(pattern, { minLength: 1, maxLength: 14 });
  const path = fc
    .tuple(fc.array(fc.constantFrom("a", "b", "c", "d"), { maxLength: 5 }), fc.boolean())
    .map(([parts, slash]) => `/${parts.join("/")}${slash && parts.length > 0 ? "/" : ""}`);

  it("finds what a naive comparison of all patterns finds, or refuses a look-alike", async () => {
    await fc.assert(
      fc.asyncProperty(patterns, fc.array(path, { minLength: 1, maxLength: 20 }), async (list, paths) => {
        const policy = await policyFor(...list.map((text) => `* ${text}`));
        for (const target of paths) {
          const expected = reference(list, target);
          // A look-alike is a slash at the end, more or less, where the other path is another pattern's.
          const other = reference(list, target.endsWith("/") ? target.slice(0, -1) : `${target}/`);
          const mayBeRefused = /[:*]/.test(expected) && other !== expected;
          const possible = mayBeRefused ? [expected, "bad_request"] : [expected];
          expect(possible).toContain(goes(policy, target));
        }
      }),
      { numRuns: 150 },
    );
  });

  it("never serves a path in another case or with a slash more than the rule that names it exactly", async () => {
    await fc.assert(
      fc.asyncProperty(
        patterns,
        path,
        fc.array(fc.boolean(), { minLength: 12, maxLength: 12 }),
        async (list, target, upper) => {
          const policy = await policyFor(...list.map((text) => `* ${text}`));
          const twisted = target
            .split("")
            .map((char, index) => (upper[index % 12] === true ? char.toUpperCase() : char))
            .join("");
          const plain = goes(policy, target);
          const found = goes(policy, twisted);
          fc.pre(plain !== "bad_request");
          expect([plain, "no_route", "bad_request"]).toContain(found);
        },
      ),
      { numRuns: 200 },
    );
  });

  it("matches the raw path: what an odd target stands for is never served", async () => {
    const policy = await policyFor("* /public/*", "* /admin", "* /admin/*", "* /p/:portal/tickets");
    const odd = fc.constantFrom(
      "/",
      "//",
      ".",
      "..",
      "%2e",
      "%2E%2E",
      "%2f",
      "%2F",
      "%5c",
      "\\",
      "%00",
      ";x",
      "public",
      "admin",
      "ADMIN",
      "p",
      "acme",
      "tickets",
      "%61dmin",
      "%",
      "?",
      "#",
    );
    fc.assert(
      fc.property(fc.array(odd, { maxLength: 8 }), (parts) => {
        const target = `/${parts.join("")}`;
        const parsed = parseTarget(target);
        if (!parsed.ok) return;
        expect(`${parsed.path}${target.includes("?") ? "?" : ""}${parsed.query}`).toBe(target);
        const match = policy.match({
          method: "GET",
          target,
          path: parsed.path,
          query: parsed.query,
          host: "h",
          rawHeaders: [],
        });
        if (!match.found) return;
        // As the laxest service would read it.
        const lax = new URL(`http://h${target}`).pathname.toLowerCase().replaceAll(/\/+$/g, "").split(/[;]/)[0] ?? "";
        const isAdmin = /^\/admin(?:\/|$)/.test(decodeURIComponent(lax));
        expect(match.route.pattern.startsWith("/admin")).toBe(isAdmin);
      }),
      { numRuns: 3000 },
    );
  });
});
