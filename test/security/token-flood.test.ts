import { randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { LOOKUPS } from "../../src/credentials/authenticate.ts";
import { codeOf, connectTo, head } from "../proxy/client.ts";
import { type Line, startLine } from "../support/line.ts";
import { ownPages } from "../support/own-pages.ts";
import { startRawUpstream } from "../support/raw-upstream.ts";
import { statusOf, type Wire } from "../support/wire.ts";

const ROUTES = [{ id: "all", match: { path: "/*" }, upstream: "up", scopes: ["tickets:read"], portal: "unrestricted" }];

/** A request with a credential on a connection of its own. */
async function send(line: Line, credential: string): Promise<Wire> {
  const wire = await connectTo(line);
  await wire.write(head("GET /a", [`Authorization: Bearer ${credential}`]));
  return wire;
}

test("a flood of random tokens that fills its gate does not starve a key that is not cached", async () => {
  const held = Promise.withResolvers<null>();
  const most = LOOKUPS.concurrent + LOOKUPS.queued;
  let asked = 0;
  const upstream = await startRawUpstream();
  const line = await startLine({
    upstreamUrl: upstream.url,
    routes: ROUTES,
    own: ownPages(),
    tokens: { find: () => ((asked += 1), held.promise) },
    limits: { connections: 2 * most, idleMs: 60_000 },
  });
  const tokens = Array.from({ length: most + 1 }, () => randomBytes(32).toString("base64url"));
  const answers = (await Promise.all(tokens.map((token) => send(line, token)))).map((wire) => wire.nextResponse());
  // One finds no place: then all places are taken.
  const refused = await Promise.any(answers);
  expect([statusOf(refused), codeOf(refused), asked]).toEqual([503, "store_unavailable", LOOKUPS.concurrent]);
  const served = await send(line, await line.key("tickets:read"));
  expect(statusOf(await served.nextResponse())).toBe(200);
  held.resolve(null);
  const statuses = (await Promise.all(answers)).map(statusOf);
  expect(statuses.filter((status) => status === 401)).toHaveLength(most);
}, 60_000);
