import { describe, expect, test } from "vitest";
import { createWaitingClientName } from "../../src/oauth/waiting-client.ts";
import { Browser } from "../support/browserless.ts";
import { startStage } from "./pages-stage.ts";

const startNamed = async () => {
  const stage = await startStage();
  const { clients, digester, store } = stage;
  const nameOf = createWaitingClientName({ documents: store.documents, clients, digester, path: "/oauth" });
  /** Where sign-in would send back to. */
  const returnTo = async (clientId: string): Promise<string> => {
    const page = await stage.consent(new Browser(), clientId);
    return new URL(page.location ?? "", page.url).searchParams.get("return_to") ?? "";
  };
  return { stage, nameOf, returnTo };
};

describe("the name of the client that waits for a sign-in", () => {
  test("is that of its request", async () => {
    const { nameOf, returnTo, stage } = await startNamed();
    const path = await returnTo((await stage.client({ name: "Desk Assistant" })).id);
    expect(path).toMatch(/^\/oauth\/interaction\/[\w-]+$/);
    expect(await nameOf(path)).toBe("Desk Assistant");
  });

  test("is not told of a client that nobody approved", async () => {
    const { nameOf, returnTo, stage } = await startNamed();
    const path = await returnTo(await stage.registered("authorization_code"));
    expect(path).toMatch(/^\/oauth\/interaction\/[\w-]+$/);
    expect(await nameOf(path)).toBeNull();
  });

  test.each([
    "/oauth/device",
    "/oauth/interaction/",
    "/oauth/interaction/nothing",
    "/oauth/interaction/a/b",
    "/signin",
  ])("is none at %s", async (path) => {
    expect(await (await startNamed()).nameOf(path)).toBeNull();
  });
});
