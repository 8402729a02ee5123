import { afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { systemClock } from "../../src/core/clock.ts";
import { openRedisStore } from "../../src/store/redis.ts";
import { type ApiKeyRecord, type Store, StoreUnavailable } from "../../src/store/types.ts";
import { newEar } from "../contract/store.contract.ts";
import { freePort } from "../support/processes.ts";
import { startRedis } from "../support/redis.ts";
import { makeRedisCertificates, startRedisCluster, startSentinelGroup } from "../support/redis-groups.ts";
import { record } from "./records.ts";

const opened: Store[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((store) => store.close()));
});

type Options = Omit<Parameters<typeof openRedisStore>[0], "clock">;

function open(options: Options): Store {
  const store = openRedisStore({ clock: systemClock, leaseMs: 2000, ...options });
  opened.push(store);
  return store;
}

const reachable = (store: Store): Promise<void> => vi.waitFor(() => store.ping(), 15_000);

async function create(store: Store): Promise<ApiKeyRecord> {
  const one = record();
  await store.keys.create(one);
  return one;
}

describe("a Sentinel group", () => {
  test("keeps what a replica was waited for over a failover, and instances go on without a restart", async () => {
    const { master, url } = await startSentinelGroup();
    const [store, other] = [open({ url }), open({ url })];
    await Promise.all([reachable(store), reachable(other)]);
    const ear = newEar();
    await other.changes.follow(ear.onChange);
    const keys = await Promise.all(Array.from({ length: 20 }, () => create(store)));
    const late = await create(store);
    for (const { id } of keys) {
      await vi.waitFor(async () => {
        const before = store.state().unreplicated;
        await store.keys.revoke(id, 5000);
        expect(store.state().unreplicated).toBe(before);
      }, 10_000);
    }
    await master.kill();
    const refused: unknown = await store.keys.revoke(late.id, 5000).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(StoreUnavailable);
    await vi.waitFor(() => store.keys.revoke(late.id, 5000), 40_000);
    // The client looks for the master anew when the Sentinel tells of it, so that the first reads may find no connection.
    await reachable(store);
    const kept = vi.waitFor(() => Promise.all(keys.map(({ id }) => store.keys.get(id))), 10_000);
    for (const one of await kept) expect(one).toMatchObject({ revokedAt: 5000 });
    await vi.waitFor(() => expect(ear.changes.flat()).toContain(`credential:${late.id}`), 15_000);
    await vi.waitFor(() => other.changes.poll(), 5000);
  }, 90_000);
});

describe("a replica that does not answer", () => {
  test("holds a change up for half a second, which is made, logged and counted", async () => {
    const master = await startRedis({ args: ["--repl-diskless-sync-delay", "0"] });
    const replica = await startRedis({ args: ["--replicaof", `127.0.0.1 ${master.port}`] });
    const warnings: string[] = [];
    const log = { info: () => {}, warn: (_fields: unknown, text: string) => void warnings.push(text) };
    const probe = open({ url: master.url });
    await vi.waitFor(async () => {
      await create(probe);
      const linked = await master.command(
        "EVAL \"return tonumber(string.match(redis.call('INFO','replication'),'connected_slaves:(%d+)'))\" 0",
      );
      expect(linked).toBe(":1");
    }, 15_000);
    await vi.waitFor(async () => expect(await replica.command("EXISTS {portcullis}:changes")).toBe(":1"), 15_000);
    const store = open({ url: master.url, log });
    const one = await create(store);
    expect([store.state().unreplicated, warnings]).toEqual([0, []]);
    replica.pause();
    try {
      const start = performance.now();
      expect(await store.keys.revoke(one.id, 5000)).toMatchObject({ revokedAt: 5000 });
      expect(performance.now() - start).toBeGreaterThanOrEqual(490);
      expect(store.state().unreplicated).toBe(1);
      expect(warnings).toEqual(["no replica of Redis has a change yet: a failover now would lose it"]);
    } finally {
      replica.resume();
    }
    expect(await store.keys.revoke(one.id, 6000)).toMatchObject({ revokedAt: 5000 });
    expect(store.state().unreplicated).toBe(1);
  }, 60_000);
});

describe("a cluster of three nodes", () => {
  test("serves, tells of changes, and goes on after the node that holds them was restarted", async () => {
    const cluster = await startRedisCluster();
    const [store, other] = [open({ url: cluster.url }), open({ url: cluster.url })];
    await Promise.all([reachable(store), reachable(other)]);
    const ear = newEar();
    await other.changes.follow(ear.onChange);
    const [first, second] = [await create(store), await create(store)];
    await store.keys.revoke(first.id, 5000);
    expect(ear.changes.flat()).toContain(`credential:${first.id}`);
    const node = await cluster.owner();
    await node.kill();
    const start = performance.now();
    await expect(store.keys.get(second.id)).rejects.toBeInstanceOf(StoreUnavailable);
    expect(performance.now() - start).toBeLessThan(1200);
    await vi.waitFor(() => expect(() => other.changes.poll()).toThrow(StoreUnavailable), 10_000);
    await node.restart();
    await cluster.untilUp();
    await reachable(store);
    expect(await store.keys.get(first.id)).toMatchObject({ revokedAt: 5000 });
    await vi.waitFor(() => store.keys.revoke(second.id, 5000), 10_000);
    await vi.waitFor(() => expect(ear.changes.flat()).toContain(`credential:${second.id}`), 10_000);
    await vi.waitFor(() => other.changes.poll(), 10_000);
  }, 90_000);

  test("waits on the node that holds the changes for a replica of it", async () => {
    const cluster = await startRedisCluster();
    const node = await cluster.owner();
    const spare = await startRedis({ args: ["--cluster-enabled", "yes", "--cluster-announce-ip", "127.0.0.1"] });
    await spare.command(`CLUSTER MEET 127.0.0.1 ${node.port}`);
    const id = await bulk(node.port, "CLUSTER MYID");
    await vi.waitFor(async () => expect(await spare.command(`CLUSTER REPLICATE ${id}`)).toBe("+OK"), 15_000);
    await vi.waitFor(async () => {
      const state = await bulk(node.port, "INFO replication");
      expect(state).toContain("state=online");
    }, 15_000);
    const store = open({ url: cluster.url });
    await reachable(store);
    const one = await create(store);
    expect(store.state().unreplicated).toBe(0);
    spare.pause();
    try {
      expect(await store.keys.revoke(one.id, 5000)).toMatchObject({ revokedAt: 5000 });
      expect(store.state().unreplicated).toBe(1);
    } finally {
      spare.resume();
    }
  }, 90_000);
});

describe("Redis over TLS", () => {
  let url: string;
  let certificates: Awaited<ReturnType<typeof makeRedisCertificates>>;

  beforeAll(async () => {
    certificates = await makeRedisCertificates();
    const { ca, file } = certificates;
    const port = await freePort();
    const files = [
      "--tls-cert-file",
      file("server.crt"),
      "--tls-key-file",
      file("server.key"),
      "--tls-ca-cert-file",
      ca,
    ];
    await startRedis({ args: ["--tls-port", String(port), ...files, "--tls-auth-clients", "yes"] });
    url = `rediss://127.0.0.1:${port}`;
  });

  test("is used with an authority and a certificate of one's own", async () => {
    const { ca, file } = certificates;
    const store = open({ url, tls: { ca, cert: file("client.crt"), key: file("client.key") } });
    await reachable(store);
    const ear = newEar();
    await store.changes.follow(ear.onChange);
    const one = await create(store);
    await store.keys.revoke(one.id, 5000);
    expect(await store.keys.get(one.id)).toMatchObject({ revokedAt: 5000 });
    expect(ear.changes.flat()).toContain(`credential:${one.id}`);
  });

  test.each([
    ["an authority that nobody knows", (): Options["tls"] => ({})],
    ["no certificate, where the server asks for one", (): Options["tls"] => ({ ca: certificates.ca })],
  ])("is refused with %s", async (_what, tls) => {
    const store = open({ url, tls: tls() });
    await expect(store.ping()).rejects.toBeInstanceOf(StoreUnavailable);
    await expect(store.ping()).rejects.toThrow(/out of reach|did not do/);
  });

  test("is not opened where a file is missing", () => {
    expect(() => open({ url, tls: { ca: "/nowhere/ca.crt" } })).toThrow(/nowhere\/ca\.crt/);
  });
});

/** The whole answer to a command, once its second line is there. */
async function bulk(port: number, line: string): Promise<string> {
  const { connect } = await import("node:net");
  const socket = connect(port, "127.0.0.1").setEncoding("latin1");
  socket.write(`${line}\r\n`);
  let text = "";
  for await (const chunk of socket) {
    text += String(chunk);
    const [head = "", ...rest] = text.split("\r\n");
    if (rest.join("\r\n").length >= Number(head.slice(1))) break;
  }
  return text.split("\r\n").slice(1).join("\r\n").trim();
}
