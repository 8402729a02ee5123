import * as fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { type JsonValue, parseStrictJson } from "../../src/core/json.ts";
import type { RequestHead } from "../../src/core/request.ts";
import { ANONYMOUS } from "../../src/core/principal.ts";
import { decide, decidePortal, decideScopes } from "../../src/policy/decide.ts";
import type { Policy, Route } from "../../src/policy/types.ts";
import { headOf, keyHolder, policyOf, rulesText } from "./rules.ts";

const SELECTORS = {
  path: "path:portal",
  query: "query:portal_id",
  header: "header:X-Portal-Id",
  host: "host",
  based: "host:desk.test",
  json: "json:/ticket/portal",
  upstream: "upstream",
  unrestricted: "unrestricted",
} as const;

let policy: Policy;

beforeAll(async () => {
  const routes = Object.entries(SELECTORS).map(
    ([kind, selector]) =>
      `{ id: ${kind}, match: { path: "/${kind}/:portal/*" }, upstream: desk, scopes: [tickets:read], portal: "${selector}" }`,
  );
  const pointer = "json:/a~1b/1/c~0d";
  policy = await policyOf(
    rulesText(
      ...routes,
      `{ id: pointer, match: { path: /p }, upstream: desk, scopes: [tickets:read], portal: "${pointer}" }`,
      "{ id: open, match: { path: /open }, upstream: desk, public: true }",
    ),
  );
});

const restricted = keyHolder(["tickets:read"], "acme");
const free = keyHolder(["tickets:read"]);

function routeOf(head: RequestHead): Route {
  const match = policy.match(head);
  if (!match.found) throw new Error(match.deny.reason);
  return match.route;
}

/** `allow NAMED` or the reason, for the restricted and the unrestricted key. */
function verdicts(head: RequestHead, body: JsonValue | null = null): readonly [restricted: string, free: string] {
  const verdict = (principal: typeof free): string => {
    const decision = decidePortal(routeOf(head), principal, head, body);
    return decision.allow ? `allow ${decision.portal ?? "none"}` : decision.reason;
  };
  return [verdict(restricted), verdict(free)];
}

const OWN = ["allow acme", "allow acme"];
const OTHER = ["portal_forbidden", "allow globex"];
const NONE = ["portal_forbidden", "allow none"];
const AMBIGUOUS = ["ambiguous_portal", "ambiguous_portal"];
const BAD = ["bad_request", "bad_request"];

describe("path", () => {
  it.each([
    ["/path/acme/x", OWN],
    ["/path/acme", OWN],
    ["/path/globex", OTHER],
    ["/path/ACME", ["portal_forbidden", "allow ACME"]],
    ["/path/acme%20", BAD],
    ["/path/a@b", BAD],
    [`/path/${"a".repeat(65)}`, BAD],
  ])("%s", (target, expected) => {
    expect(verdicts(headOf("GET", target))).toEqual(expected);
  });
});

describe("query", () => {
  it.each([
    ["portal_id=acme", OWN],
    ["a=1&portal_id=acme&b", OWN],
    ["portal_id=%61cme", OWN],
    ["%70ortal_id=acme", OWN],
    ["portal_id=globex", OTHER],
    ["", NONE],
    ["portal=acme&xportal_id=acme&portal_ids=acme", NONE],
    ["a=portal_id=acme", NONE],
    ["portal_id=", BAD],
    ["portal_id", BAD],
    ["portal_id=acme+", BAD],
    ["portal_id=acme%20", BAD],
    ["portal_id=acme,globex", BAD],
    ["portal_id=acme;x=1", BAD],
    ["portal_id=%FF", BAD],
    ["portal_id=acme&%C1%B0ortal_id=globex", BAD],
    ["portal_id=acme&portal_id=acme", AMBIGUOUS],
    ["portal_id=acme&portal_id=globex", AMBIGUOUS],
    ["portal_id=acme&%70ortal_id=globex", AMBIGUOUS],
    ["portal_id=acme&portal_id", AMBIGUOUS],
    ["portal_id=acme&Portal_Id=globex", AMBIGUOUS],
    ["PORTAL_ID=acme", AMBIGUOUS],
    ["portal_id[]=acme", AMBIGUOUS],
    ["portal_id=acme&portal_id[0]=globex", AMBIGUOUS],
    ["portal_id=acme&portal_id%5B%5D=globex", AMBIGUOUS],
    ["portal_id=acme&portal_id%5Bx%5D=globex", AMBIGUOUS],
    ["portal_id=acme&portal[id=globex", AMBIGUOUS],
    ["portal_id=acme&[portal_id]=globex", AMBIGUOUS],
    ["portal_id=acme&%5Bportal_id%5D=globex", AMBIGUOUS],
    ["portal_id=acme&portal_id]=globex", AMBIGUOUS],
    ["portal_id=acme&[portal_id=globex", AMBIGUOUS],
    ["portal_id=acme&]portal_id=globex", AMBIGUOUS],
    ["portal_id=acme&[[portal_id=globex", AMBIGUOUS],
    ["portal_id=acme&[+portal_id]=globex", AMBIGUOUS],
    ["portal_id=acme&[portal_id][]=globex", AMBIGUOUS],
    ["portal_id=acme&portal_id]x=globex", AMBIGUOUS],
    ["portal_id=acme&%EF%BC%BBportal_id=globex", AMBIGUOUS],
    ["portal_id=acme&a;[portal_id]=globex", AMBIGUOUS],
    ["portal_id=acme&.portal_id=globex", AMBIGUOUS],
    ["portal_id=acme&portal_id.x=globex", AMBIGUOUS],
    ["portal_id=acme&a[portal_id]=globex&[]=1&]=1&=1", OWN],
    [`portal_id=acme${"&".repeat(99)}`, OWN],
    [`${"&".repeat(100)}portal_id=acme`, BAD],
    [`portal_id=acme${"&a=1".repeat(100)}`, BAD],
    [`portal_id=acme&a${";".repeat(100)}`, BAD],
    ["portal_id=acme&portal.id=globex", AMBIGUOUS],
    ["portal_id=acme&portal+id=globex", AMBIGUOUS],
    ["portal_id=acme&portal%20id=globex", AMBIGUOUS],
    ["portal_id=acme&portal-id=globex", AMBIGUOUS],
    ["portal_id=acme&+portal_id=globex", AMBIGUOUS],
    ["portal_id=acme&%20portal_id=globex", AMBIGUOUS],
    ["portal_id=acme;portal_id=globex", AMBIGUOUS],
    ["portal_id=acme&a=1;portal_id=globex", AMBIGUOUS],
    ["portal_id=acme&a;Portal_id=globex", AMBIGUOUS],
    ["portal_id;a=1", AMBIGUOUS],
    ["portal_id=acme&porta%C5%82_id=globex", OWN],
    ["portal_id=acme&p%EF%BD%8Frtal_id=globex", AMBIGUOUS],
  ])("?%s", (query, expected) => {
    expect(verdicts(headOf("GET", `/query/globex${query === "" ? "" : `?${query}`}`))).toEqual(expected);
  });
});

describe("header", () => {
  it.each([
    [["X-Portal-Id", "acme"], OWN],
    [["x-portal-id", " acme\t"], OWN],
    [["Host", "h", "X-PORTAL-ID", "globex"], OTHER],
    [[], NONE],
    [["X-Portal-Idx", "acme", "Portal-Id", "acme", "Y-Portal-Id", "acme"], NONE],
    [["X-Portal-Id", ""], BAD],
    [["X-Portal-Id", "a b"], BAD],
    [["X-Portal-Id", "acm\u00e9"], BAD],
    [["X-Portal-Id", "acme", "X-Portal-Id", "acme"], AMBIGUOUS],
    [["X-Portal-Id", "acme", "x-portal-id", "globex"], AMBIGUOUS],
    [["X-Portal-Id", "acme, globex"], AMBIGUOUS],
    [["X-Portal-Id", "acme", "X_Portal_Id", "globex"], AMBIGUOUS],
    [["X_PORTAL-ID", "acme"], AMBIGUOUS],
    [["X-Portal.Id", "globex", "X-Portal-Id", "acme"], AMBIGUOUS],
    [["X-Portal-Id", "acme", "X~Portal~Id", "globex"], AMBIGUOUS],
    [["X-Portal!Id", "globex", "X-Portal-Id", "acme"], AMBIGUOUS],
    [["X-Portal-Id", ` \t${" \t".repeat(8000)}a b${" \t".repeat(8000)}c`], BAD],
    [["X-Portal-Id", `${" \t".repeat(8000)}acme${"\t ".repeat(8000)}`], OWN],
    [["X-Portal-Id", "acme", "Connection", "close, X-Portal-Id"], AMBIGUOUS],
    [["Connection", "x-portal-id", "X-Portal-Id", "acme"], AMBIGUOUS],
    [["Connection", "keep-alive", "X-Portal-Id", "acme"], OWN],
  ])("%j", (headers, expected) => {
    expect(verdicts(headOf("GET", "/header/globex", headers))).toEqual(expected);
  });
});

describe("host", () => {
  it.each([
    ["acme.desk.test", OWN],
    ["ACME.desk.test:8443", OWN],
    ["acme.desk.test.", OWN],
    ["globex.desk.test", OTHER],
    ["acme", NONE],
    ["acme.", NONE],
    ["acme:80", NONE],
    ["127.0.0.1", NONE],
    ["127.0.0.1:8080", NONE],
    ["127.1", NONE],
    ["acme.0x7f", NONE],
    ["[::1]", NONE],
    ["[::1]:8080", NONE],
    ["", NONE],
    [".desk.test", BAD],
    ["a%2ecme.desk.test", BAD],
  ])("%s", (host, expected) => {
    expect(verdicts(headOf("GET", "/host/globex", [], host))).toEqual(expected);
  });
});

describe("host with a base", () => {
  it.each([
    ["acme.desk.test", OWN],
    ["ACME.Desk.test.:8443", OWN],
    ["globex.desk.test", OTHER],
    ["acme.globex.desk.test", NONE],
    ["acme.desk.test.evil", NONE],
    ["acme.xdesk.test", NONE],
    ["acmexdesk.test", NONE],
    ["acme.other.test", NONE],
    ["desk.test", NONE],
    ["acme", NONE],
    ["127.0.0.1", NONE],
    ["[::1]", NONE],
  ])("%s", (host, expected) => {
    expect(verdicts(headOf("GET", "/based/globex", [], host))).toEqual(expected);
  });
});

describe("host beside forwarding headers", () => {
  it.each([
    [["X-Forwarded-Host", "acme.desk.test"], OWN],
    [["X-Forwarded-Host", "ACME.desk.test:443"], OWN],
    [["X-Forwarded-Host", "acme.desk.test, acme.other.test"], OWN],
    [["Forwarded", "for=192.0.2.1;proto=https;by=_hosta"], OWN],
    [["Forwarded", 'for=192.0.2.1; Host="acme.desk.test:443"'], OWN],
    [["X-Forwarded-For", "globex.desk.test"], OWN],
    [["X-Forwarded-Host", "globex.desk.test"], AMBIGUOUS],
    [["X-Forwarded-Host", "acme.desk.test, globex.desk.test"], AMBIGUOUS],
    [["X-Forwarded-Host", "acme.desk.test", "x-forwarded-host", "globex.desk.test"], AMBIGUOUS],
    [["X_Forwarded~Host", "globex.desk.test"], AMBIGUOUS],
    [["X-Forwarded-Host", ""], AMBIGUOUS],
    [["X-Forwarded-Host", "acme"], AMBIGUOUS],
    [["X-Forwarded-Host", "acme.desk.test@globex.desk.test"], AMBIGUOUS],
    [["X-Forwarded-Host", "acme.desk.test/globex"], AMBIGUOUS],
    [["X-Forwarded-Host", "[::1]"], AMBIGUOUS],
    [["Forwarded", "host=globex.desk.test"], AMBIGUOUS],
    [["Forwarded", "for=192.0.2.1;HOST = globex.desk.test"], AMBIGUOUS],
    [["Forwarded", "host=acme.desk.test, host=globex.desk.test"], AMBIGUOUS],
    [["Forwarded", 'for="x;host=globex.desk.test"'], AMBIGUOUS],
    [["Forwarded", "for=x host=globex.desk.test"], AMBIGUOUS],
    [["Forwarded", "host="], AMBIGUOUS],
  ])("%j", (headers, expected) => {
    expect(verdicts(headOf("GET", "/host/x", headers, "acme.desk.test"))).toEqual(expected);
    expect(verdicts(headOf("GET", "/based/x", headers, "acme.desk.test"))).toEqual(
      headers.includes("acme.desk.test, acme.other.test") ? AMBIGUOUS : expected,
    );
  });

  it("names none where neither names one", () => {
    expect(verdicts(headOf("GET", "/host/x", ["X-Forwarded-Host", "[::1]:80"], "[::1]:80"))).toEqual(NONE);
    expect(verdicts(headOf("GET", "/host/x", ["X-Forwarded-Host", "localhost"], "127.0.0.1"))).toEqual(NONE);
    expect(verdicts(headOf("GET", "/host/x", ["X-Forwarded-Host", "acme.desk.test"], "127.0.0.1"))).toEqual(AMBIGUOUS);
  });
});

describe("json", () => {
  it.each([
    ['{"ticket":{"portal":"acme","x":1}}', OWN],
    ['{"ticket":{"portal":"globex"}}', OTHER],
    ['{"ticket":{}}', NONE],
    ['{"portal":"acme"}', NONE],
    ["{}", NONE],
    ["null", NONE],
    ['"acme"', NONE],
    ['{"ticket":"acme"}', NONE],
    ['[{"ticket":{"portal":"acme"}}]', NONE],
    ['{"ticket":[{"portal":"acme"}]}', NONE],
    ['{"ticket":{"portal":null}}', BAD],
    ['{"ticket":{"portal":1}}', BAD],
    ['{"ticket":{"portal":["acme"]}}', BAD],
    ['{"ticket":{"portal":{"acme":1}}}', BAD],
    ['{"ticket":{"portal":""}}', BAD],
    ['{"ticket":{"portal":"a b"}}', BAD],
    ['{"ticket":{"portal":"acme","Portal":"globex"}}', AMBIGUOUS],
    ['{"ticket":{"PORTAL":"acme"}}', AMBIGUOUS],
    ['{"ticket":{"portal":"acme","por_tal":"globex"}}', AMBIGUOUS],
    ['{"ticket":{"Por-Tal":"globex"}}', AMBIGUOUS],
    ['{"ticket":{"portal":"acme","portal.":"globex"}}', AMBIGUOUS],
    ['{"ticket":{"portal":"acme","portals":"globex"}}', OWN],
    ['{"Ticket":{"portal":"globex"},"ticket":{"portal":"acme"}}', AMBIGUOUS],
    ['{"tic\u212Aet":{"portal":"globex"},"ticket":{"portal":"acme"}}', AMBIGUOUS],
  ])("%s", (text, expected) => {
    const body = parseStrictJson(new TextEncoder().encode(text));
    if (!body.ok) throw new Error(body.detail);
    expect(verdicts(headOf("POST", "/json/globex"), body.value)).toEqual(expected);
  });

  it("names none without a body", () => {
    expect(verdicts(headOf("POST", "/json/globex"))).toEqual(NONE);
  });

  it("follows a pointer into lists, and unescapes it", () => {
    expect(verdicts(headOf("POST", "/p"), { "a/b": [0, { "c~d": "acme" }] })).toEqual(OWN);
    expect(verdicts(headOf("POST", "/p"), { "a/b": { "1": { "c~d": "globex" } } })).toEqual(OTHER);
    expect(verdicts(headOf("POST", "/p"), { "a/b": [{ "c~d": "acme" }] })).toEqual(NONE);
  });
});

describe("upstream and unrestricted", () => {
  it("leaves filtering to the upstream, or keeps restricted credentials out", () => {
    expect(verdicts(headOf("GET", "/upstream/globex"))).toEqual(["allow none", "allow none"]);
    expect(verdicts(headOf("GET", "/unrestricted/acme"))).toEqual(["portal_forbidden", "allow none"]);
  });
});

describe("decide", () => {
  const kinds = Object.keys(SELECTORS);

  it("asks for a credential on every rule that is not public", () => {
    for (const kind of kinds) {
      const head = headOf("GET", `/${kind}/acme`);
      for (const decision of [
        decideScopes(routeOf(head), ANONYMOUS),
        decidePortal(routeOf(head), ANONYMOUS, head, null),
        decide(routeOf(head), ANONYMOUS, head, null),
      ]) {
        expect(decision).toMatchObject({ allow: false, reason: "credential_missing" });
      }
    }
  });

  it("lets everyone pass on a public rule, and reads no portal there", () => {
    const head = headOf("GET", "/open?portal_id=globex");
    for (const principal of [ANONYMOUS, restricted, free, keyHolder([])]) {
      expect(decide(routeOf(head), principal, head, null)).toEqual({ allow: true, portal: null });
    }
  });

  it("asks for scopes before it looks at the portal", () => {
    const head = headOf("GET", "/path/globex");
    expect(decide(routeOf(head), keyHolder([], "acme"), head, null)).toMatchObject({ reason: "insufficient_scope" });
    expect(decide(routeOf(head), keyHolder(["tickets:write"]), head, null)).toMatchObject({
      reason: "insufficient_scope",
    });
    expect(decide(routeOf(head), keyHolder(["tickets:*"]), head, null)).toEqual({ allow: true, portal: "globex" });
  });

  it("tells the operator which portal was named, also where it refuses", () => {
    const head = headOf("GET", "/path/globex");
    expect(decide(routeOf(head), restricted, head, null)).toMatchObject({
      reason: "portal_forbidden",
      portal: "globex",
    });
  });

  it("never lets a restricted key pass where another portal, or none, was read", () => {
    const names = fc.constantFrom(
      "portal_id",
      "Portal_Id",
      "portal_id[]",
      "portal.id",
      "other",
      "%70ortal_id",
      "a;portal_id",
    );
    const values = fc.constantFrom("acme", "globex", "", "ACME", "%61cme", "acme%00".slice(0, 4), "acme,globex");
    fc.assert(
      fc.property(fc.array(fc.tuple(names, values), { maxLength: 4 }), (pairs) => {
        const query = pairs.map(([name, value]) => `${name}=${value}`).join("&");
        const head = headOf("GET", query === "" ? "/query/x" : `/query/x?${query}`);
        const decision = decide(routeOf(head), restricted, head, null);
        if (!decision.allow) return;
        expect(decision.portal).toBe("acme");
        expect(new URLSearchParams(query).getAll("portal_id")).toEqual(["acme"]);
        expect(new URLSearchParams(query.replaceAll(";", "&")).getAll("portal_id")).toEqual(["acme"]);
      }),
      { numRuns: 2000 },
    );
  });
});
