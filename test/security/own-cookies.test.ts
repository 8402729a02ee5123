import { once } from "node:events";
import { beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { setsOwnCookie } from "../../src/core/own-cookies.ts";
import { Browser, type Page } from "../support/browserless.ts";
import { startCompanyProvider } from "../support/company-provider.ts";
import { openSignedIn } from "../support/person-at-browser.ts";
import { type Message, statusOf, valuesOf } from "../support/wire.ts";
import { ask, dial, openStage, request, type Stage } from "./support/stage.ts";

const LIVE = "/api/portals/acme/live";
const ROUTES = ["/open/a", "/api/portals/acme/tickets/1"];
const UPGRADE = [
  "Connection: Upgrade",
  "Upgrade: websocket",
  "Sec-WebSocket-Version: 13",
  "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
];
const OWN = "portcullis_session=s3cret";
const PREFIXED = "__Host-portcullis_session=s3cret";

/** Fields that an upstream answers with; each but the first sets a cookie that is ours, or looks like it. */
const SET = [
  "Set-Cookie: theirs=1; Path=/",
  `Set-Cookie: ${OWN}`,
  `set-cookie: ${PREFIXED}; Path=/; Secure`,
  "SET-COOKIE:  \t__host-portcullis_session=s3cret",
  "Set-Cookie: =portcullis_session=s3cret",
  'Set-Cookie: "portcullis_session=s3cret',
  "Set-Cookie: PORTCULLIS_SESSION=s3cret",
  "Set-Cookie: __Secure-portcullis_oauth.sig=s3cret; Max-Age=0",
  "Set-Cookie: portcullis_s3cret",
].join("\r\n");

const ANSWERS: Readonly<Record<string, string>> = {
  "/open/sets": `HTTP/1.1 200 OK\r\n${SET}\r\nContent-Length: 2\r\n\r\nok`,
  "/open/early": `HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n${SET}\r\n\r\nHTTP/1.1 200 OK\r\n${SET}\r\nContent-Length: 0\r\n\r\n`,
  "/open/trailers": `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n${SET}\r\nX-Kept: yes\r\n\r\n`,
  "/open/events": `HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n${SET}\r\nContent-Length: 9\r\n\r\ndata: x\n\n`,
  "/open/switch": `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${SET}\r\n\r\n`,
  "/open/refuse": `HTTP/1.1 403 Forbidden\r\n${SET}\r\nContent-Length: 2\r\n\r\nno`,
};

function answerTo(startLine: string): string {
  const path = startLine.split(" ")[1] ?? "";
  return ANSWERS[path] ?? "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
}

let stage: Stage;
beforeAll(async () => {
  stage = await openStage({ respond: ({ startLine }) => answerTo(startLine) });
});

/** What the upstream got of a request that was served. */
async function forwarded(path: string, lines: readonly string[], on: Stage = stage): Promise<Message> {
  const credential = path.startsWith("/open/") ? [] : [`X-API-Key: ${on.sidecar.keys.acme.key}`];
  expect(statusOf(await ask(on, request(`GET ${path}`, [...credential, ...lines])))).toBe(200);
  const got = on.upstream.requests.at(-1);
  if (got === undefined) throw new Error("nothing was forwarded");
  return got;
}

const names = ({ fields }: Message): string[] => fields.map(([name]) => name);

describe.each(ROUTES)("on %s", (path) => {
  test("our cookies do not go on, and others do as they came", async () => {
    const got = await forwarded(path, [
      `Cookie: a=1;  ${OWN}; b="x; ${PREFIXED}; c=\xe4"`,
      `cookie: ${OWN}`,
      "COOKIE: __SECURE-Portcullis_oauth.sig=s3cret;d= 4",
      "Cookie: my_portcullis_session=5;",
    ]);
    expect(got.head).not.toContain("s3cret");
    expect(valuesOf(got, "cookie")).toEqual([`a=1; b="x; c=\xe4"`, "d= 4", "my_portcullis_session=5;"]);
  });

  test("no field is left where only our cookies came", async () => {
    const got = await forwarded(path, [`Cookie: ${OWN}; ${PREFIXED};`]);
    expect(valuesOf(got, "cookie")).toEqual([]);
  });

  test("identity and other fields are as without a cookie", async () => {
    const plain = await forwarded(path, ["X-Kept: 1"]);
    expect(names(await forwarded(path, [`Cookie: ${OWN}`, "X-Kept: 1"]))).toEqual(names(plain));
  });
});

test("our cookies do not go on with an upgrade", async () => {
  const fields = [`X-API-Key: ${stage.sidecar.keys.acme.key}`, `Cookie: a=1; ${OWN}`, `Cookie: ${PREFIXED}; b=2`];
  const before = stage.upstream.requests.length;
  expect(statusOf(await ask(stage, request(`GET ${LIVE}`, [...fields, ...UPGRADE])))).toBe(200);
  const got = stage.upstream.requests[before];
  expect(got?.head).not.toContain("s3cret");
  expect(got === undefined ? [] : valuesOf(got, "cookie")).toEqual(["a=1; b=2"]);
});

describe("an upstream cannot set our cookies", () => {
  test.each(["/open/sets", "/open/early", "/open/events"])("with the answer to %s", async (path) => {
    const wire = await dial(stage);
    await wire.write(request(`GET ${path}`));
    let answer = await wire.nextResponse();
    if (statusOf(answer) === 103) answer = await wire.nextResponse();
    wire.socket.destroy();
    expect(statusOf(answer)).toBe(200);
    expect(valuesOf(answer, "set-cookie")).toEqual(["theirs=1; Path=/"]);
    expect(wire.text).not.toContain("s3cret");
  });

  test("with trailers", async () => {
    const answer = await ask(stage, request("GET /open/trailers"));
    expect(answer.trailers).toEqual([["X-Kept", "yes"]]);
  });

  test.each([
    ["a switch of protocols", "/open/switch", 101],
    ["a refused one", "/open/refuse", 403],
  ])("with %s", async (_name, path, status) => {
    const wire = await dial(stage);
    await wire.write(request(`GET ${path}`, UPGRADE));
    await wire.until("\r\n\r\n");
    wire.socket.destroy();
    await once(wire.socket, "close");
    expect(wire.text).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(wire.text.match(/^set-cookie: .*$/gim)).toEqual([
      expect.stringMatching(/^set-cookie: theirs=1; Path=\/\r?$/i),
    ]);
    expect(wire.text).not.toContain("s3cret");
  });
});

/** Notes every `Set-Cookie` of what it asks for. */
class Collector extends Browser {
  readonly set: string[] = [];

  override async request(...asked: Parameters<Browser["request"]>): Promise<Page> {
    const page = await super.request(...asked);
    this.set.push(...page.headers.getSetCookie());
    return page;
  }
}

async function openWithCompany(): Promise<Stage> {
  const provider = await startCompanyProvider({ redirectUris: ["http://127.0.0.1:9/callback"], accounts: {} });
  onTestFinished(() => provider.stop());
  const company = {
    name: "Example",
    issuer: provider.issuer,
    client_id: provider.clientId,
    client_secret: provider.clientSecret,
    groups: { staff: {} },
  };
  return openStage({ config: { public_url: "http://127.0.0.1:0", signin: { company } } });
}

function authorizationUrl(sidecar: Stage["sidecar"], clientId: string): string {
  const query = new URLSearchParams({
    client_id: clientId,
    redirect_uri: "http://127.0.0.1:9/callback",
    response_type: "code",
    code_challenge: "x".repeat(43),
    code_challenge_method: "S256",
    state: "s",
  });
  return `${sidecar.url}/oauth/authorize?${query.toString()}`;
}

/** Goes through setup, the way to the company, sign-in, consent and sign-out; every `Set-Cookie` line on the way. */
async function walk({ sidecar }: Stage): Promise<readonly string[]> {
  const browser = new Collector();
  const setup = await sidecar.setupUrl();
  if (setup === null) throw new Error("there is an administrator already");
  await browser.open(setup);
  await browser.get(`${sidecar.url}/signin/company`);
  const person = await sidecar.desk.addPerson();
  const { record: client } = await sidecar.desk.addClient();
  const consent = await openSignedIn(browser, authorizationUrl(sidecar, client.id), person);
  const decided = await browser.submit(consent, { decision: "approve" }, { action: "/interaction/" });
  const last = await browser.follow(decided, (location) => !location.startsWith(sidecar.url));
  expect(last.location).toContain("code=");
  const account = await browser.open(`${sidecar.url}/signin`);
  expect((await browser.submit(account, {}, { action: "/out" })).status).toBe(303);
  return browser.set;
}

test("each cookie that sign-in and consent set is known for ours, both ways", async () => {
  const own = await openWithCompany();
  const lines = await walk(own);
  const set = [...new Set(lines.map((line) => line.slice(0, line.indexOf("="))))];
  expect(set.toSorted()).toEqual(NAMES);
  expect(lines.filter((line) => !setsOwnCookie(line))).toEqual([]);
  for (const name of set) {
    const got = await forwarded("/open/a", [`Cookie: a=1; ${name}=s3cret`, `Cookie: __Host-${name}=s3cret; b=2`], own);
    expect([name, ...valuesOf(got, "cookie")]).toEqual([name, "a=1", "b=2"]);
  }
});

const NAMES = [
  "portcullis_company",
  "portcullis_device",
  "portcullis_oauth",
  "portcullis_oauth.sig",
  "portcullis_oauth_interaction",
  "portcullis_oauth_interaction.sig",
  "portcullis_oauth_resume",
  "portcullis_oauth_resume.sig",
  "portcullis_session",
  "portcullis_setup",
  "portcullis_visit",
];

test("the stylesheet sets no cookie, and pages are kept by nobody", async () => {
  const browser = new Collector();
  const page = await browser.open(`${stage.sidecar.url}/signin`);
  expect([page.headers.get("cache-control"), browser.set.length > 0]).toEqual(["no-store", true]);
  const href = /href="([^"]+\.css)"/.exec(page.text)?.[1] ?? "";
  for (const asks of [browser, new Collector()]) {
    asks.set.length = 0;
    const sheet = await asks.get(new URL(href, page.url).href);
    expect([sheet.status, sheet.headers.get("content-type")]).toEqual([200, "text/css; charset=utf-8"]);
    expect(asks.set).toEqual([]);
  }
});

test("our cookies are dropped where OAuth is off, too", async () => {
  const off = await openStage({
    config: { oauth: { enabled: false } },
    respond: ({ startLine }) => answerTo(startLine),
  });
  expect(valuesOf(await forwarded("/open/a", [`Cookie: ${OWN}; a=1`], off), "cookie")).toEqual(["a=1"]);
  const answer = await ask(off, request("GET /open/sets"));
  expect(valuesOf(answer, "set-cookie")).toEqual(["theirs=1; Path=/"]);
});
