import { readFileSync } from "node:fs";
import { expect, test, vi } from "vitest";
import { Browser } from "../../support/browserless.ts";
import { openSignedIn } from "../../support/person-at-browser.ts";
import { outputOf, stop, waitForLine } from "../../support/processes.ts";
import { get, install, startUpstream, ticketRules } from "../support.ts";
import { startBalancer } from "./balancer.ts";
import { addClient, codeRequest, endpointsOf, tokensFor } from "./code-client.ts";
import { addPerson } from "./support.ts";

// Processes start, and polls of the device flow wait 5 s.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

/** A service with an `/oauth` of its own, OAuth switched off, and the link for the first administrator. */

const OWN_OAUTH = `  - id: legacy.oauth
    match: { methods: [GET, POST], path: "/oauth/*" }
    upstream: desk
    public: true
  - id: legacy.signin
    match: { methods: [GET], path: /signin }
    upstream: desk
    public: true
`;

/** Answers with what it was asked for. */
function echo(): Promise<string> {
  return startUpstream((request, response) => void response.end(`service: ${request.method} ${request.url}`));
}

test("moved out of the way, OAuth leaves /oauth and /signin to the service, and works where it is", async () => {
  const balancer = await startBalancer();
  const installed = install({
    rules: ticketRules(await echo()) + OWN_OAUTH,
    more: `public_url: ${balancer.url}\noauth: { path: /auth/oauth }\nsignin: { path: /auth/signin }`,
  });
  const sidecar = await installed.serve();
  balancer.use(sidecar.url);
  expect((await sidecar.get("/oauth/token?x=1")).text).toBe("service: GET /oauth/token?x=1");
  expect((await sidecar.get("/oauth/authorize")).text).toBe("service: GET /oauth/authorize");
  expect((await sidecar.get("/signin")).text).toBe("service: GET /signin");
  const posted = await fetch(`${sidecar.url}/oauth/token`, { method: "POST", body: "grant_type=password" });
  expect(await posted.text()).toBe("service: POST /oauth/token");
  expect(await endpointsOf(balancer.url)).toMatchObject({
    authorization_endpoint: `${balancer.url}/auth/oauth/authorize`,
    token_endpoint: `${balancer.url}/auth/oauth/token`,
    device_authorization_endpoint: `${balancer.url}/auth/oauth/device_authorization`,
  });
  const member = await addPerson(installed.config, "member@desk.example");
  const client = await addClient(installed);
  const request = await codeRequest(balancer.url, client, member);
  const { access_token: token } = await tokensFor(sidecar.url, request, "/auth/oauth");
  expect((await sidecar.get("/tickets/acme", token)).text).toBe("service: GET /tickets/acme");
  const page = await openSignedIn(new Browser(), `${balancer.url}/auth/signin`, member);
  expect(page.text).toContain(member.email);
});

test("switched off, OAuth has no path, no pages, no metadata, and no word in a challenge", async () => {
  const installed = install({ rules: ticketRules(await echo()), more: "oauth: { enabled: false }" });
  const sidecar = await installed.serve();
  const paths = [
    "/oauth/token",
    "/oauth/authorize",
    "/oauth/device",
    "/signin",
    "/signin/setup",
    "/.well-known/oauth-authorization-server",
    "/.well-known/openid-configuration",
    "/.well-known/oauth-protected-resource",
  ];
  for (const path of paths) {
    expect([path, await sidecar.get(path)]).toEqual([path, expect.objectContaining({ status: 404, code: "no_route" })]);
  }
  const refused = await fetch(`${sidecar.url}/tickets/acme`);
  expect(refused.status).toBe(401);
  expect(refused.headers.get("www-authenticate")).toMatch(/^Bearer (?![^]*resource_metadata)/);
  const { key } = await installed.createKey("--scope", "tickets:read");
  expect((await sidecar.get("/tickets/acme", key)).status).toBe(200);
  expect(outputOf(sidecar.process)).not.toContain("first administrator");
});

test("the link for the first administrator works once, for one of many, and stands in no log and no audit", async () => {
  const balancer = await startBalancer();
  const installed = install({ rules: ticketRules(await echo()), more: `public_url: ${balancer.url}` });
  const sidecar = await installed.serve();
  balancer.use(sidecar.url);
  const line = await waitForLine(sidecar.process, (text) => text.includes("/signin/setup"));
  const link = line.trim();
  const token = new URL(link).searchParams.get("token") ?? "";
  expect(token).toMatch(/^[\w-]{43}$/);

  const [first, second] = [new Browser(), new Browser()];
  const [form, late] = await Promise.all([first.open(link), second.open(link)]);
  const who = { name: "Ada Admin", password: "a long enough password of a test" };
  const done = await first.submit(form, { ...who, email: "ada@desk.example" });
  expect([done.status, done.location]).toEqual([303, `${balancer.url}/signin`]);
  expect((await second.submit(late, { ...who, email: "eve@desk.example" })).status).toBe(410);
  expect((await new Browser().open(link)).status).toBe(410);
  expect((await first.open(`${balancer.url}/signin`)).text).toContain("ada@desk.example");
  const people = await installed.command("users", "list");
  expect(people).toMatch(/ada@desk\.example/);
  expect(people).not.toContain("eve@desk.example");

  await stop(sidecar.process);
  const printed = outputOf(sidecar.process);
  expect(printed.split(token)).toHaveLength(2);
  expect(sidecar.process.stderr()).not.toContain(token);
  const audit = readFileSync(installed.auditFile, "utf8");
  expect(audit).toContain('"signin.setup"');
  expect(audit).not.toContain(token);
  expect(audit).not.toContain(who.password);
  const again = await installed.serve();
  expect((await get(`${again.url}/status`)).status).toBe(200);
  await stop(again.process);
  expect(outputOf(again.process)).not.toContain("/signin/setup");
});
