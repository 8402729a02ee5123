import { beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { Browser } from "../../support/browserless.ts";
import { approveDevice, openSignedIn, type SignInAs } from "../../support/person-at-browser.ts";
import { stop, waitForLine } from "../../support/processes.ts";
import { startRedis } from "../../support/redis.ts";
import { get, type Installation, install, type Sidecar, startUpstream, ticketRules } from "../support.ts";
import { type Balancer, startBalancer } from "./balancer.ts";
import {
  addClient,
  codeRequest,
  redeem,
  refreshRequest,
  startDevice,
  type TokenRequest,
  type Tokens,
  tokensFor,
} from "./code-client.ts";
import { addPerson } from "./support.ts";

// Processes start, and polls of the device flow wait 5 s.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const AT_ONCE = 8;
const PASSWORD = "a long enough password of a test";
const TICKETS = "/tickets/acme";

/** The consent page offers the portals that the rules name. */
function portalRules(upstream: string): string {
  return ticketRules(upstream).replace("upstreams:", "portals: [{ id: acme, name: Acme Inc }]\nupstreams:");
}

/** What a token gets at each instance. */
async function statuses(sidecars: readonly Sidecar[], token: string): Promise<readonly number[]> {
  const answers = await Promise.all(sidecars.map((sidecar) => sidecar.get(TICKETS, token)));
  return answers.map(({ status }) => status);
}

interface Race {
  readonly won: Tokens;
  readonly lost: readonly string[];
}

/** The same request at all, many times at once: the one winner, and what the others were told. */
async function raceAt(sidecars: readonly Sidecar[], request: TokenRequest): Promise<Race> {
  const instances = Array.from({ length: AT_ONCE }, (_, at) => sidecars[at % sidecars.length]?.url ?? "");
  // Connections first, so that no request comes so late that it counts as a replay, which ends the family.
  await Promise.all(instances.map((url) => get(`${url}/status`)));
  const all = await Promise.all(instances.map((url) => redeem(url, request)));
  const lost = all.filter((got) => typeof got === "string");
  const [won, ...more] = all.filter((got) => typeof got !== "string");
  if (won === undefined || more.length > 0) throw new Error(`not one winner: ${lost.join(" ")}`);
  return { won, lost };
}

describe("two processes on one Redis", () => {
  let installed: Installation;
  let balancer: Balancer;
  let one: Sidecar;
  let two: Sidecar;
  let client: string;
  let person: SignInAs;

  beforeAll(async () => {
    const redis = await startRedis();
    const upstream = await startUpstream((_request, response) => void response.end("ok"));
    balancer = await startBalancer();
    installed = install({ rules: portalRules(upstream), store: redis.url, more: `public_url: ${balancer.url}` });
    [one, two] = await Promise.all([installed.serve(), installed.serve()]);
    person = await addPerson(installed.config, "member@desk.example");
    client = await addClient(installed);
  });
  // Pages are served by both, in turn.
  beforeEach(() => balancer.use(one.url, two.url));

  const race = (request: TokenRequest): Promise<Race> => raceAt([one, two], request);

  const code = (): Promise<TokenRequest> => codeRequest(balancer.url, client, person, { portal: "acme" });
  const bothServe = async ({ access_token: token }: Tokens): Promise<void> =>
    expect(await statuses([one, two], token)).toEqual([200, 200]);
  const bothRefuse = async ({ access_token: token }: Tokens): Promise<void> =>
    expect(await statuses([one, two], token)).toEqual([401, 401]);

  test("one of many redemptions of a code wins, and its token serves at both", async () => {
    const { won, lost } = await race(await code());
    expect(new Set(lost)).toEqual(new Set(["invalid_grant"]));
    await bothServe(won);
  });

  test("one of many uses of a refresh token wins, and its tokens serve at both", async () => {
    const first = await tokensFor(one.url, await code());
    const { won, lost } = await race(refreshRequest(client, first));
    expect(new Set(lost)).toEqual(new Set(["invalid_grant"]));
    await bothServe(won);
    await bothServe(await tokensFor(two.url, refreshRequest(client, won)));
  });

  test("one of many redemptions of a device code wins, and its token serves at both", async () => {
    const { link, request } = await startDevice(balancer.url, client);
    expect((await approveDevice(link, person, { portal: "acme" })).status).toBe(200);
    const { won, lost } = await race(request);
    expect(lost.every((error) => error === "invalid_grant" || error === "slow_down")).toBe(true);
    await bothServe(won);
  });

  test("a code that comes again at the other ends the family at both at once, cached or not", async () => {
    const request = await code();
    const first = await tokensFor(one.url, request);
    const second = await tokensFor(two.url, refreshRequest(client, first));
    await bothServe(second);
    expect(await redeem(two.url, request)).toBe("invalid_grant");
    await bothRefuse(second);
    await bothRefuse(first);
    expect(await redeem(one.url, refreshRequest(client, second))).toBe("invalid_grant");
  });

  test("a refresh token that comes again at the other ends the family at both at once", async () => {
    const first = await tokensFor(one.url, await code());
    const second = await tokensFor(one.url, refreshRequest(client, first));
    await bothServe(second);
    expect(await redeem(two.url, refreshRequest(client, first))).toBe("invalid_grant");
    await bothRefuse(second);
  });

  test("a person who is disabled at the command line is refused at both at once", async () => {
    const leaver = await addPerson(installed.config, "leaver@desk.example");
    const tokens = await tokensFor(one.url, await codeRequest(balancer.url, client, leaver));
    await bothServe(tokens);
    await installed.command("users", "disable", leaver.email);
    await bothRefuse(tokens);
    expect(await redeem(two.url, refreshRequest(client, tokens))).toBe("invalid_grant");
    await expect(openSignedIn(new Browser(), `${balancer.url}/signin`, leaver)).rejects.toThrow("sign-in failed");
  });

  test("who signed in at one is signed in at the other, and stays so when one starts again", async () => {
    const browser = new Browser();
    balancer.use(one.url);
    await openSignedIn(browser, `${balancer.url}/signin`, person);
    const tokens = await tokensFor(one.url, await code());
    balancer.use(two.url);
    expect((await browser.open(`${balancer.url}/signin`)).text).toContain(person.email);
    expect(await stop(one.process)).toEqual({ code: 0, signal: null });
    one = await installed.serve();
    balancer.use(one.url);
    expect((await browser.open(`${balancer.url}/signin`)).text).toContain(person.email);
    await bothServe(tokens);
    await bothServe(await tokensFor(one.url, refreshRequest(client, tokens)));
  });
});

test("of two processes, each with its link, one link makes the first administrator", async () => {
  const redis = await startRedis();
  const balancer = await startBalancer();
  const rules = portalRules(await startUpstream((_request, response) => void response.end("ok")));
  const installed = install({ rules, store: redis.url, more: `public_url: ${balancer.url}` });
  const sidecars = await Promise.all([installed.serve(), installed.serve()]);
  balancer.use(...sidecars.map(({ url }) => url));
  const lines = await Promise.all(
    sidecars.map(({ process }) => waitForLine(process, (text) => text.includes("/signin/setup"))),
  );
  const visits = await Promise.all(
    lines.map(async (line, at) => {
      const browser = new Browser();
      const form = await browser.open(line.trim());
      return { browser, form, who: { name: "Admin", email: `admin${at}@desk.example`, password: PASSWORD } };
    }),
  );
  const done = await Promise.all(visits.map(({ browser, form, who }) => browser.submit(form, who)));
  expect(done.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([303, 410]);
  expect((await installed.command("users", "list")).match(/admin\d@desk\.example/g)).toHaveLength(1);
});

describe("one process on SQLite, and the command line beside it", () => {
  test("what is ended at the command line is refused at once, and what is left outlives a restart", async () => {
    const upstream = await startUpstream((_request, response) => void response.end("ok"));
    const balancer = await startBalancer();
    const installed = install({ rules: ticketRules(upstream), more: `public_url: ${balancer.url}` });
    let sidecar = await installed.serve();
    balancer.use(sidecar.url);
    const [leaver, stayer] = [
      await addPerson(installed.config, "leaver@desk.example"),
      await addPerson(installed.config, "stayer@desk.example"),
    ];
    const client = await addClient(installed);
    const gone = await tokensFor(sidecar.url, await codeRequest(balancer.url, client, leaver));
    const request = await codeRequest(balancer.url, client, stayer);
    const { won: kept } = await raceAt([sidecar], request);
    expect(await statuses([sidecar], kept.access_token)).toEqual([200]);
    expect(await statuses([sidecar], gone.access_token)).toEqual([200]);
    await installed.command("users", "disable", leaver.email);
    expect(await get(sidecar.url + TICKETS, gone.access_token)).toMatchObject({ status: 401 });
    const browser = new Browser();
    await openSignedIn(browser, `${balancer.url}/signin`, stayer);
    await stop(sidecar.process);
    sidecar = await installed.serve();
    balancer.use(sidecar.url);
    expect((await browser.open(`${balancer.url}/signin`)).text).toContain(stayer.email);
    expect(await statuses([sidecar], kept.access_token)).toEqual([200]);
    expect(await statuses([sidecar], gone.access_token)).toEqual([401]);
    const fresh = await tokensFor(sidecar.url, refreshRequest(client, kept));
    await installed.command("clients", "disable", client);
    expect(await statuses([sidecar], fresh.access_token)).toEqual([401]);
  });
});
