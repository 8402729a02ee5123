import { describe, expect, test } from "vitest";
import { basic } from "./oauth-client.ts";
import { type Stage, startStage } from "./pages-stage.ts";

/** A client of an administrator that acts for itself. */
async function service(stage: Stage) {
  const { record, secret } = await stage.clientsService.add({
    name: "Nightly",
    redirectUris: [],
    confidential: true,
    grantTypes: ["client_credentials"],
    scopes: ["tickets:read"],
    portal: null,
    createdBy: "test",
  });
  return { id: record.id, secret: secret ?? "" };
}

async function tokenOf(stage: Stage, id: string, secret: string): Promise<string> {
  const response = await fetch(stage.url("/oauth/token"), {
    method: "POST",
    body: new URLSearchParams({ grant_type: "client_credentials" }),
    headers: basic(id, secret),
  });
  const { access_token: token }: Record<string, unknown> = { ...Object(await response.json()) };
  return String(token);
}

const statusOf = async (stage: Stage, token: string) => (await stage.whoami(token)).status;

describe("what a client got for itself", () => {
  test("is dead for good once it was disabled, and what it gets when enabled again works at once", async () => {
    const stage = await startStage();
    const { id, secret } = await service(stage);
    const before = await tokenOf(stage, id, secret);
    expect(await statusOf(stage, before)).toBe(200);
    await stage.clientsService.disable(id, "test");
    await stage.clientsService.enable(id, "test");
    expect(await statusOf(stage, before)).toBe(401);
    stage.clock.advance(1);
    expect(await statusOf(stage, await tokenOf(stage, id, secret))).toBe(200);
  });

  test("ends with its secret, and what it gets with the new one works at once", async () => {
    const stage = await startStage();
    const { id, secret } = await service(stage);
    const before = await tokenOf(stage, id, secret);
    const rotated = await stage.clientsService.rotateSecret(id);
    expect(await statusOf(stage, before)).toBe(401);
    expect(await stage.store.documents.list("ClientCredentials", `client:${id}`, { limit: 9 })).toEqual([]);
    stage.clock.advance(1);
    const next = rotated.kind === "rotated" ? rotated.secret : "";
    expect(await statusOf(stage, await tokenOf(stage, id, next))).toBe(200);
  });
});
