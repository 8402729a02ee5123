import { randomBytes } from "node:crypto";
import { z } from "zod";
import { createKey } from "../../../src/credentials/key-format.ts";
import { outputOf, spawnPortcullis } from "../processes.ts";
import type { Secrets } from "./request-text.ts";

const issuedSchema = z.object({ id: z.string(), key: z.string() });

/** Makes the keys of the soak by the command line, as an operator would. */
export async function makeKeys(config: string): Promise<Secrets> {
  const both = ["--scope", "tickets:read", "--scope", "tickets:write"];
  const good = await create(config, [...both, "--portal", "acme"]);
  const scope = await create(config, ["--scope", "users:read", "--portal", "acme"]);
  const portal = await create(config, [...both, "--portal", "globex"]);
  const revoked = await create(config, [...both, "--portal", "acme"]);
  await command(["keys", "revoke", revoked.id, "--config", config]);
  return {
    good: good.key,
    scope: scope.key,
    portal: portal.key,
    revoked: revoked.key,
    unknown: createKey(randomBytes),
    checksum: good.key.slice(0, -1) + (good.key.endsWith("0") ? "1" : "0"),
    malformed: "noice_sk_live_short",
  };
}

async function create(config: string, args: readonly string[]): Promise<z.infer<typeof issuedSchema>> {
  const text = await command(["keys", "create", "--name", "soak", "--json", "--config", config, ...args]);
  return issuedSchema.parse(JSON.parse(text));
}

async function command(args: readonly string[]): Promise<string> {
  const started = spawnPortcullis(args);
  const { code } = await started.exited;
  if (code !== 0) throw new Error(outputOf(started));
  return started.stdout();
}
