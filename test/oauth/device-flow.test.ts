import * as oauth from "oauth4webapi";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fakeClock, type FakeClock } from "../store/fake-clock.ts";
import { errorOf, insecure, none, post, type StrictClient, strictClient } from "./oauth-client.ts";
import { decideDevice } from "./device-decision.ts";
import { addClient, type AddedClient, openStage, type Stage } from "./oauth-stage.ts";

let clock: FakeClock;
let stage: Stage;
let client: StrictClient;
let app: AddedClient;

beforeAll(async () => {
  clock = fakeClock(Date.now());
  stage = await openStage({ clock, hold: async (ms) => clock.advance(ms) });
  client = await strictClient(stage.issuer);
  app = await addClient(stage);
});
afterAll(() => stage.close());

async function start(more: Record<string, string> = {}): Promise<oauth.DeviceAuthorizationResponse> {
  const own = { client_id: app.id };
  const answer = await oauth.deviceAuthorizationRequest(client.as, own, none, more, insecure);
  return oauth.processDeviceAuthorizationResponse(client.as, own, answer);
}

async function poll(code: string, by: AddedClient = app): Promise<oauth.TokenEndpointResponse> {
  const own = { client_id: by.id };
  const answer = await oauth.deviceCodeGrantRequest(client.as, own, none, code, insecure);
  return oauth.processDeviceCodeResponse(client.as, own, answer);
}

/** As if its life were over: the library goes by the machine's clock. */
async function endCode(code: string): Promise<void> {
  const document = await stage.store.documents.get("DeviceCode", stage.digester.stored(code));
  if (document === null) throw new Error("no code");
  const value = { ...document.value, exp: Math.floor(Date.now() / 1000) - 1 };
  await stage.store.documents.replace({ ...document, value }, document.version);
}

describe("the device flow", () => {
  it("tells the device what to show, where, and how often to ask", async () => {
    const device = await start();
    expect(device.user_code).toMatch(/^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$/);
    expect(device.verification_uri).toBe(`${stage.issuer}/oauth/device`);
    expect(device.verification_uri_complete).toBe(`${stage.issuer}/oauth/device?user_code=${device.user_code}`);
    expect(device).toMatchObject({ expires_in: 600, interval: 5 });
  });

  it("gives a token once the person has approved, and only once", async () => {
    const device = await start({ scope: "tickets:read", resource: `${stage.issuer}/mcp` });
    expect(await errorOf(poll(device.device_code))).toBe("authorization_pending");
    await decideDevice(stage, clock, device.user_code, "approve");
    clock.advance(5000);
    const token = await poll(device.device_code);
    expect(token.scope).toBe("tickets:read");
    expect(token.refresh_token).toMatch(/^[\w-]{43}$/);
    clock.advance(5000);
    expect(await errorOf(poll(device.device_code))).toBe("invalid_grant");
  });

  it("says that it was denied, that it ran out, and that it is unknown, each in its own word", async () => {
    const [denied, late] = [await start(), await start()];
    await decideDevice(stage, clock, denied.user_code, "deny");
    expect(await errorOf(poll(denied.device_code))).toBe("access_denied");
    expect(await errorOf(poll("x".repeat(43)))).toBe("invalid_grant");
    await endCode(late.device_code);
    expect(await errorOf(poll(late.device_code))).toBe("expired_token");
  });

  it("has a code that cannot be guessed, and never the same", async () => {
    const codes = new Set<string>();
    for (let count = 0; count < 20; count += 1) codes.add((await start()).device_code);
    expect(codes.size).toBe(20);
    // 43 characters of base64url are 256 bits.
    for (const code of codes) expect(code).toMatch(/^[\w-]{43}$/);
  });

  it("is bound to the client that started it", async () => {
    const device = await start();
    expect(await errorOf(poll(device.device_code, await addClient(stage)))).toBe("invalid_grant");
    expect(await errorOf(poll(device.device_code))).toBe("authorization_pending");
  });

  it("keeps a client that waits for approval pending until the code ends, and refuses its other grants", async () => {
    const waiting = await addClient(stage, { status: "waiting", origin: "registration" });
    const own = { client_id: waiting.id };
    const answer = await oauth.deviceAuthorizationRequest(client.as, own, none, {}, insecure);
    const { device_code: code } = await oauth.processDeviceAuthorizationResponse(client.as, own, answer);
    expect(await errorOf(poll(code, waiting))).toBe("authorization_pending");
    expect(await errorOf(poll(code, waiting))).toBe("slow_down");
    expect(await errorOf(poll("x".repeat(43), waiting))).toBe("invalid_grant");
    expect(await errorOf(client.refresh(waiting, "x".repeat(43)))).toBe("unauthorized_client");
    await endCode(code);
    expect(await errorOf(poll(code, waiting))).toBe("expired_token");
  });

  it("gives a client that waits no token, whatever was decided about its device", async () => {
    const own = await addClient(stage);
    const answer = await oauth.deviceAuthorizationRequest(client.as, { client_id: own.id }, none, {}, insecure);
    const device = await oauth.processDeviceAuthorizationResponse(client.as, { client_id: own.id }, answer);
    await decideDevice(stage, clock, device.user_code, "approve");
    await stage.clients.update({ ...own.record, status: "waiting", origin: "registration" });
    expect(await errorOf(poll(device.device_code, own))).toBe("unauthorized_client");
  });

  it("slows down who polls too fast, by five seconds each time, for good", async () => {
    const { device_code: code } = await start();
    expect(await errorOf(poll(code))).toBe("authorization_pending");
    clock.advance(2000);
    expect(await errorOf(poll(code))).toBe("slow_down");
    clock.advance(6000);
    expect(await errorOf(poll(code))).toBe("slow_down");
    clock.advance(8000);
    expect(await errorOf(poll(code))).toBe("authorization_pending");
    clock.advance(14_000);
    expect(await errorOf(poll(code))).toBe("slow_down");
    clock.advance(20_000);
    expect(await errorOf(poll(code))).toBe("authorization_pending");
  });

  it("lets a device on that polls at the interval, again and again", async () => {
    const { device_code: code } = await start();
    for (let round = 0; round < 10; round += 1) {
      expect(await errorOf(poll(code))).toBe("authorization_pending");
      clock.advance(round % 2 === 0 ? 5000 : 4700);
    }
  });

  it("keeps where the device asked from, for the page that confirms it", async () => {
    const answer = await post(
      client.as.device_authorization_endpoint ?? "",
      { client_id: app.id },
      { "user-agent": "A".repeat(5000) },
    );
    const { device_code: code } = JSON.parse(await answer.text());
    const document = await stage.store.documents.get("DeviceCode", stage.digester.stored(code));
    expect(document?.value["deviceInfo"]).toEqual({ address: "192.0.2.1", userAgent: "A".repeat(200) });
  });

  it("never serves the library's own device page", async () => {
    for (const path of ["device", "device/abc"]) {
      expect((await fetch(`${stage.issuer}/oauth/${path}`)).status).toBe(404);
    }
  });

  it("takes no digest in place of a code", async () => {
    const { device_code: code } = await start();
    const digest = stage.digester.stored(code);
    for (const forged of [digest, `stored:${digest}`]) expect(await errorOf(poll(forged))).toBe("invalid_grant");
  });

  it("limits how many devices one address starts", async () => {
    let address = "198.51.100.7";
    const own = await openStage({ clientIp: () => address });
    try {
      const { id } = await addClient(own);
      const url = `${own.issuer}/oauth/device_authorization`;
      const statuses = new Set<number>();
      for (let count = 0; count < 101; count += 1) statuses.add((await post(url, { client_id: id })).status);
      expect([...statuses]).toEqual([200, 429]);
      const refused = await post(url, { client_id: id });
      expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
      address = "198.51.100.8";
      expect((await post(url, { client_id: id })).status).toBe(200);
    } finally {
      await own.close();
    }
  });
});
