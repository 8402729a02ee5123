import { createServer } from "node:http";
import { once } from "node:events";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createFetchDocument } from "../../src/oauth/metadata-fetch.ts";
import { isPublicAddress } from "../../src/oauth/public-address.ts";
import { fakeClock, type FakeClock } from "../store/fake-clock.ts";
import { errorOf, type StrictClient, strictClient } from "./oauth-client.ts";
import { browse, clientId, openStage, REDIRECT, setSettings, type Stage } from "./oauth-stage.ts";

const ID = "https://apps.example/desk/client.json";
let clock: FakeClock;
let stage: Stage;
let client: StrictClient;
let asked: string[];
let answer: () => Response;

function json(value: unknown, headers: Record<string, string> = {}): Response {
  return new Response(JSON.stringify(value), { headers: { "content-type": "application/json", ...headers } });
}

const good = {
  client_id: ID,
  client_name: "Desk",
  redirect_uris: [REDIRECT],
  grant_types: ["authorization_code", "refresh_token", "client_credentials"],
  token_endpoint_auth_method: "none",
};

beforeAll(async () => {
  clock = fakeClock(Date.now());
  stage = await openStage({
    clock,
    config: { metadata_hosts: ["apps.example", "*.wide.example"] },
    fetch: async (url) => {
      asked.push(String(url instanceof Request ? url.url : url));
      return answer();
    },
  });
  client = await strictClient(stage.issuer);
});
beforeEach(() => {
  asked = [];
  answer = () => json(good);
  clock.advance(3_600_000);
});
afterAll(() => stage.close());

async function statusFor(id: string): Promise<number> {
  const { url } = await client.authorizationUrl({ id: clientId(id) });
  return (await browse(url, stage.issuer)).response.status;
}

describe("a client that is its metadata document", () => {
  it("gets a token, and is written down for the administrator", async () => {
    const app = { id: clientId(ID) };
    const token = await client.tokens(app);
    expect((await client.refresh(app, token.refresh_token)).access_token).toMatch(/^[\w-]{43}$/);
    expect(await stage.clients.get(app.id)).toMatchObject({
      name: "Desk",
      origin: "metadata_document",
      status: "approved",
      createdBy: "host apps.example",
    });
    expect(asked).toEqual([ID]);
  });

  it("is asked for again when its document is no longer fresh", async () => {
    answer = () => json(good, { "cache-control": "max-age=120" });
    await client.tokens({ id: clientId(ID) });
    clock.advance(119_000);
    await client.tokens({ id: clientId(ID) });
    expect(asked).toHaveLength(1);
    clock.advance(2000);
    answer = () => json({ ...good, client_name: "Desk 2" });
    await client.tokens({ id: clientId(ID) });
    expect(asked).toHaveLength(2);
    expect((await stage.clients.get(clientId(ID)))?.name).toBe("Desk 2");
  });

  it("can be disabled", async () => {
    const app = { id: clientId(ID) };
    const { refresh_token: token } = await client.tokens(app);
    const record = await stage.clients.get(app.id);
    if (record === null) throw new Error("no client");
    await stage.clients.update({ ...record, status: "disabled" });
    expect(await statusFor(ID)).toBe(400);
    expect(await errorOf(client.refresh(app, token))).toBe("invalid_client");
    await stage.clients.update({ ...record, version: record.version + 1, status: "approved" });
  });

  it("is refused where the policy is off", async () => {
    await setSettings(stage, { clientPolicy: "off" });
    expect(await statusFor(ID)).toBe(400);
    expect(asked).toEqual([]);
    await setSettings(stage, { clientPolicy: "approved" });
  });

  it("may be on any host under a wildcard", async () => {
    const id = "https://a.wide.example/c";
    answer = () => json({ ...good, client_id: id });
    expect((await client.tokens({ id: clientId(id) })).token_type).toBe("bearer");
  });

  it.each([
    "https://elsewhere.example/client.json",
    "https://wide.example/c",
    "https://notwide.example/c",
    "http://apps.example/desk/client.json",
    "https://apps.example/",
    "https://apps.example",
    "https://apps.example:8443/c",
    "https://user@apps.example/c",
    "https://apps.example/c#x",
    "https://apps.example/a/../c",
    "https://apps.example/a/%2e%2e/c",
    "https://APPS.example/c",
    "https://apps.example\\@evil.example/c",
    "https://127.0.0.1/c",
  ])("is never asked for at %s", async (id) => {
    expect(await statusFor(id)).toBe(400);
    expect(asked).toEqual([]);
  });

  it.each<readonly [string, () => Response]>([
    ["names another client", () => json({ ...good, client_id: "https://apps.example/other" })],
    ["has a secret", () => json({ ...good, client_secret: "x" })],
    ["wants a secret", () => json({ ...good, token_endpoint_auth_method: "client_secret_basic" })],
    ["has a bad redirect URI", () => json({ ...good, redirect_uris: [REDIRECT, "http://evil.example/"] })],
    ["has no redirect URI", () => json({ ...good, redirect_uris: undefined })],
    ["is no JSON", () => new Response("<html>", { headers: { "content-type": "application/json" } })],
    ["is of another type", () => new Response(JSON.stringify(good), { headers: { "content-type": "text/html" } })],
    ["is a list", () => json([good])],
    ["is too long", () => json({ ...good, more: "x".repeat(17_000) })],
    ["is elsewhere", () => new Response(null, { status: 302, headers: { location: "http://169.254.169.254/" } })],
    ["is missing", () => json(good, {}) && new Response("", { status: 404 })],
    [
      "is not UTF-8",
      () => new Response(new Uint8Array([0xff, 0xfe]), { headers: { "content-type": "application/json" } }),
    ],
  ])("is refused where the document %s", async (_name, bad) => {
    answer = bad;
    expect(await statusFor(ID)).toBe(400);
    expect(asked).toHaveLength(1);
  });
});

describe("documents of clients that are new", () => {
  let own: Stage;
  let address: string;
  let fetched: number;
  let serve: (url: string) => Promise<Response>;
  let warnings: object[];

  beforeEach(async () => {
    address = "198.51.100.1";
    fetched = 0;
    warnings = [];
    serve = async (url) => json({ ...good, client_id: url });
    own = await openStage({
      config: { metadata_hosts: ["apps.example"] },
      clientIp: () => address,
      warn: (fields) => void warnings.push(Object(fields)),
      fetch: (url) => {
        fetched += 1;
        return serve(String(url instanceof Request ? url.url : url));
      },
    });
  });
  afterEach(() => own.close());

  async function begin(path: string): Promise<Response> {
    const strict = await strictClient(own.issuer);
    const { url } = await strict.authorizationUrl({ id: clientId(`https://apps.example/${path}`) });
    return fetch(url, { redirect: "manual", headers: { accept: "text/html" } });
  }

  it("are counted for each network before they are fetched, and not again once the client is known", async () => {
    for (let count = 0; count < 20; count += 1) expect((await begin(`c${count}`)).status).toBe(303);
    const refused = await begin("c20");
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([429, "3600"]);
    expect(fetched).toBe(20);
    expect((await begin("c0")).status).toBe(303);
    address = "198.51.100.2";
    expect((await begin("c20")).status).toBe(303);
  });

  it("are counted too where they cannot be had", async () => {
    serve = async () => new Response("", { status: 404 });
    for (let count = 0; count < 20; count += 1) expect((await begin(`c${count}`)).status).toBe(400);
    expect((await begin("c20")).status).toBe(429);
    expect(fetched).toBe(20);
  });

  it("are fetched sixteen at a time: who comes then is asked to try again", async () => {
    const { promise: gate, resolve: open } = Promise.withResolvers<void>();
    const { promise: full, resolve: isFull } = Promise.withResolvers<void>();
    serve = async (url) => {
      if (fetched === 16) isFull();
      await gate;
      return json({ ...good, client_id: url });
    };
    const slow = Array.from({ length: 16 }, (_, at) => begin(`slow${at}`));
    await full;
    expect((await begin("one-more")).status).toBe(503);
    expect(fetched).toBe(16);
    open();
    expect(new Set((await Promise.all(slow)).map(({ status }) => status))).toEqual(new Set([303]));
    expect((await begin("one-more")).status).toBe(303);
  });

  it("leave a line in the log where they cannot be used, without a stack", async () => {
    serve = async () => new Response("", { status: 404 });
    await begin("missing");
    const reason = "the answer has status 404";
    expect(warnings).toEqual([{ client: "https://apps.example/missing", reason }]);
  });

  it("are forgotten after seven days, unless a person lets the client in", async () => {
    const before = Date.now();
    await begin("new");
    const record = await own.clients.get(clientId("https://apps.example/new"));
    expect(record?.expiresAt).toBeGreaterThanOrEqual(before + 7 * 86_400_000);
  });
});

describe("fetching without a fetch of ours", () => {
  it("does not reach this machine, by address or by name", async () => {
    let reached = 0;
    const server = createServer((_request, response) => {
      reached += 1;
      response.end("{}");
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("no port");
    const fetchDocument = createFetchDocument({});
    try {
      for (const host of ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "2130706433"]) {
        await expect(fetchDocument(`https://${host}:${address.port}/c`)).rejects.toThrow(/not public/);
      }
      expect(reached).toBe(0);
    } finally {
      server.close();
    }
  });

  it.each([
    ["127.0.0.1", false],
    ["10.1.2.3", false],
    ["172.31.255.255", false],
    ["172.32.0.1", true],
    ["192.168.0.1", false],
    ["169.254.169.254", false],
    ["100.64.0.1", false],
    ["0.0.0.0", false],
    ["224.0.0.1", false],
    ["255.255.255.255", false],
    ["93.184.216.34", true],
    ["::1", false],
    ["::", false],
    ["fe80::1", false],
    ["fd00::1", false],
    ["::ffff:10.0.0.1", false],
    ["64:ff9b::a00:1", false],
    ["2002:a00:1::1", false],
    ["2001:db8::1", false],
    ["2606:4700::1", true],
    ["localhost", false],
  ])("knows that %s is public: %s", (address, isPublic) => {
    expect(isPublicAddress(address)).toBe(isPublic);
  });
});
