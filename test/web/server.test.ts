import { request as httpRequest } from "node:http";
import { connect } from "node:net";
import { once } from "node:events";
import { describe, expect, test } from "vitest";
import { StoreUnavailable } from "../../src/core/store-unavailable.ts";
import { html } from "../../src/web/html.ts";
import { sendPage } from "../../src/web/send.ts";
import { aboutOf, createWebServer, registerPageParsers, registerRawBodies } from "../../src/web/server.ts";
import { registerStylesheet, stylesheetPath } from "../../src/web/stylesheet.ts";
import { listenForTest } from "./serve.ts";

const CSP =
  "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";
const OWN = "https://desk.example.com";

interface Site {
  readonly origin: string;
  readonly logged: readonly object[];
  /** Bodies that handlers saw. */
  readonly seen: readonly unknown[];
}

async function site(own = OWN): Promise<Site> {
  const logged: object[] = [];
  const seen: unknown[] = [];
  const web = createWebServer({
    log: { error: (fields) => void logged.push(fields) },
    errorPage: ({ status, title, text, requestId }) =>
      html`<h1>${status} ${title}</h1>
        <p>${text} ${requestId}</p>`,
    origin: () => own,
  });
  registerStylesheet(web.app, "/signin");
  web.app.register(async (scope) => {
    await registerPageParsers(scope);
    await registerPageParsers(scope);
    scope.get("/page", (request, reply) => sendPage(reply, 200, html`<p>${aboutOf(request).clientIp}</p>`));
    scope.get("/consent", (_request, reply) =>
      sendPage(reply, 200, html`<p>x</p>`, {
        formAction: ["https://client.example/cb?x=1", "http://127.0.0.1:999/cb", "http://[::1]:7/"],
      }),
    );
    scope.get("/fault", () => Promise.reject(new Error("secret detail")));
    scope.get("/store", () => Promise.reject(new StoreUnavailable("redis is down")));
    scope.get("/cookies", (request) => request.cookies);
    scope.post("/form", (request, reply) => {
      seen.push(request.body);
      return reply.send(request.body);
    });
  });
  web.app.register(async (scope) => {
    registerRawBodies(scope);
    scope.post("/raw", async (request, reply) => {
      reply.hijack();
      let text = "";
      for await (const chunk of request.raw) text += String(chunk);
      reply.raw.end(`raw:${text}`);
    });
  });
  web.app.post("/bodiless", (request, reply) => reply.send({ body: request.body ?? null }));
  return { origin: await listenForTest(web), logged, seen };
}

const FORM = { "content-type": "application/x-www-form-urlencoded" };
const BROWSER = { accept: "text/html,application/xhtml+xml" };

describe("every answer", () => {
  test("has the exact security headers, pages with their own referrer policy", async () => {
    const { origin } = await site();
    const page = await fetch(`${origin}/page`);
    expect(await page.text()).toBe("<p>127.0.0.1</p>");
    expect(Object.fromEntries(page.headers)).toMatchObject({
      "content-type": "text/html; charset=utf-8",
      "content-security-policy": CSP,
      "cache-control": "no-store",
      "x-content-type-options": "nosniff",
      "x-frame-options": "DENY",
      "referrer-policy": "same-origin",
      "cross-origin-resource-policy": "same-origin",
      "strict-transport-security": "max-age=31536000",
      "x-request-id": "req-1",
    });
  });

  test.each([
    ["a page that is not there", "GET", "/nowhere"],
    ["a fault", "GET", "/fault"],
    ["a malformed URL", "GET", "/%zz"],
    ["a hijacked answer", "POST", "/raw"],
  ])("has them on %s too", async (_name, method, path) => {
    const { origin } = await site();
    const answer = await fetch(`${origin}${path}`, { method });
    expect(answer.headers.get("content-security-policy")).toBe(CSP);
    expect(answer.headers.get("cache-control")).toBe("no-store");
    expect(answer.headers.get("referrer-policy")).toBe("no-referrer");
    expect(answer.headers.get("x-request-id")).toBe("req-1");
  });

  test("has no HSTS where our pages are on plain http", async () => {
    const { origin } = await site("http://localhost:8080");
    expect((await fetch(`${origin}/page`)).headers.has("strict-transport-security")).toBe(false);
  });

  test("lets a form's answer redirect to the origins that are given, and to nothing more of them", async () => {
    const { origin } = await site();
    const csp = (await fetch(`${origin}/consent`)).headers.get("content-security-policy");
    // CSP knows no IPv6 addresses: the scheme stands for one.
    expect(csp).toContain("form-action 'self' https://client.example http://127.0.0.1:999 http:;");
  });

  test.each([
    "javascript:alert(1)",
    "data:text/html,x",
    "nonsense",
    "https://",
    "custom-scheme://x",
    "https://a;script-src.example",
  ])("is refused where a form would redirect to %s", async (target) => {
    const web = createWebServer({ log: { error: () => undefined }, errorPage: () => html``, origin: () => OWN });
    web.app.get("/page", (_request, reply) => sendPage(reply, 200, html``, { formAction: [target] }));
    const origin = await listenForTest(web);
    expect((await fetch(`${origin}/page`)).status).toBe(500);
  });

  test("answers HEAD as GET, without the body", async () => {
    const { origin } = await site();
    const head = await fetch(`${origin}/page`, { method: "HEAD" });
    expect(head.status).toBe(200);
    expect(head.headers.get("content-length")).toBe("16");
    expect(head.headers.get("content-security-policy")).toBe(CSP);
    expect(await head.text()).toBe("");
  });
});

describe("the stylesheet", () => {
  test("has its hash in its name and is kept by browsers", async () => {
    const { origin } = await site();
    expect(stylesheetPath("/signin")).toMatch(/^\/signin\/portcullis\.[0-9a-f]{16}\.css$/);
    const css = await fetch(`${origin}${stylesheetPath("/signin")}`);
    expect(css.headers.get("content-type")).toBe("text/css; charset=utf-8");
    expect(css.headers.get("cache-control")).toBe("public, max-age=31536000, immutable");
    expect(await css.text()).toContain("prefers-color-scheme: dark");
  });
});

describe("faults", () => {
  test.each([
    ["/nowhere", 404, "no_route", "Page not found"],
    ["/%zz", 400, "bad_request", "That did not work"],
    ["/fault", 500, "internal_error", "Something went wrong"],
    ["/store", 503, "store_unavailable", "Not available now"],
  ])("of %s are a page for browsers and problem+json for others", async (path, status, code, title) => {
    const { origin } = await site();
    const page = await fetch(`${origin}${path}`, { headers: BROWSER });
    expect(page.status).toBe(status);
    expect(page.headers.get("content-type")).toBe("text/html; charset=utf-8");
    expect(page.headers.get("referrer-policy")).toBe("same-origin");
    expect(await page.text()).toContain(`<h1>${status} ${title}</h1>`);
    const json = await fetch(`${origin}${path}`);
    expect(json.status).toBe(status);
    expect(json.headers.get("content-type")).toMatch(/^application\/problem\+json/);
    const problem = await json.text();
    expect(JSON.parse(problem)).toMatchObject({ type: "about:blank", status, code, request_id: "req-2" });
    expect(problem).not.toContain("secret detail");
  });

  test("of ours are logged with the request id; those of the caller are not", async () => {
    const { origin, logged } = await site();
    await fetch(`${origin}/nowhere`);
    await fetch(`${origin}/fault`);
    expect(logged).toMatchObject([{ request_id: "req-2", err: { message: "secret detail" } }]);
  });
});

describe("forms", () => {
  test("are read, with a field that came twice as a list", async () => {
    const { origin } = await site();
    const answer = await fetch(`${origin}/form`, { method: "POST", headers: FORM, body: "a=1&b=2&b=3" });
    expect(await answer.json()).toEqual({ a: "1", b: ["2", "3"] });
  });

  test("read cookies", async () => {
    const { origin } = await site();
    const answer = await fetch(`${origin}/cookies`, { headers: { cookie: "__Host-session=abc; other=1" } });
    expect(await answer.json()).toEqual({ "__Host-session": "abc", other: "1" });
  });

  test("of more than 64 KiB are refused, with a length or in chunks", async () => {
    const { origin, seen } = await site();
    const body = `a=${"x".repeat(64 * 1024)}`;
    const whole = await fetch(`${origin}/form`, { method: "POST", headers: FORM, body });
    expect(whole.status).toBe(413);
    expect(await whole.json()).toMatchObject({ code: "body_too_large" });
    const chunked = httpRequest(`${origin}/form`, {
      method: "POST",
      headers: { ...FORM, "transfer-encoding": "chunked" },
    });
    chunked.on("error", () => undefined);
    chunked.end(body);
    const [answer] = await once(chunked, "response");
    expect(answer).toMatchObject({ statusCode: 413 });
    expect(seen).toEqual([]);
    const fits = await fetch(`${origin}/form`, { method: "POST", headers: FORM, body: body.slice(0, 64 * 1024) });
    expect(fits.status).toBe(200);
  });

  test.each([
    "application/json",
    "text/plain",
    "multipart/form-data; boundary=x",
    "application/x-www-form-urlencoded-not",
  ])("are not read from %s", async (type) => {
    const { origin, seen } = await site();
    const answer = await fetch(`${origin}/form`, { method: "POST", headers: { "content-type": type }, body: "a=1" });
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ code: "bad_request" });
    expect(seen).toEqual([]);
  });

  test("are read in their scope only: elsewhere a body is refused, or left to the handler as it came", async () => {
    const { origin } = await site();
    const refused = await fetch(`${origin}/bodiless`, { method: "POST", headers: FORM, body: "a=1" });
    expect(refused.status).toBe(400);
    expect(await (await fetch(`${origin}/bodiless`, { method: "POST" })).json()).toEqual({ body: null });
    for (const type of ["application/json", "application/x-www-form-urlencoded", "x/y"]) {
      const raw = await fetch(`${origin}/raw`, { method: "POST", headers: { "content-type": type }, body: '{"a":1}' });
      expect(await raw.text()).toBe('raw:{"a":1}');
    }
  });
});

/** Sends a form with fields that `fetch` would not let through. */
async function post(origin: string, headers: Readonly<Record<string, string>>): Promise<number | undefined> {
  const request = httpRequest(`${origin}/form`, {
    method: "POST",
    headers: { ...FORM, "content-length": "3", ...headers },
  });
  request.end("a=1");
  const [answer] = await once(request, "response");
  answer.resume();
  await once(answer, "end");
  return answer.statusCode;
}

describe("a form from another site", () => {
  test.each([
    [{ "sec-fetch-site": "cross-site" }],
    [{ "sec-fetch-site": "same-site" }],
    [{ "sec-fetch-site": "Same-Origin" }],
    [{ "sec-fetch-site": "" }],
    [{ origin: "https://evil.example" }],
    [{ origin: "null" }],
    [{ origin: "" }],
    [{ origin: "http://desk.example.com" }],
    [{ origin: "https://desk.example.com:8443" }],
    [{ origin: "https://desk.example.com.evil.example" }],
    [{ origin: OWN, "sec-fetch-site": "cross-site" }],
    [{ origin: "https://evil.example", "sec-fetch-site": "same-origin" }],
  ])("is refused before its handler: %j", async (headers) => {
    const { origin, seen } = await site();
    expect(await post(origin, headers)).toBe(403);
    expect(seen).toEqual([]);
  });

  test.each([
    [{}],
    [{ origin: OWN }],
    [{ "sec-fetch-site": "same-origin" }],
    [{ "sec-fetch-site": "none" }],
    [{ origin: OWN, "sec-fetch-site": "same-origin" }],
  ])("is told from one of ours: %j", async (headers) => {
    const { origin, seen } = await site();
    expect(await post(origin, headers)).toBe(200);
    expect(seen).toEqual([{ a: "1" }]);
  });

  test("may link to our pages, and programs may call what is no page", async () => {
    const { origin } = await site();
    const linked = httpRequest(`${origin}/page`, {
      headers: { "sec-fetch-site": "cross-site", origin: "https://evil.example" },
    });
    linked.end();
    const [page] = await once(linked, "response");
    expect(page).toMatchObject({ statusCode: 200 });
    page.resume();
    const raw = httpRequest(`${origin}/raw`, {
      method: "POST",
      headers: { origin: "https://app.example", "sec-fetch-site": "cross-site" },
    });
    raw.end("x");
    const [answer] = await once(raw, "response");
    expect(answer).toMatchObject({ statusCode: 200 });
    answer.resume();
  });
});

describe("a request that goes wrong", () => {
  test("that was not brought by the line has no id to tell", async () => {
    const web = createWebServer({ log: { error: () => undefined }, errorPage: () => html``, origin: () => OWN });
    web.app.get("/about", (request) => aboutOf(request));
    const answer = await web.app.inject("/about");
    expect(answer.statusCode).toBe(500);
    await web.close();
  });

  test("before anything could be routed still gets an answer", async () => {
    const logged: object[] = [];
    const web = createWebServer({
      log: { error: (fields) => void logged.push(fields) },
      errorPage: () => html``,
      origin: () => {
        throw new Error("no origin");
      },
    });
    const origin = await listenForTest(web);
    expect((await fetch(`${origin}/`)).status).toBe(500);
    expect(logged).toMatchObject([{ request_id: "req-1" }]);
  });

  test("by a client that leaves in the middle of its form leaves the server up", async () => {
    const { origin, seen } = await site();
    const { port } = new URL(origin);
    const socket = connect(Number(port), "127.0.0.1");
    await once(socket, "connect");
    socket.end(
      "POST /form HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 10\r\n\r\na=",
    );
    socket.resume();
    await once(socket, "close");
    expect((await fetch(`${origin}/page`)).status).toBe(200);
    expect(seen).toEqual([]);
  });
});
