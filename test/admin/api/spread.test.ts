import { expect, test } from "vitest";
import { z } from "zod";
import { onBothStores } from "../../store/both-stores.ts";
import { type ApiStage, startApi } from "./stage.ts";

const made = z.looseObject({ id: z.string() });
const revoked = z.looseObject({ state: z.string(), applied: z.record(z.string(), z.unknown()) });

async function newKey(stage: ApiStage): Promise<string> {
  const answer = await stage.call("POST", "/keys", { name: "k", scopes: ["tickets:read"] });
  return made.parse(answer.json).id;
}

onBothStores("what a revoke tells", (stores) => {
  test("is how many instances have applied it, and how many streams they closed", async () => {
    const stage = await startApi(stores());
    const id = await newKey(stage);
    const stop = await stores().other.changes.follow((tags) =>
      tags.some((tag) => tag === `credential:${id}`) ? Promise.resolve(3) : undefined,
    );
    const answer = await stage.call("POST", `/keys/${id}/revoke`);
    await stop();
    expect(answer.status).toBe(200);
    const { applied, state } = revoked.parse(answer.json);
    expect(state).toBe("revoked");
    expect(applied).toMatchObject({ instances: 1, applied: 1, streams_closed: 3, out: [], lapsed: [] });
  });

  test("with wait=false is who is out, and for how long; asked again it waits for them", async () => {
    const stage = await startApi(stores());
    const id = await newKey(stage);
    const held = Promise.withResolvers<number>();
    const stop = await stores().other.changes.follow(() => held.promise);
    const asked = stage.call("POST", `/keys/${id}/revoke?wait=false`);
    // The clock of the test stands still unless it is moved.
    const moving = setInterval(() => stores().clock.advance(20), 5);
    const atOnce = revoked.parse((await asked.finally(() => clearInterval(moving))).json);
    expect(atOnce.state).toBe("revoked");
    const out = [{ instance: expect.stringMatching(/^[\w.-]+$/), for_ms: expect.any(Number) }];
    expect(atOnce.applied).toMatchObject({ instances: 1, applied: 0, out });
    const waiting = stage.call("POST", `/keys/${id}/revoke?wait=true`);
    held.resolve(0);
    expect(revoked.parse((await waiting).json).applied).toMatchObject({ instances: 1, applied: 1, out: [] });
    await stop();
  });

  test("is refused where `wait` is neither, and nothing is revoked", async () => {
    const stage = await startApi(stores());
    const id = await newKey(stage);
    expect((await stage.call("POST", `/keys/${id}/revoke?wait=soon`)).status).toBe(400);
    expect((await stage.call("GET", `/keys/${id}`)).json).toMatchObject({ state: "active" });
  });
});
