import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { STATE, type StrictClient, strictClient } from "./oauth-client.ts";
import { addClient, browse, openStage, REDIRECT, type Stage } from "./oauth-stage.ts";

/** Anybody can register a client with any redirect URI; our address must not become one that leads there. */

let stage: Stage;
let client: StrictClient;
beforeAll(async () => {
  stage = await openStage();
  client = await strictClient(stage.issuer);
});
afterAll(() => stage.close());

type More = Record<string, string>;
const ERRORS: readonly (readonly [what: string, more: More, error: string])[] = [
  ["without PKCE", { code_challenge: "", code_challenge_method: "" }, "invalid_request"],
  ["with prompt=none", { prompt: "none", scope: "openid" }, "login_required"],
  ["for a resource that is not ours", { resource: "https://elsewhere.example/" }, "invalid_target"],
  ["with a request object", { request: "x.y.z" }, "request_not_supported"],
  ["with response_mode=form_post", { response_mode: "form_post" }, "unsupported_response_mode"],
  ["with response_type=token", { response_type: "token" }, "unsupported_response_type"],
];
const strangers = [
  ["that waits", { origin: "registration", status: "waiting" }],
  ["that came in under the open policy", { origin: "registration", status: "approved", decidedAt: null }],
] as const;
const known = [
  ["of an administrator", { origin: "administrator" }],
  ["that an administrator approved", { origin: "registration", decidedAt: 1, decidedBy: "cli:ops" }],
] as const;

describe.each(ERRORS)("a request %s", (_what, more, error) => {
  it.each(strangers)("of a client %s is answered here, with a page", async (_whose, fields) => {
    const app = await addClient(stage, fields);
    const { url, response } = await browse((await client.authorizationUrl(app, more)).url, stage.issuer);
    expect([url.origin, response.status, response.headers.get("location")]).toEqual([stage.issuer, 400, null]);
    const text = await response.text();
    expect(text).toContain(`(${error})`);
    expect(text).not.toContain(REDIRECT);
  });

  it.each(known)("of a client %s goes back to it", async (_whose, fields) => {
    const app = await addClient(stage, fields);
    const { url } = await browse((await client.authorizationUrl(app, more)).url, stage.issuer);
    const answer = new URLSearchParams(url.hash === "" ? url.search : url.hash.slice(1));
    expect([url.origin + url.pathname, answer.get("error")]).toEqual([REDIRECT, error]);
    expect([answer.get("iss"), answer.get("state")]).toEqual([stage.issuer, STATE]);
  });
});

describe("a request of a client that nobody trusts", () => {
  it("makes no form either that a browser would send there", async () => {
    const app = await addClient(stage, strangers[0][1]);
    const more = { response_mode: "form_post", code_challenge: "", code_challenge_method: "" };
    const { response } = await browse((await client.authorizationUrl(app, more)).url, stage.issuer);
    expect([response.status, (await response.text()).includes(REDIRECT)]).toEqual([400, false]);
  });

  it("goes back to it once a person has decided, with what came of it", async () => {
    const app = await addClient(stage, strangers[1][1]);
    expect((await client.authorize(app)).params.get("code")).toMatch(/^[\w-]{43}$/);
    const denying = await openStage({ decide: "deny" });
    try {
      const own = await strictClient(denying.issuer);
      const { url } = await own.authorizationUrl(await addClient(denying, strangers[1][1]));
      const { url: back } = await browse(url, denying.issuer);
      expect([back.origin + back.pathname, back.searchParams.get("error")]).toEqual([REDIRECT, "access_denied"]);
    } finally {
      await denying.close();
    }
  });

  it("stays here where it is off meanwhile, whoever its URL names", async () => {
    const app = await addClient(stage);
    const query = new URLSearchParams({ client_id: app.id, redirect_uri: REDIRECT });
    const url = `${client.as.authorization_endpoint ?? ""}/unknown-request?${String(query)}`;
    const { url: at, response } = await browse(url, stage.issuer);
    expect([at.origin, response.status]).toEqual([stage.issuer, 400]);
  });
});
