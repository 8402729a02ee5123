import { describe, expect, test } from "vitest";
import type { Browser, Page } from "../support/browserless.ts";
import { CALLBACK, type Stage, startStage } from "./pages-stage.ts";

/** An authorization ends where the person who decided is signed in: its own cookie can be planted. */

const FORM = { action: "/interaction/" };
const OWN = /^portcullis_(?:session|visit|device)/;

/** Somebody decides; what their browser would ask for next is not asked for. */
async function decided(stage: Stage, browser: Browser, decision: string): Promise<{ client: string; next: string }> {
  const client = await stage.client();
  const page = await stage.consent(browser, client.id);
  const { location } = await browser.submit(page, { decision }, FORM);
  expect(location).toContain("/oauth/authorize/");
  return { client: client.id, next: location ?? "" };
}

/** What a neighbouring host or port can plant of a browser: all but the session. */
function plant(from: Browser, into: Browser): void {
  for (const [name, value] of Object.entries(from.cookies())) if (!OWN.test(name)) into.setCookie(name, value);
}

function expectEnded(stage: Stage, page: Page): void {
  expect([page.status, page.location]).toEqual([400, null]);
  expect(page.text).toContain("This request has ended");
  expect(stage.actions("authorization.refuse")).toMatchObject([
    { decision: "deny", reason: "invalid_request", detail: "whoever decided is not signed in here" },
  ]);
}

describe.each(["approve", "deny"])("an authorization that ends with %s", (decision) => {
  test("does not end in the browser of somebody else who is signed in", async () => {
    const stage = await startStage();
    const { browser: attacker } = await stage.person({ email: "otto@example.com" });
    const { browser: victim } = await stage.person();
    const { next } = await decided(stage, attacker, decision);
    plant(attacker, victim);
    expectEnded(stage, await victim.get(next));
    expect(stage.actions("authorization.answer")).toEqual([]);
  });

  test("gives nothing to who has its cookies and no session", async () => {
    const stage = await startStage();
    const { browser } = await stage.person();
    const { next } = await decided(stage, browser, decision);
    for (const name of Object.keys(browser.cookies())) if (OWN.test(name)) browser.forget(name);
    expectEnded(stage, await browser.get(`${next}?client_id=x&redirect_uri=${encodeURIComponent(CALLBACK)}`));
    expect(stage.actions("authorization.answer")).toEqual([]);
  });

  test("still ends where the person is signed in, after others tried", async () => {
    const stage = await startStage();
    const { browser: other } = await stage.person({ email: "otto@example.com" });
    const { browser } = await stage.person();
    const { next } = await decided(stage, browser, decision);
    plant(browser, other);
    expectEnded(stage, await other.get(next));
    const { location } = await browser.get(next);
    const answer = new URL(location ?? "").searchParams;
    expect(answer.has("code")).toBe(decision === "approve");
    expect(answer.get("error")).toBe(decision === "deny" ? "access_denied" : null);
  });
});
