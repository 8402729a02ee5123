import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { vi } from "vitest";
import { freePort, spawnProcess, waitForLine } from "./processes.ts";
import { type RedisServer, startRedis } from "./redis.ts";
import { tempFolder } from "./temp.ts";

/** A master with one replica, and a Sentinel that alone decides. They end with the test file. */
export interface SentinelGroup {
  readonly master: RedisServer;
  readonly replica: RedisServer;
  readonly url: string;
}

export async function startSentinelGroup(): Promise<SentinelGroup> {
  const master = await startRedis({ args: ["--repl-diskless-sync-delay", "0"] });
  const replica = await startRedis({ args: ["--replicaof", `127.0.0.1 ${master.port}`, "--appendfsync", "no"] });
  await vi.waitFor(async () => {
    const linked = await replica.command(
      "EVAL \"return tonumber(string.find(redis.call('INFO','replication'),'master_link_status:up') or 0)\" 0",
    );
    if (linked === ":0" || !linked.startsWith(":")) throw new Error(`the replica is not linked: ${linked}`);
  }, 15_000);
  const port = await freePort();
  const file = join(tempFolder(), "sentinel.conf");
  writeFileSync(
    file,
    `port ${port}
bind 127.0.0.1
sentinel monitor desk 127.0.0.1 ${master.port} 1
sentinel down-after-milliseconds desk 1500
sentinel failover-timeout desk 2000
`,
  );
  const sentinel = spawnProcess("redis-server", [file, "--sentinel"]);
  await waitForLine(sentinel, (line) => line.includes("+slave slave"), 20_000);
  return { master, replica, url: `redis+sentinel://127.0.0.1:${port}/desk` };
}

/** Three masters with a third of the slots each. They end with the test file. */
export interface RedisCluster {
  readonly nodes: readonly RedisServer[];
  readonly url: string;
  /** The node that holds the slot of `{portcullis}`. */
  owner(): Promise<RedisServer>;
  /** Resolves when that node serves. */
  untilUp(): Promise<void>;
}

export async function startRedisCluster(): Promise<RedisCluster> {
  const args = ["--cluster-enabled", "yes", "--cluster-announce-ip", "127.0.0.1", "--cluster-node-timeout", "1000"];
  const nodes = await Promise.all([1, 2, 3].map(() => startRedis({ args })));
  const [first] = nodes;
  if (first === undefined) throw new Error("no node");
  const slots = ["0 5460", "5461 10922", "10923 16383"];
  await Promise.all(nodes.map((node, index) => node.command(`CLUSTER ADDSLOTSRANGE ${slots[index]}`)));
  await Promise.all(nodes.map((node) => first.command(`CLUSTER MEET 127.0.0.1 ${node.port}`)));
  const owner = async (): Promise<RedisServer> => {
    const slot = Number((await first.command("CLUSTER KEYSLOT {portcullis}")).slice(1));
    return nodes[slot <= 5460 ? 0 : slot <= 10_922 ? 1 : 2] ?? first;
  };
  const untilUp = async (): Promise<void> => {
    const node = await owner();
    await vi.waitFor(async () => {
      const answer = await node.command("GET {portcullis}:changes:count");
      if (!answer.startsWith("$")) throw new Error(`the cluster is not up: ${answer}`);
    }, 20_000);
  };
  await untilUp();
  const places = nodes.map(({ port }) => `127.0.0.1:${port}`).join(",");
  return { nodes, url: `redis+cluster://${places}`, owner, untilUp };
}

/** Files of an authority, and of certificates for a server at 127.0.0.1 and for a client, both signed by it. */
export async function makeRedisCertificates(): Promise<{
  readonly ca: string;
  readonly file: (name: string) => string;
}> {
  const folder = tempFolder();
  const openssl = async (...args: string[]): Promise<void> => {
    await promisify(execFile)("openssl", args, { cwd: folder });
  };
  const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
  await openssl("req", "-x509", ...newKey, "-keyout", "ca.key", "-out", "ca.crt", "-days", "2", "-subj", "/CN=ca");
  for (const name of ["server", "client"]) {
    const subject = ["-subj", `/CN=${name}`, "-addext", "subjectAltName=IP:127.0.0.1"];
    const signed = ["-CA", "ca.crt", "-CAkey", "ca.key", "-days", "2"];
    await openssl("req", "-x509", ...newKey, "-keyout", `${name}.key`, "-out", `${name}.crt`, ...subject, ...signed);
  }
  return { ca: join(folder, "ca.crt"), file: (name) => join(folder, name) };
}
