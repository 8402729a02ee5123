// oxlint-disable vitest/expect-expect -- the assertions of a refusal are in support/stage.ts
import { randomBytes } from "node:crypto";
import { beforeAll, describe, expect, test } from "vitest";
import { createKey } from "../../src/credentials/key-format.ts";
import { statusOf } from "../support/wire.ts";
import { ask, auditOf, expectRefused, openStage, request, type Stage } from "./support/stage.ts";
import { withBadChecksum } from "./support/keys.ts";

const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
const PATHS: Readonly<Record<string, string>> = {
  tickets: "/api/portals/acme/tickets/xsmuggledx",
  live: "/api/portals/acme/live",
  query: "/query?portal_id=acme",
  header: "/header",
  json: "/json",
  list: "/list",
  nowhere: "/xsmuggledx",
  root: "/",
};
const TICKET = "/api/portals/acme/tickets/xsmuggledx";

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
});

describe("without a credential nothing but public routes is open", () => {
  const cases = METHODS.flatMap((method) => Object.keys(PATHS).map((name) => [method, name] as const));

  test.each(cases)("%s of %s is refused", async (method, name) => {
    const before = stage.upstream.requests.length;
    const answer = await ask(stage, request(`${method} ${PATHS[name] ?? ""}`, ["X-Portal-Id: acme"]), method);
    expect([401, 404, 405]).toContain(statusOf(answer));
    expect(await auditOf(stage, answer)).toMatchObject({ decision: "deny", credential: null });
    expect(stage.upstream.requests).toHaveLength(before);
  });

  test.each(METHODS)("%s of a public route is served", async (method) => {
    const answer = await ask(stage, request(`${method} /open/a`), method);
    expect(statusOf(answer)).toBe(200);
    const got = stage.upstream.requests.at(-1);
    expect(got?.startLine).toBe(`${method} /open/a HTTP/1.1`);
    expect(got?.head).not.toMatch(/x-portcullis/i);
  });
});

const key = (): string => stage.sidecar.keys.manager.key;
describe("a credential that is not valid looks the same to the caller, and the audit knows why", () => {
  test.each<[string, () => string, string]>([
    ["unknown", () => createKey(randomBytes), "credential_unknown"],
    ["revoked", () => stage.sidecar.keys.revoked.key, "credential_revoked"],
    ["expired", () => stage.sidecar.keys.expired.key, "credential_expired"],
    ["with a bad checksum", () => withBadChecksum(key()), "credential_bad_checksum"],
    ["too short", () => key().slice(0, -1), "credential_malformed"],
    ["too long", () => `${key()}0`, "credential_malformed"],
    ["the prefix alone", () => "noice_sk_live_", "credential_malformed"],
    ["with another character", () => `${key().slice(0, 20)}-${key().slice(21)}`, "credential_malformed"],
    ["of another environment", () => key().replace("_live_", "_test_"), "credential_unknown"],
    ["with the prefix in upper case", () => key().replace("noice_sk_live_", "NOICE_SK_LIVE_"), "credential_unknown"],
    ["a word", () => "secret", "credential_unknown"],
  ])("%s", async (_name, secret, reason) => {
    for (const line of [`Authorization: Bearer ${secret()}`, `X-API-Key: ${secret()}`]) {
      const { answer } = await expectRefused(stage, request(`GET ${TICKET}`, [line]), {
        status: 401,
        code: "credential_invalid",
        reason,
      });
      expect(JSON.parse(answer.body.toString())).toMatchObject({ title: "The credential is not valid." });
    }
  });

  test.each<[string, () => string]>([
    ["an empty Authorization", () => "Authorization:"],
    ["a scheme alone", () => "Authorization: Bearer"],
    ["another scheme", () => `Authorization: Basic ${Buffer.from(`a:${key()}`).toString("base64")}`],
    ["a key without a scheme", () => `Authorization: ${key()}`],
    ["words behind the key", () => `Authorization: Bearer ${key()} x`],
    ["a quoted key", () => `Authorization: Bearer "${key()}"`],
    ["a tab behind the scheme", () => `Authorization: Bearer\t${key()}`],
    ["a byte above 0x7f", () => `Authorization: Bearer ${key()}\xa0`],
    ["an empty X-API-Key", () => "X-API-Key:"],
    ["a space inside X-API-Key", () => `X-API-Key: ${key().slice(0, 20)} ${key().slice(20)}`],
    ["a list in X-API-Key", () => `X-API-Key: ${key()}, ${key()}`],
  ])("%s is malformed", async (_name, line) => {
    await expectRefused(stage, request(`GET ${TICKET}`, [line()]), {
      status: 401,
      code: "credential_invalid",
      reason: "credential_malformed",
    });
  });
});

const percent = (text: string): string =>
  Array.from(text, (char) => `%${char.charCodeAt(0).toString(16).padStart(2, "0")}`).join("");

describe("a credential in the query is refused on every route, whatever stands in the fields", () => {
  test.each<[string, () => string]>([
    ["access_token", () => `access_token=${key()}`],
    ["api_key", () => `a=b&api_key=${key()}`],
    ["x-api-key", () => `X-API-Key=${key()}`],
    ["access_token with another value", () => "access_token=x"],
    ["a key under any name", () => `q=${key()}`],
    ["a key without a name", () => key()],
    ["a percent-encoded key", () => `q=${percent(key())}`],
    ["a key with one letter encoded", () => `q=%6e${key().slice(1)}`],
    ["a percent-encoded name", () => `${percent("access_token")}=x`],
    ["an encoded underscore in the name", () => "access%5Ftoken=x"],
    ["a name behind a semicolon", () => "a=b;api_key=x"],
    ["a name in upper case", () => "ACCESS_TOKEN=x"],
  ])("%s", async (_name, query) => {
    for (const path of ["/open/xsmuggledx", TICKET]) {
      for (const lines of [[], [`X-API-Key: ${key()}`]]) {
        await expectRefused(stage, request(`GET ${path}?${query()}`, lines), {
          status: 400,
          code: "ambiguous_credential",
        });
      }
    }
  });

  test("a query that only speaks of tokens is none", async () => {
    const answer = await ask(stage, request("GET /open/a?page_token=x&token=y&key=z&access_tokens=w"));
    expect(statusOf(answer)).toBe(200);
  });
});
