// oxlint-disable vitest/expect-expect -- the assertions of a refusal are in support/stage.ts
import * as fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { type Message, statusOf, valuesOf } from "../support/wire.ts";
import { ask, expectRefused, openStage, request, type Stage } from "./support/stage.ts";

const ROUTES = [
  { id: "open", match: { path: "/open/*" }, upstream: "up", public: true },
  { id: "path", match: { path: "/path/:portal/*" }, upstream: "up", scopes: ["tickets:read"], portal: "path:portal" },
  {
    id: "write",
    match: { path: "/write/:portal/*" },
    upstream: "up",
    scopes: ["tickets:write"],
    portal: "path:portal",
  },
  {
    id: "parameters",
    match: { path: "/pp/:portal/*" },
    upstream: "up",
    scopes: ["tickets:read"],
    portal: "path:portal",
    path_parameters: "allow",
  },
  { id: "query", match: { path: "/query" }, upstream: "up", scopes: ["tickets:read"], portal: "query:portal_id" },
  { id: "header", match: { path: "/header" }, upstream: "up", scopes: ["tickets:read"], portal: "header:x-portal-id" },
  { id: "json", match: { path: "/json" }, upstream: "up", scopes: ["tickets:read"], portal: "json:/portal_id" },
  { id: "host", match: { path: "/host" }, upstream: "up", scopes: ["tickets:read"], portal: "host" },
  { id: "based", match: { path: "/based" }, upstream: "up", scopes: ["tickets:read"], portal: "host:desk.example" },
  { id: "list", match: { path: "/list" }, upstream: "up", scopes: ["tickets:read"], portal: "upstream" },
  { id: "whole", match: { path: "/whole" }, upstream: "up", scopes: ["tickets:read"], portal: "unrestricted" },
];
const AMBIGUOUS = { status: 400, code: "ambiguous_portal" };
const BAD_REQUEST = { status: 400, code: "bad_request" };
const FORBIDDEN = { status: 403, code: "portal_forbidden" };

let stage: Stage;
beforeAll(async () => {
  stage = await openStage({ routes: ROUTES });
});

const acme = (): string => `X-API-Key: ${stage.sidecar.keys.acme.key}`;
const get = (target: string, lines: readonly string[] = []): string => request(`GET ${target}`, [acme(), ...lines]);
function postJson(body: string, lines: readonly string[] = ["Content-Type: application/json"]): string {
  return request("POST /json", [acme(), ...lines, `Content-Length: ${Buffer.byteLength(body, "latin1")}`], body);
}
function atHost(host: string, path = "/host"): string {
  return `GET ${path} HTTP/1.1\r\nHost: ${host}\r\n${acme()}\r\n\r\n`;
}

describe("a restricted key acts on its own portal only", () => {
  test.each<[string, () => string, () => string]>([
    ["path", () => get("/path/acme/1"), () => get("/path/globex/1")],
    ["query", () => get("/query?portal_id=acme"), () => get("/query?portal_id=globex")],
    ["header", () => get("/header", ["X-Portal-Id: acme"]), () => get("/header", ["X-Portal-Id: globex"])],
    ["json", () => postJson('{"portal_id":"acme"}'), () => postJson('{"portal_id":"globex"}')],
    ["host", () => atHost("acme.desk.example"), () => atHost("globex.desk.example")],
  ])("by %s", async (_name, own, other) => {
    expect(statusOf(await ask(stage, own()))).toBe(200);
    const { audit } = await expectRefused(stage, other(), FORBIDDEN);
    expect(audit).toMatchObject({ portal_named: "globex", portal_allowed: "acme" });
  });

  test.each<[string, () => string]>([
    ["query", () => get("/query")],
    ["query of another name", () => get("/query?portal=acme")],
    ["header", () => get("/header")],
    ["json", () => postJson('{"other":"acme"}')],
    ["host", () => atHost("acme")],
    ["unrestricted", () => get("/whole")],
  ])("and is refused where none is named: %s", async (_name, bytes) => {
    await expectRefused(stage, bytes(), FORBIDDEN);
  });

  test("is not told of a scope, which would open no other portal", async () => {
    const forbidden = await ask(stage, get("/path/globex/1"));
    const metadata = `resource_metadata="${stage.sidecar.url}/.well-known/oauth-protected-resource"`;
    expect(valuesOf(forbidden, "www-authenticate")).toEqual([`Bearer realm="portcullis", ${metadata}`]);
    const missing = await ask(stage, request("GET /path/acme/1"));
    expect(valuesOf(missing, "www-authenticate")).toEqual([
      `Bearer realm="portcullis", scope="tickets:read", ${metadata}`,
    ]);
  });

  test("where the upstream filters, it gets the restriction and none that the client claims", async () => {
    const answer = await ask(stage, get("/list", ["X-Portcullis-Portal: globex", "X_Portcullis_Portal: globex"]));
    expect(statusOf(answer)).toBe(200);
    const got = stage.upstream.requests.at(-1);
    expect(got === undefined ? [] : valuesOf(got, "x-portcullis-portal")).toEqual(["acme"]);
    expect(got?.head).not.toContain("globex");
  });
});

describe("two readings of the portal are refused", () => {
  test.each([
    ["the parameter twice", "portal_id=acme&portal_id=globex"],
    ["twice with one value", "portal_id=acme&portal_id=acme"],
    ["the second one encoded", "portal_id=acme&%70ortal_id=globex"],
    ["the second one in other case", "portal_id=acme&PORTAL_ID=globex"],
    ["as a list", "portal_id=acme&portal_id[]=globex"],
    ["as a list with an index", "portal_id=acme&portal_id[0]=globex"],
    ["with an encoded bracket", "portal_id=acme&portal_id%5B%5D=globex"],
    ["in brackets", "portal_id=acme&[portal_id]=globex"],
    ["with a bracket behind", "portal_id=acme&portal_id]=globex"],
    ["with a bracket in front", "portal_id=acme&[portal_id=globex"],
    ["with the wrong bracket in front", "portal_id=acme&]portal_id=globex"],
    ["with two brackets in front", "portal_id=acme&[[portal_id=globex"],
    ["in encoded brackets", "portal_id=acme&%5Bportal_id%5D=globex"],
    ["with a dot in front", "portal_id=acme&.portal_id=globex"],
    ["with a dot for the underscore", "portal_id=acme&portal.id=globex"],
    ["with a space for the underscore", "portal_id=acme&portal+id=globex"],
    ["behind a semicolon", "portal_id=acme;portal_id=globex"],
    ["behind a semicolon of another parameter", "portal_id=acme&a=b;portal_id=globex"],
  ])("query: %s", async (_name, query) => {
    await expectRefused(stage, get(`/query?${query}&x=xsmuggledx`), AMBIGUOUS);
  });

  test.each([
    ["a list as the value", "portal_id=acme,globex"],
    ["an encoded NUL behind it", "portal_id=acme%00globex"],
    ["an encoded ampersand in it", "portal_id=acme%26portal_id%3Dglobex"],
    ["a space behind it", "portal_id=acme+"],
    ["an empty value", "portal_id="],
    ["bytes that are no UTF-8", "portal_id=%FF"],
    ["dots", "portal_id=.."],
    ["a flood of empty parameters before it", `${"&".repeat(1000)}portal_id=acme`],
    ["a flood of parameters behind it", `portal_id=acme${"&a=1".repeat(1000)}`],
  ])("query: %s is no portal", async (_name, query) => {
    await expectRefused(stage, get(`/query?${query}`), BAD_REQUEST);
  });

  test.each(["..;/..;/pp/globex/xsmuggledx", ".;/xsmuggledx", ";/xsmuggledx", "..%3B/..%3B/pp/globex/xsmuggledx"])(
    "path: what Tomcat resolves to another portal's path, where path parameters are allowed: %s",
    async (rest) => {
      await expectRefused(stage, get(`/pp/acme/${rest}`), BAD_REQUEST);
      expect(statusOf(await ask(stage, get("/pp/acme/a;v=1/b")))).toBe(200);
    },
  );

  test.each([
    ["twice", ["X-Portal-Id: acme", "X-Portal-Id: globex"]],
    ["twice in two spellings", ["X-Portal-Id: acme", "x-portal-id: globex"]],
    ["as a list", ["X-Portal-Id: acme, globex"]],
    ["with a look-alike", ["X-Portal-Id: acme", "X_Portal_Id: globex"]],
    ["with a look-alike with dots", ["X.Portal.Id: globex", "X-Portal-Id: acme"]],
    ["with a look-alike with tildes", ["X-Portal-Id: acme", "X~Portal~Id: globex"]],
    ["with a look-alike with other signs", ["X!Portal'Id: globex", "X-Portal-Id: acme"]],
    ["named by Connection", ["X-Portal-Id: acme", "Connection: x-portal-id"]],
  ])("header: %s", async (_name, lines) => {
    await expectRefused(stage, get("/header", [...lines, "X-Mark: xsmuggledx"]), AMBIGUOUS);
  });

  test.each([
    ["a key twice", '{"portal_id":"acme","portal_id":"globex"}', BAD_REQUEST],
    ["a key twice, once escaped", '{"portal_id":"acme","portal\\u005fid":"globex"}', BAD_REQUEST],
    ["a key in other case", '{"portal_id":"acme","Portal_ID":"globex"}', AMBIGUOUS],
    ["bytes behind the value", '{"portal_id":"acme"}{"portal_id":"globex"}', BAD_REQUEST],
    ["a batch", '[{"portal_id":"acme"},{"portal_id":"globex"}]', FORBIDDEN],
    ["bytes that are no UTF-8", '{"portal_id":"acme","a":"\xff"}', BAD_REQUEST],
    ["a byte order mark", '\xef\xbb\xbf{"portal_id":"acme"}', BAD_REQUEST],
    ["a comment", '{"portal_id":"acme"/*,"portal_id":"globex"*/}', BAD_REQUEST],
    ["nested without end", `${"[".repeat(200)}${"]".repeat(200)}`, BAD_REQUEST],
    ["a list as the portal", '{"portal_id":["acme","globex"]}', BAD_REQUEST],
    ["no body", "", BAD_REQUEST],
  ])("json: %s", async (_name, body, expected) => {
    await expectRefused(stage, postJson(body), expected);
  });

  test.each([
    ["no type", []],
    ["a form", ["Content-Type: application/x-www-form-urlencoded"]],
    ["another charset", ["Content-Type: application/json; charset=utf-16"]],
    ["two types", ["Content-Type: application/json", "Content-Type: text/plain"]],
    ["a content coding", ["Content-Type: application/json", "Content-Encoding: gzip"]],
  ])("json: %s is not looked into", async (_name, lines) => {
    await expectRefused(stage, postJson('{"portal_id":"acme"}', lines), {
      status: 415,
      code: "unsupported_media_type",
    });
  });

  test("json: a body over the limit of inspection is not forwarded uninspected", async () => {
    const own = await openStage({ routes: ROUTES, config: { limits: { drain: "1s", inspect_bytes: "1KiB" } } });
    const body = `{"portal_id":"acme","x":"${"xsmuggledx".repeat(200)}"}`;
    const lines = [`X-API-Key: ${own.sidecar.keys.acme.key}`, "Content-Type: application/json"];
    const large = { status: 413, code: "body_too_large" };
    await expectRefused(own, request("POST /json", [...lines, `Content-Length: ${body.length}`], body), large);
    const chunks = `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
    await expectRefused(own, request("POST /json", [...lines, "Transfer-Encoding: chunked"], chunks), large);
  });

  test.each(["127.0.0.1", "127.0.0.1:80", "[::1]", "acme", "0x7f.1"])("host: %s names no portal", async (host) => {
    await expectRefused(stage, atHost(host), FORBIDDEN);
  });

  test.each(["acme.globex.desk.example", "acme.evil.example", "acme.desk.example.evil", "desk.example", "127.0.0.1"])(
    "host: %s names no portal where the rule names the base",
    async (host) => {
      await expectRefused(stage, atHost(host, "/based"), FORBIDDEN);
      expect(statusOf(await ask(stage, atHost("acme.desk.example", "/based")))).toBe(200);
    },
  );

  test.each([
    "X-Forwarded-Host: globex.desk.example",
    "X-Forwarded-Host: acme.desk.example, globex.desk.example",
    "X_Forwarded~Host: globex.desk.example",
    "Forwarded: for=192.0.2.1;host=globex.desk.example",
    'Forwarded: for="x host=globex.desk.example"',
  ])("host: a forwarding header that contradicts it is ambiguous, from a trusted proxy too: %s", async (line) => {
    const own = await openStage({ routes: ROUTES, config: { trusted_proxies: ["127.0.0.1"] } });
    for (const on of [stage, own]) {
      const key = on.sidecar.keys.acme.key;
      const head = `GET /host HTTP/1.1\r\nHost: acme.desk.example\r\nX-API-Key: ${key}`;
      await expectRefused(on, `${head}\r\n${line}\r\n\r\n`, AMBIGUOUS);
      const agreeing = "X-Forwarded-Host: acme.desk.example\r\nForwarded: host=acme.desk.example";
      expect(statusOf(await ask(on, `${head}\r\n${agreeing}\r\n\r\n`))).toBe(200);
    }
  });

  test("host: upper case and a port are the same portal, for the rule and for the upstream", async () => {
    expect(statusOf(await ask(stage, atHost("ACME.desk.example:8080")))).toBe(200);
    expect(stage.upstream.requests.at(-1)?.fields[0]).toEqual(["Host", "ACME.desk.example:8080"]);
  });
});

type Move = readonly [
  key: "reader" | "writer" | "acme" | "acmeWriter" | "revoked",
  route: "path" | "write" | "query" | "list" | "whole",
  portal: "acme" | "globex",
];
const PORTAL_OF: Readonly<Record<Move[0], string | null>> = {
  reader: null,
  writer: null,
  acme: "acme",
  acmeWriter: "acme",
  revoked: null,
};

/** The verdict by the words of the rules, without any cache. */
function verdict([key, route, portal]: Move): number {
  if (key === "revoked") return 401;
  if (route === "write" && !key.toLowerCase().includes("writer")) return 403;
  const own = PORTAL_OF[key] ?? null;
  if (route === "whole") return own === null ? 200 : 403;
  if (route === "list") return 200;
  return own === null || own === portal ? 200 : 403;
}

function targetOf([, route, portal]: Move): string {
  if (route === "query") return `/query?portal_id=${portal}`;
  return route === "list" || route === "whole" ? `/${route}` : `/${route}/${portal}/1`;
}

const moves = fc.array(
  fc.tuple(
    fc.constantFrom<Move[0]>("reader", "writer", "acme", "acmeWriter", "revoked"),
    fc.constantFrom<Move[1]>("path", "write", "query", "list", "whole"),
    fc.constantFrom<Move[2]>("acme", "globex"),
  ),
  { minLength: 1, maxLength: 20 },
);

test("cached verdicts never cross keys, routes or portals, in whatever order requests come", async () => {
  await fc.assert(
    fc.asyncProperty(moves, async (sequence) => {
      const answers: Message[] = await Promise.all(
        sequence.map((move) =>
          ask(stage, request(`GET ${targetOf(move)}`, [`X-API-Key: ${stage.sidecar.keys[move[0]].key}`])),
        ),
      );
      expect(answers.map(statusOf)).toEqual(sequence.map(verdict));
    }),
    { numRuns: 60, seed: 20_260_402 },
  );
}, 60_000);
