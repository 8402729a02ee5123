import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { fakeClock, type FakeClock } from "../store/fake-clock.ts";
import { post, strictClient } from "./oauth-client.ts";
import { addClient, openStage, type Stage } from "./oauth-stage.ts";

const MOST = 300;
const WINDOW_MS = 600_000;

let clock: FakeClock;
let stage: Stage;
let address: string;
let authorize: () => Promise<Response>;
let push: () => Promise<Response>;

beforeEach(async () => {
  clock = fakeClock(Date.now());
  address = "198.51.100.1";
  stage = await openStage({ clock, clientIp: () => address });
  const app = await addClient(stage);
  const { url } = await (await strictClient(stage.issuer)).authorizationUrl(app);
  authorize = () => fetch(url, { redirect: "manual", headers: { accept: "text/html" } });
  push = () => post(`${stage.issuer}/oauth/par`, Object.fromEntries(new URL(url).searchParams));
});
afterEach(() => stage.close());

function counted(network: string): Promise<{ readonly count: number }> {
  return stage.store.counters.read(`oauth:authorize:${network}`);
}

/** Uses up what the network has but for so many. */
async function useUp(network: string, left: number): Promise<void> {
  for (let count = left; count < MOST; count += 1)
    await stage.store.counters.add(`oauth:authorize:${network}`, WINDOW_MS);
}

describe("requests for an authorization", () => {
  it("are bounded for each network, pushed ones too, and a page says when to come back", async () => {
    await useUp(address, 2);
    expect([(await authorize()).status, (await push()).status]).toEqual([303, 201]);
    const page = await authorize();
    expect([page.status, page.headers.get("retry-after")]).toEqual([429, "600"]);
    expect(page.headers.get("content-type")).toBe("text/html; charset=utf-8");
    expect(await page.text()).toContain("Too many requests");
    const json = await push();
    expect([json.status, json.headers.get("retry-after")]).toEqual([429, "600"]);
    expect(await json.json()).toMatchObject({ error: "temporarily_unavailable" });
    expect(stage.events.filter(({ action }) => action === "authorization.refuse")).toHaveLength(2);
    address = "198.51.100.2";
    expect((await authorize()).status).toBe(303);
  });

  it("are counted once each, and not at all where refused", async () => {
    await authorize();
    await push();
    expect(await counted(address)).toMatchObject({ count: 2 });
    await useUp(address, 2);
    for (let tries = 0; tries < 5; tries += 1) expect((await authorize()).status).toBe(429);
    expect(await counted(address)).toMatchObject({ count: MOST });
  });

  it("are let in again when the ten minutes are over", async () => {
    await useUp(address, 0);
    expect((await push()).status).toBe(429);
    clock.advance(WINDOW_MS);
    expect((await push()).status).toBe(201);
  });

  it("are counted over a whole /64 of IPv6", async () => {
    await useUp("2001:db8:1:2::/64", 0);
    address = "2001:db8:1:2:aaaa::7";
    expect((await authorize()).status).toBe(429);
    address = "2001:db8:1:3::7";
    expect((await authorize()).status).toBe(303);
  });

  it("cannot outrun the count at the same time", async () => {
    await useUp(address, 3);
    const answers = await Promise.all(Array.from({ length: 10 }, push));
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(3);
  });
});
