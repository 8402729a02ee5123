import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { post, type StrictClient, strictClient } from "./oauth-client.ts";
import { addClient, openStage, type Stage } from "./oauth-stage.ts";

let stage: Stage;
let client: StrictClient;
beforeAll(async () => {
  stage = await openStage();
  client = await strictClient(stage.issuer);
});
afterAll(() => stage.close());

const KIB = 1024;
/** Parameters of other servers, which the library keeps with the request. */
const many = (bytes: number) => ({
  nonce: "n".repeat(bytes),
  login_hint: "l".repeat(bytes),
  ui_locales: "u".repeat(bytes),
  acr_values: "a".repeat(bytes),
});

/** Sends a request with more parameters; tells status, error and whether something was kept. */
async function ask(endpoint: string, wanted: Record<string, string>) {
  const more = { scope: "openid tickets:read", ...wanted };
  const app = await addClient(stage);
  const { url } = await client.authorizationUrl(app, more);
  const fields =
    endpoint === "device_authorization"
      ? { client_id: app.id, ...more }
      : Object.fromEntries(new URL(url).searchParams);
  const response =
    endpoint === "authorize"
      ? await fetch(url, { redirect: "manual", headers: { accept: "text/html" } })
      : await post(`${stage.issuer}/oauth/${endpoint}`, fields);
  return { status: response.status, location: response.headers.get("location"), text: await response.text() };
}

describe.each(["authorize", "par", "device_authorization"])("a request at %s", (endpoint) => {
  const good = { authorize: 303, par: 201, device_authorization: 200 }[endpoint];

  it("may have parameters of 2 KiB, and of 7 KiB together", async () => {
    expect((await ask(endpoint, { nonce: "n".repeat(2 * KIB) })).status).toBe(good);
    expect((await ask(endpoint, many(1700))).status).toBe(good);
  });

  it.each([
    ["one that is longer", { nonce: "n".repeat(2 * KIB + 1) }],
    ["one that is longer in UTF-8", { nonce: "ü".repeat(KIB + 1) }],
    ["more than 8 KiB together", many(2 * KIB)],
  ])("is refused with %s, here and not at the client", async (_what, more) => {
    const { status, location, text } = await ask(endpoint, more);
    expect([status, location]).toEqual([400, null]);
    expect(text).toMatch(/invalid_request/);
    expect(text).toMatch(/longer than/);
  });
});
