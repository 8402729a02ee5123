import { once } from "node:events";
import { createServer } from "node:http";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { html } from "../../src/web/html.ts";
import { sendPage } from "../../src/web/send.ts";
import { createWebServer, registerPageParsers } from "../../src/web/server.ts";
import { listen } from "../web/serve.ts";
import { openBrowser, openView } from "./support.ts";

let browser: Browser;
let origin = "";
const clients: Record<string, string> = {};

/** A client's redirect endpoint, on an origin of its own. */
async function client(host: string): Promise<string> {
  const server = createServer((_request, response) => void response.end("arrived"));
  server.listen(0, host);
  await once(server, "listening");
  afterAll(() => server.close());
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("not listening on a port");
  return `http://${host.includes(":") ? `[${host}]` : host}:${address.port}`;
}

beforeAll(async () => {
  browser = await openBrowser();
  clients["v4"] = await client("127.0.0.1");
  clients["v6"] = await client("::1");
  const web = createWebServer({
    log: { error: (fields, message) => console.error(message, fields) },
    errorPage: ({ title }) => html`<h1>${title}</h1>`,
    origin: () => origin,
  });
  await web.app.register(async (scope) => {
    await registerPageParsers(scope);
    scope.get<{ Params: { to: string }; Querystring: { named?: string } }>("/ask/:to", (request, reply) => {
      const target = clients[request.params.to] ?? "";
      const page = html`<form method="post" action="${`/decide/${request.params.to}`}"><button>Approve</button></form>`;
      return sendPage(reply, 200, page, request.query.named === undefined ? {} : { formAction: [target] });
    });
    scope.post<{ Params: { to: string } }>("/decide/:to", (request, reply) =>
      reply.redirect(`${clients[request.params.to]}/callback?code=x`, 303),
    );
  });
  const listening = await listen(web);
  origin = listening.origin;
  afterAll(listening.close);
});

describe("a form whose answer redirects to a client", () => {
  test.each(["v4", "v6"])("arrives there (%s) where the page's policy names the client's origin", async (to) => {
    const { page, complaints } = await openView(browser);
    await page.goto(`${origin}/ask/${to}?named`);
    await page.getByRole("button").click();
    await page.waitForURL(`${clients[to]}/callback?code=x`);
    expect(complaints).toEqual([]);
  });

  test("is stopped by the browser where it does not", async () => {
    const { page, complaints } = await openView(browser);
    await page.goto(`${origin}/ask/v4`);
    await page.getByRole("button").click();
    await expect.poll(() => complaints.join("\n")).toContain("form-action");
    expect(page.url()).not.toContain("callback");
  });
});
