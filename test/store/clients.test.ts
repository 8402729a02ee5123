import { expect, test, vi } from "vitest";
import { isScope } from "../../src/core/ids.ts";
import { type ClientRecord, createClients } from "../../src/store/clients.ts";
import { newEar } from "../contract/store.contract.ts";
import { onBothStores } from "./both-stores.ts";
import { clientId, digestOf, portalId } from "./records.ts";

function client(changes: Partial<Omit<ClientRecord, "version">> = {}): Omit<ClientRecord, "version"> {
  const metadata: unknown = JSON.parse(
    '{"redirect_uris":["http://127.0.0.1/cb"],"__proto__":{"x":1},"jwks":{"keys":[]}}',
  );
  return {
    id: clientId(),
    name: "Agent <b>",
    origin: "registration",
    status: "waiting",
    metadata: Object(metadata),
    secretDigest: digestOf("secret"),
    scopes: ["tickets:read"].filter(isScope),
    portal: portalId("acme"),
    createdAt: 1_700_000_000_000,
    createdBy: "address 127.0.0.1",
    decidedAt: null,
    decidedBy: null,
    expiresAt: 1_700_000_000_000 + 7 * 86_400_000,
    tokensAfter: null,
    ...changes,
  };
}

onBothStores("clients", (stores) => {
  const clients = () => createClients(stores().store.documents);
  const others = () => createClients(stores().other.documents);

  test("a client is read with every field, a metadata document's by its URL", async () => {
    const full = client();
    const url = clientId("https://app.example/client.json?v=1#:all");
    const bare = client({ id: url, secretDigest: null, portal: null, expiresAt: null, origin: "metadata_document" });
    for (const one of [full, bare]) {
      expect(await clients().create(one)).not.toBeNull();
      expect(await clients().create(client({ id: one.id }))).toBeNull();
      const read = await others().get(one.id);
      expect(read).toEqual({ ...one, version: 1 });
      expect(JSON.stringify(read?.metadata)).toBe(JSON.stringify(one.metadata));
    }
    expect(await clients().get(clientId("client_unknown"))).toBeNull();
  });

  test("a decision moves a client between the lists, ends its waiting, and tells of it", async () => {
    const url = clientId("https://app.example/c;client:all");
    const waiting = client({ id: url });
    await clients().create(waiting);
    await clients().create(client({ status: "disabled" }));
    expect(await clients().count("waiting")).toBe(1);
    const ear = newEar();
    await stores().other.changes.follow(ear.onChange);
    const approved: ClientRecord = {
      ...waiting,
      status: "approved",
      decidedAt: 5,
      decidedBy: "a@b",
      expiresAt: null,
      version: 1,
    };
    expect(await clients().update(approved)).not.toBeNull();
    expect(await others().update({ ...approved, status: "disabled" })).toBeNull();
    expect(await clients().count("waiting")).toBe(0);
    expect(await others().list("approved", { limit: 9 })).toEqual([{ ...approved, version: 2 }]);
    stores().other.changes.poll();
    await vi.waitFor(() => expect(ear.changes).toEqual([[`client:${url}`]]));
    stores().clock.advance(30 * 86_400_000);
    expect((await others().get(url))?.status).toBe("approved");
  });

  test("a client from before its own tokens could end is read as one whose never did", async () => {
    const { tokensAfter: _none, id, createdAt, expiresAt, ...value } = client({ expiresAt: null });
    const groups = ["status:waiting"];
    await stores().store.documents.insert({ kind: "client", id, value, createdAt, expiresAt, lookups: [], groups });
    expect(await clients().get(id)).toMatchObject({ id, tokensAfter: null });
  });

  test("a waiting client is forgotten when its time is over", async () => {
    const waiting = client();
    await clients().create(waiting);
    stores().clock.advance(7 * 86_400_000);
    expect(await others().get(waiting.id)).toBeNull();
    expect(await others().count("waiting")).toBe(0);
    expect(await others().list("waiting", { limit: 9 })).toEqual([]);
    expect(await clients().update({ ...waiting, status: "approved", version: 1 })).toBeNull();
  });

  test("of 20 parallel decisions on one version one holds", async () => {
    const waiting = client();
    await clients().create(waiting);
    const decisions = await Promise.all(
      Array.from({ length: 20 }, (_, turn) => {
        const by = turn % 2 === 0 ? clients() : others();
        return by.update({ ...waiting, status: turn % 3 === 0 ? "approved" : "disabled", decidedAt: turn, version: 1 });
      }),
    );
    expect(decisions.filter((written) => written !== null)).toHaveLength(1);
    expect((await clients().get(waiting.id))?.decidedAt).toBe(decisions.findIndex((written) => written !== null));
  });

  test.each([
    ["an unknown status", { status: "trusted" }],
    ["metadata that is no object", { metadata: [] }],
    ["a scope that is none", { scopes: ["everything"] }],
  ])("a record with %s is unavailable", async (_what, wrong) => {
    const { id, createdAt, expiresAt, ...value } = client();
    const document = { kind: "client", id, createdAt, expiresAt, lookups: [], groups: [] };
    await stores().store.documents.put({ ...document, value: { ...value, ...wrong } });
    await expect(clients().get(id)).rejects.toMatchObject({ name: "StoreUnavailable" });
  });
});
