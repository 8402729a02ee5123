import { expect, test } from "vitest";
import { PASSWORD } from "../signin/stage.ts";
import { onBothStores } from "../store/both-stores.ts";
import { unescapeHtml } from "../support/browserless.ts";
import { startPages } from "./pages-stage.ts";

const MINUTE = 60_000;

onBothStores("a sign-in of long ago", (stores) => {
  test("is asked for anew before a form that hands on an administrator's power", async () => {
    const { clock, store } = stores();
    const stage = await startPages({ clock, store });
    const admin = await stage.browser("admin");
    const { id } = (await stage.administration.people.get("admin@example.com")) ?? { id: "" };
    for (const path of ["/tokens/new", `/people/${id}/password`]) {
      expect((await admin.at(path)).status).toBe(200);
      // Five minutes are left to fill it in.
      clock.advance(5 * MINUTE + 1);
      const asked = await admin.follow(admin.at(path));
      expect(asked.text).toContain("<h1>Confirm that it is you</h1>");
      expect(asked.text).toContain('value="admin@example.com"');
      const back = await admin.follow(admin.submit(asked, { password: PASSWORD }));
      expect([back.status, new URL(back.url).pathname]).toEqual([200, `/admin${path}`]);
    }
  });

  test("makes no token and loses nothing that was filled in", async () => {
    const { clock, store } = stores();
    const stage = await startPages({ clock, store });
    const admin = await stage.browser("admin");
    const form = await admin.at("/tokens/new");
    clock.advance(10 * MINUTE + 1);
    const refused = await admin.send(form, { name: "Terraform", expiry: "30" });
    expect(refused.status).toBe(403);
    expect(refused.text).toContain('value="Terraform"');
    expect((await stage.administration.tokens.list({ limit: 10 })).items).toEqual([]);
    expect(stage.events).toMatchObject([{ action: "token.create", decision: "deny", reason: "signin_stale" }]);
    const href = unescapeHtml(/href="([^"]*)" target="_blank"/.exec(refused.text)?.[1] ?? "");
    const asked = await admin.get(new URL(href, refused.url).href);
    await admin.submit(asked, { password: PASSWORD });
    // The form is of the session before: it is shown again, as it was, and then good.
    const stale = await admin.send(refused);
    expect([stale.status, stale.text.includes('value="Terraform"')]).toEqual([403, true]);
    expect((await admin.send(stale)).text).toMatch(/noice_admin_[0-9A-Za-z]{43}/);
  });

  test("makes nobody an administrator, sets no password, and does all else", async () => {
    const { clock, store } = stores();
    const stage = await startPages({ clock, store });
    const admin = await stage.browser("admin");
    const rights = { scopes: "all", portals: "all", password: null } as const;
    const cli = { subject: "cli:test", kind: "cli", address: null, requestId: null } as const;
    const { people } = stage.administration;
    const { id } = await people.add(cli, { ...rights, email: "m@example.com", name: "Mem", role: "member" });
    const password = await admin.at(`/people/${id}/password`);
    clock.advance(10 * MINUTE + 1);
    const promoted = await admin.send(await admin.at(`/people/${id}/edit`), { role: "admin", name: "Promoted" });
    expect([promoted.status, promoted.text.includes('value="Promoted"')]).toEqual([403, true]);
    const added = await admin.send(await admin.at("/people/new"), {
      email: "new@example.com",
      name: "New",
      role: "admin",
      portal_kind: "all",
    });
    expect([added.status, added.text.includes('value="new@example.com"')]).toEqual([403, true]);
    const reset = await admin.send(password);
    expect([reset.status, reset.text.includes("Sign in again")]).toEqual([403, true]);
    expect(await people.get(id)).toMatchObject({ role: "member", password: null, name: "Mem" });
    expect(await people.get("new@example.com")).toBeNull();
    const renamed = await admin.send(await admin.at(`/people/${id}/edit`), { name: "Renamed" });
    expect(renamed.status).toBe(200);
    expect((await people.get(id))?.name).toBe("Renamed");
  });

  test("cannot be opened by another site's window", async () => {
    const stage = await startPages(stores());
    const admin = await stage.browser("admin");
    const { headers } = await admin.at("/tokens");
    expect(headers.get("cross-origin-opener-policy")).toBe("same-origin");
    expect(headers.get("cross-origin-resource-policy")).toBe("same-origin");
  });
});
