import { expect, test } from "vitest";
import { Browser } from "../support/browserless.ts";
import { startSidecar } from "../support/sidecar.ts";

const WHO = { email: "mara@example.com", name: "Mara Lind", password: "quiet lake at four" };
const LINK = /<a href="(?<href>[^"]*)"\s*>Settings › MCP Access<\/a>/;

test("the page of an account leads an administrator to the pages that its own listener has, and no member", async () => {
  const sidecar = await startSidecar({
    upstreamUrl: "http://127.0.0.1:9",
    config: { admin: { public_path: "/admin" } },
  });
  const browser = new Browser();
  const form = await browser.open((await sidecar.setupUrl()) ?? "");
  const account = await browser.follow(browser.submit(form, WHO));
  expect(LINK.exec(account.text)?.groups?.["href"]).toBe("/admin/");
  const inside = await browser.open(`${sidecar.adminUrl}/signin`);
  expect(LINK.exec(inside.text)?.groups?.["href"]).toBe("/");

  await sidecar.desk.addPerson({ email: "otto@example.com", password: WHO.password });
  const member = new Browser();
  const signedIn = await member.follow(
    member.submit(await member.open(`${sidecar.adminUrl}/signin`), {
      email: "otto@example.com",
      password: WHO.password,
    }),
  );
  expect(signedIn.text).toContain("You are signed in");
  expect(signedIn.text).not.toContain("Settings › MCP Access");
});
