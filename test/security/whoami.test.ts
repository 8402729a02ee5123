import { randomBytes } from "node:crypto";
import { beforeAll, describe, expect, test } from "vitest";
import { createKey } from "../../src/credentials/key-format.ts";
import { type Message, statusOf, valuesOf } from "../support/wire.ts";
import { ask, openStage, request, type Stage } from "./support/stage.ts";

const ISSUER = "http://127.0.0.1:0";

let stage: Stage;
let token: string;

beforeAll(async () => {
  stage = await openStage({ config: { public_url: ISSUER } });
  token = await newToken(stage);
});

/** A token of a client that acts for itself. */
async function newToken({ sidecar }: Stage): Promise<string> {
  const { record, secret } = await sidecar.desk.addClient({
    redirectUris: [],
    confidential: true,
    grantTypes: ["client_credentials"],
    scopes: ["tickets:read"],
  });
  const response = await fetch(`${sidecar.url}/oauth/token`, {
    method: "POST",
    body: new URLSearchParams({ grant_type: "client_credentials", scope: "tickets:read" }),
    headers: { authorization: `Basic ${Buffer.from(`${record.id}:${secret ?? ""}`).toString("base64")}` },
  });
  const answer: Record<string, unknown> = { ...Object(await response.json()) };
  expect(answer).toMatchObject({ token_type: "Bearer", access_token: expect.stringMatching(/^[\w-]{43}$/) });
  return String(answer["access_token"]);
}

const whoami = (lines: readonly string[], query = "") => ask(stage, request(`GET /oauth/whoami${query}`, lines));
const codeOf = ({ body }: Message): unknown => ({ ...Object(JSON.parse(body.toString())) })["code"];
const bearer = (text: string): string => `Authorization: Bearer ${text}`;
const lookups = (result: string): Promise<number> =>
  stage.sidecar.metric("portcullis_credential_lookups_total", { result });

describe("whoami takes a credential as the line does", () => {
  test("one token, in Authorization", async () => {
    const answer = await whoami([bearer(token)]);
    expect(statusOf(answer)).toBe(200);
    expect(JSON.parse(answer.body.toString())).toMatchObject({ scopes: ["tickets:read"], portal: null });
  });

  test.each<[string, () => readonly string[], string]>([
    ["Authorization twice", () => [bearer(token), bearer(token)], ""],
    ["Authorization twice, the other of another scheme", () => [bearer(token), "authorization: Basic YTpi"], ""],
    ["X-API-Key beside it", () => [bearer(token), "X-API-Key: x"], ""],
    ["X-API-Key twice", () => ["X-API-Key: x", "x-api-key: x"], ""],
    ["another in the query", () => [bearer(token)], "?access_token=x"],
    ["another in the query, in another spelling", () => [bearer(token)], "?access%5Ftoken=x"],
    ["a key in the query", () => [bearer(token)], `?a=${createKey(randomBytes)}`],
    ["none but in the query", () => [], "?access_token=x"],
  ])("%s is a 400", async (_name, lines, query) => {
    const answer = await whoami(lines(), query);
    expect([statusOf(answer), codeOf(answer)]).toEqual([400, "ambiguous_credential"]);
  });

  test.each<[string, () => string]>([
    ["a key", () => bearer(stage.sidecar.keys.manager.key)],
    ["a key in its own field", () => `X-API-Key: ${stage.sidecar.keys.manager.key}`],
    ["a token in the field of keys", () => `X-API-Key: ${token}`],
    ["another scheme", () => `Authorization: Basic ${token}`],
    ["a list", () => `${bearer(token)}, Bearer ${token}`],
    ["nothing", () => "Authorization:"],
    ["a token that is none", () => bearer("x".repeat(43))],
  ])("%s is a 401", async (_name, line) => {
    const answer = await whoami([line()]);
    expect([statusOf(answer), codeOf(answer)]).toEqual([401, "credential_invalid"]);
    expect(valuesOf(answer, "www-authenticate")).toEqual(['Bearer error="invalid_token"']);
  });

  test("a look-alike of a field is no credential", async () => {
    const answer = await whoami([`X_API_Key: ${stage.sidecar.keys.manager.key}`]);
    expect([statusOf(answer), codeOf(answer)]).toEqual([401, "credential_missing"]);
    expect(valuesOf(answer, "www-authenticate")).toEqual(["Bearer"]);
  });
});

test("a token is looked up once, known or not, and a key never", async () => {
  const [missed, hit, negative] = await Promise.all(["miss", "hit", "negative"].map(lookups));
  const unknown = bearer(randomBytes(32).toString("base64url"));
  const fresh = bearer(await newToken(stage));
  for (const line of [unknown, unknown, unknown, fresh, fresh]) await whoami([line]);
  await whoami([bearer(stage.sidecar.keys.reader.key)]);
  const after = await Promise.all(["miss", "hit", "negative"].map(lookups));
  expect(after).toEqual([(missed ?? 0) + 2, (hit ?? 0) + 1, (negative ?? 0) + 2]);
});
