// oxlint-disable vitest/expect-expect -- the assertions of a refusal are in support/stage.ts
import { beforeAll, describe, expect, test } from "vitest";
import { type Message, statusOf, valuesOf } from "../support/wire.ts";
import { ask, expectRefused, openStage, request, type Stage } from "./support/stage.ts";

const ROUTES = ["/open/a", "/api/portals/acme/tickets/1"] as const;

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
});

/** Sends a request that is served, with the `acme` key where the route asks for one; what the upstream got. */
async function forwarded(path: string, lines: readonly string[], on: Stage = stage): Promise<Message> {
  const credential = path.startsWith("/open/") ? [] : [`Authorization: Bearer ${on.sidecar.keys.acme.key}`];
  const answer = await ask(on, request(`GET ${path}`, [...credential, ...lines]));
  expect(statusOf(answer)).toBe(200);
  const got = on.upstream.requests.at(-1);
  if (got === undefined) throw new Error("nothing was forwarded");
  return got;
}

const IDENTITY = ["Subject", "Credential", "Credential-Kind", "Client", "Scopes", "Portal", "Anything"];
const SPELLINGS: readonly ((name: string) => string)[] = [
  (name) => `X-Portcullis-${name}`,
  (name) => `x-portcullis-${name.toLowerCase()}`,
  (name) => `X-PORTCULLIS-${name.toUpperCase()}`,
  (name) => `X_Portcullis_${name.replaceAll("-", "_")}`,
  (name) => `X.Portcullis.${name.replaceAll("-", ".")}`,
  (name) => `X-Portcullis_${name}`,
  (name) => `x_portcullis-${name}`,
  (name) => `X-Portcullis.${name}`,
  (name) => `X~Portcullis~${name.replaceAll("-", "~")}`,
  (name) => `x!portcullis'${name.toLowerCase()}`,
  (name) => `X|Portcullis-${name}`,
];

describe.each(ROUTES)("on %s", (path) => {
  test.each(IDENTITY)("no spelling of X-Portcullis-%s comes through", async (name) => {
    const got = await forwarded(
      path,
      SPELLINGS.map((spell) => `${spell(name)}: forged`),
    );
    expect(got.head).not.toContain("forged");
    const ours = path.startsWith("/open/") ? [] : ["X-Portcullis-Credential"];
    expect(got.fields.map(([field]) => field).filter((field) => field === "X-Portcullis-Credential")).toEqual(ours);
  });

  test.each([
    "X-HTTP-Method",
    "X-HTTP-Method-Override",
    "X-Method-Override",
    "X_HTTP_Method_Override",
    "X.HTTP.Method.Override",
    "x-http-method-override",
    "X-Original-URL",
    "X-Original-URI",
    "X-Original-Method",
    "X-Original-Host",
    "X-Rewrite-URL",
    "X_Original_URL",
    "X_Rewrite_URL",
    "X~HTTP~Method~Override",
    "X!Original+URL",
    "Proxy",
    "PROXY",
  ])("%s is left out", async (name) => {
    expect((await forwarded(path, [`${name}: forged`])).head).not.toContain("forged");
  });

  test.each([
    "Forwarded",
    "X-Forwarded-For",
    "X-Forwarded-Proto",
    "X-Forwarded-Host",
    "X-Forwarded-Port",
    "X-Forwarded-Prefix",
    "X-Forwarded-User",
    "X-Real-IP",
    "X_Forwarded_For",
    "X.Forwarded.For",
    "x-forwarded_host",
    "X~Forwarded~For",
    "X'Forwarded-Host",
    "X^Real^IP",
    "X_Real_IP",
  ])("%s of somebody who is no trusted proxy changes nothing", async (name) => {
    const got = await forwarded(path, [`${name}: 203.0.113.9`]);
    expect(got.head).not.toContain("203.0.113.9");
    expect(valuesOf(got, "x-forwarded-for")).toEqual(["127.0.0.1"]);
    expect(valuesOf(got, "x-forwarded-proto")).toEqual(["http"]);
    expect(valuesOf(got, "x-forwarded-host")).toEqual(["desk.example"]);
    const [id = ""] = valuesOf(got, "x-request-id");
    expect(await stage.sidecar.auditLine({ request_id: id })).toMatchObject({ client_ip: "127.0.0.1" });
  });

  test.each([
    "x-portcullis-portal, x-portcullis-scopes, x-portcullis-credential",
    "X-Portcullis-Subject",
    "close, X-PORTCULLIS-PORTAL",
    "x-request-id, x-forwarded-for, x-forwarded-host, x-forwarded-proto",
    "host",
  ])("Connection: %s takes none of our fields away", async (value) => {
    const got = await forwarded(path, [`Connection: ${value}`]);
    const names = got.fields.map(([name]) => name);
    expect(names).toEqual(
      expect.arrayContaining(["Host", "X-Request-Id", "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host"]),
    );
    expect(valuesOf(got, "connection")).toEqual([]);
    if (path.startsWith("/open/")) return;
    expect(valuesOf(got, "x-portcullis-portal")).toEqual(["acme"]);
    expect(valuesOf(got, "x-portcullis-scopes")).toEqual(["tickets:read"]);
    expect(valuesOf(got, "x-portcullis-subject")).toEqual(["test-subject"]);
    expect(valuesOf(got, "x-portcullis-credential")).toEqual([stage.sidecar.keys.acme.id]);
  });

  test("what Connection names ends here, in however many fields", async () => {
    const got = await forwarded(path, ["Connection: x-hop", "connection: , X-Other ,", "X-Hop: gone", "x-other: gone"]);
    expect(got.head).not.toContain("gone");
  });

  test("fields of this hop end here", async () => {
    const lines = ["Keep-Alive: gone", "Proxy-Connection: gone", "Proxy-Authorization: gone", "TE: gone"];
    expect((await forwarded(path, [...lines, "HTTP2-Settings: gone", "Upgrade: gone"])).head).not.toContain("gone");
  });

  test("the client cannot choose the request id", async () => {
    const got = await forwarded(path, ["X-Request-Id: forged", "X_Request_Id: forged"]);
    expect(got.head).not.toContain("forged");
    expect(valuesOf(got, "x-request-id")).toHaveLength(1);
  });

  test("bytes 0x80 to 0xff in a value go on as they are", async () => {
    const bytes = Array.from({ length: 128 }, (_, index) => String.fromCharCode(0x80 + index)).join("");
    expect(valuesOf(await forwarded(path, [`X-Bytes: a${bytes}b`]), "x-bytes")).toEqual([`a${bytes}b`]);
  });

  test("an identity field as trailer does not come through", async () => {
    const credential = path.startsWith("/open/") ? [] : [`Authorization: Bearer ${stage.sidecar.keys.acmeWriter.key}`];
    const body = "1\r\na\r\n0\r\nX-Portcullis-Portal: forged\r\nX_Portcullis_Scopes: forged\r\nX-Kept: yes\r\n\r\n";
    const answer = await ask(stage, request(`POST ${path}`, [...credential, "Transfer-Encoding: chunked"], body));
    expect(statusOf(answer)).toBe(200);
    const got = stage.upstream.requests.at(-1);
    expect(got?.trailers).toEqual([["X-Kept", "yes"]]);
  });
});

test.each(["_method=DELETE", "a=1&_METHOD=put", "%5Fmethod=DELETE", "[_method]=DELETE", "X-HTTP-Method-Override=PUT"])(
  "a method in the query is refused on every route: %s",
  async (query) => {
    const lines = [`X-API-Key: ${stage.sidecar.keys.manager.key}`];
    for (const method of ["GET", "POST"]) {
      const refused = { status: 400, code: "bad_request" };
      await expectRefused(stage, request(`${method} /open/a?${query}&x=xsmuggledx`), refused);
      await expectRefused(
        stage,
        request(`${method} /api/portals/acme/tickets/1?${query}&x=xsmuggledx`, lines),
        refused,
      );
    }
  },
);

const good = (): string => stage.sidecar.keys.manager.key;

describe("the credential", () => {
  test.each(["Authorization", "X-API-Key"])("in %s does not reach the upstream", async (name) => {
    const { key } = stage.sidecar.keys.acme;
    const value = name === "Authorization" ? `Bearer ${key}` : key;
    for (const path of ROUTES) {
      expect(statusOf(await ask(stage, request(`GET ${path}`, [`${name}: ${value}`])))).toBe(200);
      expect(stage.upstream.requests.at(-1)?.head).not.toContain(key);
    }
  });

  test("known fields are dropped however many names were seen before", async () => {
    const junk = Array.from({ length: 1200 }, (_, index) => `X-Junk-${index}: 1`);
    for (let sent = 0; sent < junk.length; sent += 60) await forwarded("/open/a", junk.slice(sent, sent + 60));
    const long = `X_Portcullis_${"a".repeat(100)}`;
    const lines = ["X~Portcullis~Subject: forged", `${long}: forged`, "Forwarded: forged", "proxy: forged"];
    for (const path of ROUTES) expect((await forwarded(path, lines)).head).not.toContain("forged");
  });

  test.each(["X_API_Key", "X.API.Key", "x_api_key", "X~API~Key"])(
    "in the look-alike %s is no credential",
    async (name) => {
      const lines = [`${name}: ${stage.sidecar.keys.manager.key}`];
      await expectRefused(stage, request("GET /api/portals/acme/tickets/xsmuggledx", lines), {
        status: 401,
        code: "credential_missing",
      });
      expect(statusOf(await ask(stage, request("GET /open/a", lines)))).toBe(200);
      expect(stage.upstream.requests.at(-1)?.head).not.toContain("noice_sk");
    },
  );

  test.each<[string, () => string[]]>([
    ["Authorization twice", () => [`Authorization: Bearer ${good()}`, `Authorization: Bearer ${good()}`]],
    ["Authorization twice in two spellings", () => [`Authorization: Bearer ${good()}`, "authorization: Bearer x"]],
    ["an empty Authorization besides", () => [`Authorization: Bearer ${good()}`, "Authorization:"]],
    ["X-API-Key twice", () => [`X-API-Key: ${good()}`, `x-api-key: ${good()}`]],
    ["both kinds", () => [`Authorization: Bearer ${good()}`, `X-API-Key: ${good()}`]],
    ["Basic besides a key", () => ["Authorization: Basic YTpi", `X-API-Key: ${good()}`]],
  ])("%s is ambiguous on every route", async (_name, lines) => {
    for (const path of ["/open/xsmuggledx", "/api/portals/acme/tickets/xsmuggledx"]) {
      await expectRefused(stage, request(`GET ${path}`, lines()), { status: 400, code: "ambiguous_credential" });
    }
  });

  test("two in one field, as a list, are malformed", async () => {
    const lines = [`Authorization: Bearer ${good()}, Bearer ${good()}`];
    await expectRefused(stage, request("GET /api/portals/acme/tickets/xsmuggledx", lines), {
      status: 401,
      code: "credential_invalid",
      reason: "credential_malformed",
    });
  });
});

describe("behind a trusted proxy", () => {
  test("its chain is kept and ours added, and the audit names the client", async () => {
    const own = await openStage({ config: { trusted_proxies: ["127.0.0.0/8"] } });
    const lines = [
      "X-Forwarded-For: 198.51.100.1, 203.0.113.9",
      "X-Forwarded-Proto: https",
      "X-Forwarded-Host: a.example",
    ];
    for (const path of ROUTES) {
      const got = await forwarded(path, lines, own);
      expect(valuesOf(got, "x-forwarded-for")).toEqual(["198.51.100.1, 203.0.113.9, 127.0.0.1"]);
      expect(valuesOf(got, "x-forwarded-proto")).toEqual(["https"]);
      expect(valuesOf(got, "x-forwarded-host")).toEqual(["a.example"]);
      const [id = ""] = valuesOf(got, "x-request-id");
      // 198.51.100.1 is what an unknown hop claimed.
      expect(await own.sidecar.auditLine({ request_id: id })).toMatchObject({ client_ip: "203.0.113.9" });
    }
  });

  test("identity fields and look-alikes are still dropped", async () => {
    const own = await openStage({ config: { trusted_proxies: ["127.0.0.1"] } });
    const lines = ["X-Portcullis-Portal: forged", "X_Portcullis_Scopes: forged", "X_Forwarded_For: forged"];
    for (const path of ROUTES) expect((await forwarded(path, lines, own)).head).not.toContain("forged");
  });

  test("another range than the peer's believes nobody", async () => {
    const own = await openStage({ config: { trusted_proxies: ["10.0.0.0/8", "2001:db8::/32"] } });
    const got = await forwarded("/open/a", ["X-Forwarded-For: 10.0.0.1"], own);
    expect(valuesOf(got, "x-forwarded-for")).toEqual(["127.0.0.1"]);
  });
});
