import { createHash } from "node:crypto";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { KNOWN_REQUEST_FIELDS } from "../../src/core/request-fields.ts";
import { compileText, policyOf, problemsOf, rulesText } from "./rules.ts";

const route = (rest: string, id = "r"): string => `{ id: ${id}, upstream: desk, ${rest} }`;
const SCOPED = "scopes: [tickets:read], portal: unrestricted";

describe("compilePolicy: mistakes", () => {
  it.each([...KNOWN_REQUEST_FIELDS, "Cookie", "X-Forwarded-Portal", "X-Portcullis-Portal"])(
    "refuses to read the portal from %s, which the upstream does not get as one value as it was sent",
    async (name) => {
      const text = route(`match: { path: /a }, scopes: [tickets:read], portal: "header:${name}"`);
      expect(await problemsOf(rulesText(text))).toEqual([
        expect.stringMatching(/: this header does not reach the upstream as it was sent$/),
      ]);
    },
  );

  it("reports twelve mistakes of as many kinds in one file, each on its line and column", async () => {
    const yaml = `version: 1
upstreams:
  desk: { url: http://127.0.0.1:9000/api }
  other: { url: http://127.0.0.1:9001, max_conections: 5 }
routes:
  - id: tickets.read
    match: { methods: [GET], path: /api/:portal/tickets/* }
    upstream: dsek
    scopes: [tickets:read]
    portal: path:portal
  - id: tickets.read
    match: { methods: [POST], path: /api/:portal/tickets/* }
    upstream: desk
    scopes: [tickets:raed]
    portal: path:portal
  - id: search
    match: { methods: [GET], path: /api/search }
    upstream: desk
    scopes: [tickets:read]
  - id: status
    match: { methods: [GET], path: /status }
    upstream: desk
    public: true
    portal: host
  - id: users
    match: { methods: [GET], path: /api/:portal/users }
    upstream: other
    scopes: [users:read]
    portal: path:portal_id
  - id: more
    match: { methods: [HEAD, GET], path: /api/:name/users }
    upstream: other
    scopes: [users:read]
    portal: upstream
  - id: trace
    match: { methods: [TRACE], path: /trace }
    upstream: other
    public: true
  - id: forgotten
    match: { path: /a/*/b }
    upstream: other
    scopes: [users:read]
    portal: json:tenant
`;
    expect(await problemsOf(yaml)).toEqual([
      "3:16: expected http(s)://HOST[:PORT] without path, query or user",
      "4:40: unknown key `max_conections` (did you mean `max_connections`?)",
      "8:15: unknown upstream `dsek` (did you mean `desk`?)",
      "11:9: the id `tickets.read` stands twice; first on line 6",
      "14:14: unknown scope `tickets:raed` (did you mean `tickets:read`?)",
      "19:5: a rule with `scopes` needs `portal`: say where the portal is named, or `unrestricted`",
      "23:5: a public rule has neither `scopes` nor `portal`",
      "29:13: the path has no parameter of this name",
      "31:42: two rules for GET on the same paths: line 31 and line 26",
      "36:24: expected one of GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS",
      "40:20: `*` stands alone, as the last segment",
      "43:13: a JSON pointer starts with `/`, and has `~` only as `~0` or `~1`",
    ]);
  });

  it.each([
    [route(`match: { path: x }, ${SCOPED}`), "a path starts with `/`"],
    [route(`match: { path: /a//b }, ${SCOPED}`), "no request can have this path: empty segment in the path"],
    [route(`match: { path: /a/../b }, ${SCOPED}`), "no request can have this path: `.` or `..` segment in the path"],
    [
      route(`match: { path: "/a%2fb" }, ${SCOPED}`),
      "no request can have this path: percent-encoding in the path that is broken or not in its normal form",
    ],
    [
      route(`match: { path: "/a b" }, ${SCOPED}`),
      "no request can have this path: a character that a path may not have",
    ],
    [route(`match: { path: "/a?b" }, ${SCOPED}`), "a path has no query"],
    [
      route(`match: { path: "/a;v=1" }, ${SCOPED}`),
      "no request can have this path: `;` needs `path_parameters: allow`",
    ],
    [route(`match: { path: "/a*" }, ${SCOPED}`), "`*` stands alone, as the last segment"],
    [route(`match: { path: "/:" }, ${SCOPED}`), "a parameter is `:` and a name of letters, digits and `_`"],
    [route(`match: { path: "/:a-b" }, ${SCOPED}`), "a parameter is `:` and a name of letters, digits and `_`"],
    [route(`match: { path: "/:a/:a" }, ${SCOPED}`), "the parameter `:a` stands twice"],
    [
      route(`match: { path: /a, methods: [CONNECT] }, ${SCOPED}`),
      "expected one of GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS",
    ],
    [route(`match: { path: /a, methods: [get] }, ${SCOPED}`), "write GET"],
    [route(`match: { path: /a, methods: [] }, ${SCOPED}`), "name at least one method, or leave `methods` out"],
    [route("match: { path: /a }"), "the rule needs `scopes` and `portal`, or `public: true`"],
    [route("match: { path: /a }, public: false"), "the rule needs `scopes` and `portal`, or `public: true`"],
    [route("match: { path: /a }, portal: host"), "the rule needs `scopes` and `portal`, or `public: true`"],
    [
      route("match: { path: /a }, scopes: [tickets:read]"),
      "a rule with `scopes` needs `portal`: say where the portal is named, or `unrestricted`",
    ],
    [route("match: { path: /a }, scopes: [], portal: host"), "name at least one scope"],
    [route(`match: { path: /a }, public: true, ${SCOPED}`), "a public rule has neither `scopes` nor `portal`"],
    [route("match: { path: /a }, public: yes"), "expected true or false"],
    [
      route("match: { path: /a }, scopes: [tickets], portal: host"),
      "expected a scope such as tickets:read or workflows:*",
    ],
    [route("match: { path: /a }, scopes: [files:read], portal: host"), "unknown scope `files:read`"],
    [route("match: { path: /a }, scopes: [tickets:*], portal: host"), "unknown scope `tickets:*`"],
    [
      route("match: { path: /a }, scopes: [tickets:read, tickets:read], portal: host"),
      "the scope `tickets:read` stands twice",
    ],
    [
      route("match: { path: /a }, scopes: [tickets:read], portal: cookie:x"),
      "expected path:NAME, query:NAME, header:NAME, host, host:BASE, json:/POINTER, upstream or unrestricted",
    ],
    [
      route('match: { path: /a }, scopes: [tickets:read], portal: "path:"'),
      "expected path:NAME, query:NAME, header:NAME, host, host:BASE, json:/POINTER, upstream or unrestricted",
    ],
    ...["", "Desk.test", "desk.test:80", ".desk.test", "desk.test.", "desk..test", "-desk.test", "a/b"].map(
      (base): [string, string] => [
        route(`match: { path: /a }, scopes: [tickets:read], portal: "host:${base}"`),
        "a base is a host name in lower case, without port, such as desk.example.com",
      ],
    ),
    [
      route("match: { path: /a }, scopes: [tickets:read], portal: query:a b"),
      "a query name has 1 to 64 letters, digits, `_`, `~`, `.` or `-`",
    ],
    [
      route("match: { path: /a }, scopes: [tickets:read], portal: header:X_P"),
      "a header name has 1 to 64 letters, digits or `-`",
    ],
    [
      route("match: { path: /a }, scopes: [tickets:read], portal: header:X-Forwarded-Host"),
      "this header does not reach the upstream as it was sent",
    ],
    [
      route("match: { path: /a }, scopes: [tickets:read], portal: header:X-Portcullis-Portal"),
      "this header does not reach the upstream as it was sent",
    ],
    [
      route("match: { path: /a }, scopes: [tickets:read], portal: json:/a~2"),
      "a JSON pointer starts with `/`, and has `~` only as `~0` or `~1`",
    ],
    [
      route(`match: { path: /a }, ${SCOPED}, body_bytes: 1 MB`),
      "expected a size such as 512B, 16KiB, 10MiB or 1GiB, or a number of bytes",
    ],
    [route(`match: { path: /a }, ${SCOPED}, path_parameters: keep`), "expected refuse or allow"],
    [route(`match: { path: /a }, ${SCOPED}, method_override: keep`), "expected refuse or allow"],
    [
      route(`match: { path: /a }, ${SCOPED}`, "Bad"),
      "expected lower-case letters, digits, `.`, `_` and `-`, 64 at most",
    ],
    [`{ upstream: desk, match: { path: /a }, ${SCOPED} }`, "missing key `id`"],
    [`{ id: r, upstream: desk, ${SCOPED} }`, "missing key `match`"],
    [`{ id: r, match: { path: /a }, ${SCOPED} }`, "missing key `upstream`"],
    [`{ id: r, match: { methods: [GET] }, upstream: desk, ${SCOPED} }`, "missing key `path`"],
    ["text", "expected object, received string"],
  ])("refuses %s", async (text, message) => {
    const found = await problemsOf(rulesText(text));
    expect(found.map((problem) => problem.replace(/^\d+:\d+: /, "").replace(/, or unlimited$/, ""))).toEqual([message]);
    expect(found[0]).toMatch(/^5:/);
  });

  it("refuses what is wrong outside of the rules", async () => {
    const yaml = `version: 1
scopes: { "tickets:read": Read, Bad: x, "a:b": "" }
portals: [{ id: acme }, { id: "a/b" }, { id: acme, name: Again }, { id: .. }]
upstreams:
  Desk: { url: "http://a" }
  a: { url: "http://a", tls: { ca: ca.pem } }
  b: { url: "https://b", tls: { cert: c.pem }, host: proxy, max_connections: 0 }
  c: { url: "ftp://c", connect_timeout: 0s }
routes: []
extra: 1
`;
    expect(await problemsOf(yaml)).toEqual([
      "2:33: expected a scope such as tickets:read or workflows:*",
      "2:48: must not be empty",
      "3:31: expected 1 to 64 letters, digits, `.`, `_`, `~` or `-`",
      "3:46: the portal `acme` stands twice; first on line 3",
      "3:73: expected 1 to 64 letters, digits, `.`, `_`, `~` or `-`",
      "5:3: expected a lower-case name",
      "6:25: `tls` is for https URLs",
      "7:26: `cert` and `key` go together",
      "7:54: expected client or upstream",
      "7:78: expected a whole number from 1 to 65535",
      "8:13: expected http(s)://HOST[:PORT] without path, query or user",
      "8:41: out of range: 1ms to 24d",
      "10:1: unknown key `extra`",
    ]);
  });

  it.each([
    "",
    "text",
    "- 1",
    "version: 1",
    "version: 1\nroutes: {}",
    "version: 1\nroutes: 1",
    "version: '1'\nroutes: []",
    "routes: []",
  ])("refuses the file %j", async (yaml) => {
    expect((await problemsOf(yaml)).length).toBeGreaterThan(0);
  });

  it("never prints what came from the environment", async () => {
    const yaml = rulesText(
      '{ id: "${S}", match: { path: "${S}", methods: ["${S}"] }, upstream: "${S}", scopes: ["${S}"], portal: "${S}" }',
      '{ id: r, match: { path: /a }, upstream: "${L}", scopes: ["${C}:${L}"], portal: host }',
      '{ id: "${L}", match: { path: /b }, upstream: desk, public: true }',
      '{ id: "${L}", match: { path: /b }, upstream: desk, public: true }',
    );
    const found = (await problemsOf(yaml, { S: "TOP secret", L: "hidden", C: "covert" })).join("\n");
    expect(found).not.toMatch(/TOP secret|hidden|covert/);
    expect(found).toContain("unknown upstream `${L}`");
    expect(found).toContain("unknown scope `${C}:${L}`");
    expect(found).toContain("the id `${L}` stands twice");
  });
});

const of = (path: string, methods: string | null, id: string): string =>
  route(`match: { path: "${path}"${methods === null ? "" : `, methods: [${methods}]`} }, ${SCOPED}`, id);

describe("compilePolicy: overlaps", () => {
  it.each([
    ["/a/:x", "GET", "/a/:y", "GET"],
    ["/a/:x", "GET, POST", "/a/:y", "POST, PUT"],
    ["/a", null, "/a", "DELETE"],
    ["/a/*", null, "/a/*", null],
    ["/a/:x/*", "GET", "/a/:y/*", null],
  ])("refuses %s [%s] beside %s [%s], naming both lines", async (path, methods, otherPath, otherMethods) => {
    const found = await problemsOf(rulesText(of(path, methods, "one"), of(otherPath, otherMethods, "two")));
    expect(found).toEqual([expect.stringMatching(/^6:\d+: two rules for .* on the same paths: line 6 and line 5$/)]);
  });

  it.each([
    ["/a/:x", "GET", "/a/:y", "POST"],
    ["/a/:x", "GET", "/a/b", "GET"],
    ["/a/*", "GET", "/a", "GET"],
    ["/a", "GET", "/a/", "GET"],
    ["/a/:x", "GET", "/a/*", "GET"],
  ])("allows %s [%s] beside %s [%s]", async (path, methods, otherPath, otherMethods) => {
    const policy = await policyOf(rulesText(of(path, methods, "one"), of(otherPath, otherMethods, "two")));
    expect(policy.routes.map(({ id }) => id)).toEqual(["one", "two"]);
  });
});

describe("compilePolicy: a policy", () => {
  const YAML = `version: 1
portals: [{ id: acme, name: Acme Inc }, { id: globex }]
upstreams:
  desk: { url: "http://127.0.0.1:9000/" }
  safe: { url: "https://safe:8443", tls: { ca: ca.pem, cert: /c.pem, key: k.pem, server_name: s }, host: upstream, response_timeout: 5m }
routes:
  - id: runs
    match: { methods: [POST], path: "/p/:portal/runs/*" }
    upstream: desk
    scopes: [workflows:run, tickets:read]
    portal: path:portal
    body_bytes: 5MiB
  - { id: body, match: { path: /body }, upstream: safe, scopes: [users:write], portal: "json:/a~1b/c~0d/0" }
  - { id: status, match: { methods: [GET], path: /status }, upstream: desk, public: true, body_bytes: unlimited }
`;

  it("has the catalogue of the product, the portals, and the upstreams with their defaults", async () => {
    const { file, result } = await compileText(YAML);
    if (!result.ok) throw new Error("refused");
    const policy = result.value;
    expect(policy.hash).toBe(createHash("sha256").update(YAML).digest("hex").slice(0, 12));
    expect([...policy.scopes.keys()]).toEqual([
      "tickets:read",
      "tickets:write",
      "workflows:*",
      "portals:read",
      "portals:write",
      "users:read",
      "users:write",
    ]);
    expect(policy.portals).toEqual([
      { id: "acme", name: "Acme Inc" },
      { id: "globex", name: "globex" },
    ]);
    expect(policy.upstreams.get("desk")).toEqual({
      url: "http://127.0.0.1:9000",
      connect_timeout: 2000,
      response_timeout: 30_000,
      idle_timeout: 60_000,
      stream_idle_timeout: 3_600_000,
      max_connections: 256,
      max_queue: 1024,
      host: "client",
    });
    expect(policy.upstreams.get("safe")).toMatchObject({
      url: "https://safe:8443",
      host: "upstream",
      response_timeout: 300_000,
      tls: { ca: join(dirname(file), "ca.pem"), cert: "/c.pem", key: join(dirname(file), "k.pem"), server_name: "s" },
    });
  });

  it("compiles each rule once", async () => {
    const { file, result } = await compileText(YAML);
    if (!result.ok) throw new Error("refused");
    const [runs, body, status] = result.value.routes;
    expect(runs).toEqual({
      id: "runs",
      index: 0,
      pattern: "/p/:portal/runs/*",
      methods: ["POST"],
      upstream: "desk",
      public: false,
      needs: [
        { scope: "workflows:run", coveredBy: "workflows:*" },
        { scope: "tickets:read", coveredBy: "tickets:*" },
      ],
      scopes: ["workflows:run", "tickets:read"],
      scopeText: "workflows:run tickets:read",
      portal: { kind: "path", name: "portal", segment: 1 },
      mcp: null,
      readsBody: false,
      bodyBytes: 5_242_880,
      source: { file, line: 7, column: 5 },
    });
    expect(body).toMatchObject({
      methods: null,
      readsBody: true,
      bodyBytes: null,
      portal: { kind: "json", tokens: ["a/b", "c~d", "0"] },
    });
    expect(status).toMatchObject({ public: true, portal: null, scopeText: "", bodyBytes: Number.POSITIVE_INFINITY });
  });

  it("takes a catalogue of its own instead of the product's", async () => {
    const policy = await policyOf(
      `version: 1\nscopes: { "files:*": Files }\nupstreams: { a: { url: "http://a" } }\nroutes:\n  - { id: f, match: { path: /f }, upstream: a, scopes: ["files:read"], portal: host }\n`,
    );
    expect([...policy.scopes]).toEqual([["files:*", "Files"]]);
  });

  it("may have no rules: then nothing is served", async () => {
    expect((await policyOf(rulesText())).routes).toEqual([]);
  });
});
