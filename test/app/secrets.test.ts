import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { cookieKeysFor, pepperFor, signingSeedFor } from "../../src/app/secrets.ts";
import { type Config, loadConfig } from "../../src/config/config.ts";
import { tempFolder } from "../support/temp.ts";

async function configOf(secrets: object, url = "sqlite:./a.db"): Promise<Config> {
  const file = join(tempFolder(), "portcullis.yaml");
  writeFileSync(file, JSON.stringify({ version: 1, store: { url }, secrets }));
  const loaded = await loadConfig(file, {});
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  return loaded.value;
}

const secret = (): string => randomBytes(32).toString("base64url");

test("instances with one pepper have the same cookie and signing keys, and neither is the pepper", async () => {
  const pepper = secret();
  const [one, other] = await Promise.all([
    configOf({ pepper }, "redis://127.0.0.1:1"),
    configOf({ pepper }, "redis://127.0.0.1:2"),
  ]);
  expect(cookieKeysFor(one)).toEqual(cookieKeysFor(other));
  expect(signingSeedFor(one)).toEqual(signingSeedFor(other));
  expect(signingSeedFor(one)).toHaveLength(32);
  const made = [...cookieKeysFor(one), signingSeedFor(one).toString("base64url")];
  expect(new Set([...made, pepper]).size).toBe(3);
});

test("another pepper makes other keys", async () => {
  const [one, other] = await Promise.all([configOf({ pepper: secret() }), configOf({ pepper: secret() })]);
  expect(cookieKeysFor(one)).not.toEqual(cookieKeysFor(other));
  expect(signingSeedFor(one)).not.toEqual(signingSeedFor(other));
});

test("configured cookie keys are taken as they are, newest first", async () => {
  const cookies = [secret(), secret()];
  expect(cookieKeysFor(await configOf({ pepper: secret(), cookies }))).toEqual(cookies);
});

test("the embedded store keeps its own over a restart", async () => {
  const config = await configOf({});
  const first = [pepperFor(config), ...cookieKeysFor(config), signingSeedFor(config).toString("hex")];
  expect([pepperFor(config), ...cookieKeysFor(config), signingSeedFor(config).toString("hex")]).toEqual(first);
  expect(new Set(first).size).toBe(3);
});
