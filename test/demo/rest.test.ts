import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { DemoService } from "../../deploy/demo/service/server.ts";
import { call, NOON, startService } from "./support.ts";

let service: DemoService;
let now = NOON;

beforeEach(async () => {
  now = NOON;
  service = await startService({ now: () => now });
});
afterEach(() => service.close());

describe("status", () => {
  test("says ok", async () => {
    expect(await call(service, "GET", "/status")).toMatchObject({ status: 200, json: { status: "ok" } });
  });
});

describe("portals", () => {
  test("are listed, all of them", async () => {
    const { json } = await call(service, "GET", "/api/portals");
    expect(json).toMatchObject({ portals: [{ id: "acme" }, { id: "globex" }] });
  });

  test("are filtered by X-Portcullis-Portal", async () => {
    const headers = { "X-Portcullis-Portal": "globex" };
    const { json } = await call(service, "GET", "/api/portals", { headers });
    expect(json).toEqual({ portals: [expect.objectContaining({ id: "globex" })] });
  });

  test("give one, and 404 for an unknown one", async () => {
    expect(await call(service, "GET", "/api/portals/acme")).toMatchObject({ status: 200, json: { name: "Acme Inc" } });
    expect(await call(service, "GET", "/api/portals/initech")).toMatchObject({
      status: 404,
      json: { error: "portal not found" },
    });
  });

  test("PATCH changes what it names and keeps the rest", async () => {
    const { status, json } = await call(service, "PATCH", "/api/portals/acme", { body: { name: "Acme GmbH" } });
    expect(status).toBe(200);
    expect(json).toMatchObject({ name: "Acme GmbH", plan: "enterprise", updated_at: new Date(NOON).toISOString() });
    expect((await call(service, "GET", "/api/portals/acme")).json).toEqual(json);
  });

  test("PUT needs the whole portal", async () => {
    const whole = { name: "Acme SE", plan: "business", locale: "de-DE" };
    expect(await call(service, "PUT", "/api/portals/acme", { body: { name: "Acme SE" } })).toMatchObject({
      status: 400,
      json: { error: expect.stringContaining("body.plan") },
    });
    expect(await call(service, "PUT", "/api/portals/acme", { body: whole })).toMatchObject({
      status: 200,
      json: whole,
    });
  });
});

describe("tickets", () => {
  test("come in pages", async () => {
    const { json } = await call(service, "GET", "/api/portals/acme/tickets?limit=2&offset=1");
    expect(json).toMatchObject({ tickets: [{ id: "1002" }, { id: "1003" }], total: 8, limit: 2, offset: 1 });
  });

  test("are filtered by status", async () => {
    const { json } = await call(service, "GET", "/api/portals/globex/tickets?status=closed");
    expect(json).toMatchObject({ tickets: [{ id: "2006", status: "closed" }], total: 1 });
  });

  test.each(["limit=0", "limit=201", "limit=x", "offset=-1", "status=lost"])("refuse the page %s", async (query) => {
    expect((await call(service, "GET", `/api/portals/acme/tickets?${query}`)).status).toBe(400);
  });

  test("POST makes one, answers 201 and says where it is", async () => {
    const body = { subject: "Door is stuck", body: "Third floor" };
    const made = await call(service, "POST", "/api/portals/acme/tickets", { body });
    expect(made).toMatchObject({ status: 201, json: { ...body, id: "1009", portal_id: "acme", status: "open" } });
    const read = await call(service, "GET", made.headers.get("location") ?? "");
    expect(read).toMatchObject({ status: 200, json: { ...body, attachments: ["log.txt"] } });
  });

  test.each([
    ["no subject", { body: "x" }, "body.subject"],
    ["an empty subject", { subject: "  " }, "body.subject"],
    ["a subject of another type", { subject: 7 }, "body.subject"],
    ["no JSON", "{", "not JSON"],
    ["no body", "", "not JSON"],
  ])("POST refuses %s with 400", async (_what, body, error) => {
    expect(await call(service, "POST", "/api/portals/acme/tickets", { body })).toMatchObject({
      status: 400,
      json: { error: expect.stringContaining(error) },
    });
    expect((await call(service, "GET", "/api/portals/acme/tickets")).json).toMatchObject({ total: 8 });
  });

  test("POST refuses a JSON body above 1 MiB with 413", async () => {
    const body = { subject: "x", body: "y".repeat(1_048_576) };
    expect((await call(service, "POST", "/api/portals/acme/tickets", { body })).status).toBe(413);
  });

  test("PATCH changes one", async () => {
    const body = { status: "solved", assignee: null };
    const { status, json } = await call(service, "PATCH", "/api/portals/acme/tickets/1001", { body });
    expect(status).toBe(200);
    expect(json).toMatchObject({ id: "1001", priority: "high", ...body });
    expect((await call(service, "GET", "/api/portals/acme/tickets/1001")).json).toMatchObject(body);
  });

  test("DELETE removes one with its comments and files", async () => {
    const path = "/api/portals/acme/tickets/1001";
    await call(service, "PUT", `${path}/attachments/a.txt`, { body: "abc" });
    expect(service.open().attachmentBytes).toBe(3);
    expect(await call(service, "DELETE", path)).toMatchObject({ status: 204, text: "" });
    expect((await call(service, "GET", path)).status).toBe(404);
    expect((await call(service, "GET", `${path}/comments`)).status).toBe(404);
    expect(service.open().attachmentBytes).toBe(0);
    expect((await call(service, "DELETE", path)).status).toBe(404);
  });

  test("of one portal are unknown in the other", async () => {
    expect((await call(service, "GET", "/api/portals/globex/tickets/1001")).status).toBe(404);
  });
});

describe("comments", () => {
  test("are listed and added", async () => {
    const path = "/api/portals/acme/tickets/1003/comments";
    expect((await call(service, "GET", path)).json).toMatchObject({ comments: [{ id: "c3" }] });
    expect(await call(service, "POST", path, { body: { body: "Thank you" } })).toMatchObject({
      status: 201,
      json: { id: "c5", ticket_id: "1003", body: "Thank you" },
    });
    expect((await call(service, "GET", path)).json).toMatchObject({ comments: [{ id: "c3" }, { id: "c5" }] });
  });

  test("need a text and a ticket", async () => {
    expect((await call(service, "POST", "/api/portals/acme/tickets/1003/comments", { body: {} })).status).toBe(400);
    const body = { body: "x" };
    expect((await call(service, "POST", "/api/portals/acme/tickets/9/comments", { body })).status).toBe(404);
  });
});

describe("workflows", () => {
  test("are listed", async () => {
    const { json } = await call(service, "GET", "/api/portals/acme/workflows");
    expect(json).toMatchObject({ workflows: [{ id: "escalate" }, { id: "close-stale" }, { id: "weekly-report" }] });
  });

  test("run: 202, running, and succeeded a second later", async () => {
    const body = { input: { days: 2 } };
    const started = await call(service, "POST", "/api/portals/acme/workflows/escalate/runs", { body });
    expect(started).toMatchObject({ status: 202, json: { workflow_id: "escalate", status: "running", ...body } });
    const location = started.headers.get("location") ?? "";
    expect((await call(service, "GET", location)).json).toMatchObject({ status: "running" });
    now += 1000;
    expect((await call(service, "GET", location)).json).toMatchObject({ status: "succeeded", ...body });
  });

  test("run without a body", async () => {
    expect((await call(service, "POST", "/api/portals/acme/workflows/escalate/runs")).status).toBe(202);
  });

  test("that are unknown, and runs of another workflow, are 404", async () => {
    expect((await call(service, "POST", "/api/portals/acme/workflows/nothing/runs")).status).toBe(404);
    await call(service, "POST", "/api/portals/acme/workflows/escalate/runs");
    expect((await call(service, "GET", "/api/portals/acme/workflows/escalate/runs/run-1")).status).toBe(200);
    expect((await call(service, "GET", "/api/portals/acme/workflows/close-stale/runs/run-1")).status).toBe(404);
    expect((await call(service, "GET", "/api/portals/globex/workflows/escalate/runs/run-1")).status).toBe(404);
  });
});

describe("users", () => {
  test("are listed and invited, each address once", async () => {
    const body = { email: "devi@acme.example", name: "Devi Rao", role: "agent" };
    expect(await call(service, "POST", "/api/portals/acme/users", { body })).toMatchObject({
      status: 201,
      json: { ...body, status: "invited" },
    });
    expect((await call(service, "POST", "/api/portals/acme/users", { body })).status).toBe(409);
    const { json } = await call(service, "GET", "/api/portals/acme/users");
    expect(json).toMatchObject({ users: [{ role: "admin" }, {}, {}, body] });
    expect((await call(service, "POST", "/api/portals/acme/users", { body: { email: "devi" } })).status).toBe(400);
  });
});

describe("search", () => {
  test("looks in all portals", async () => {
    const { json } = await call(service, "GET", "/api/search?q=BUG");
    expect(json).toMatchObject({ results: [{ id: "1003" }, { id: "2005" }], total: 2 });
  });

  test("looks in the portal that is named", async () => {
    const { json } = await call(service, "GET", "/api/search?q=bug&portal_id=globex");
    expect(json).toMatchObject({ results: [{ id: "2005" }], total: 1 });
    expect((await call(service, "GET", "/api/search?q=bug&portal_id=initech")).status).toBe(404);
  });

  test("is filtered by X-Portcullis-Portal, whatever portal is named", async () => {
    const headers = { "X-Portcullis-Portal": "acme" };
    expect((await call(service, "GET", "/api/search?q=bug", { headers })).json).toMatchObject({
      results: [{ id: "1003" }],
      total: 1,
    });
    const { json } = await call(service, "GET", "/api/search?q=bug&portal_id=globex", { headers });
    expect(json).toEqual({ results: [], total: 0 });
  });
});

describe("echo", () => {
  test("gives method, target and headers back", async () => {
    const headers = { "X-Portcullis-Subject": "someone", Authorization: "Bearer nobody-looks" };
    const { json } = await call(service, "GET", "/api/portals/acme/echo?a=%2F", { headers });
    expect(json).toMatchObject({
      method: "GET",
      path: "/api/portals/acme/echo?a=%2F",
      headers: { "x-portcullis-subject": "someone", authorization: "Bearer nobody-looks" },
      raw_headers: expect.arrayContaining(["X-Portcullis-Subject", "someone"]),
    });
  });
});

describe("any path", () => {
  test.each(["/", "/api", "/api/portals/", "/api/portals/acme/tickets/", "/API/portals", "/status/x"])(
    "%s is 404 with a JSON error",
    async (path) => {
      expect(await call(service, "GET", path)).toMatchObject({ status: 404, json: { error: "not found" } });
    },
  );

  test("answers another method with 405 and says which ones it knows", async () => {
    const { status, json, headers } = await call(service, "DELETE", "/api/portals/acme");
    expect(status).toBe(405);
    expect(json).toEqual({ error: "method not allowed" });
    expect(headers.get("allow")).toBe("GET, PUT, PATCH, HEAD");
  });

  test("with a broken percent-encoding is 400", async () => {
    expect((await call(service, "GET", "/api/portals/%zz")).status).toBe(400);
  });

  test.each([
    "/status",
    "/api/portals",
    "/api/portals/acme",
    "/api/portals/acme/tickets",
    "/api/portals/acme/tickets/1001",
    "/api/portals/acme/tickets/1001/comments",
    "/api/portals/acme/tickets/1001/attachments/log.txt",
    "/api/portals/acme/workflows",
    "/api/portals/acme/users",
    "/api/search?q=vpn",
  ])("%s answers HEAD like GET, without the body", async (path) => {
    const get = await call(service, "GET", path);
    const head = await call(service, "HEAD", path);
    expect(head).toMatchObject({ status: 200, text: "" });
    expect(head.headers.get("content-type")).toBe(get.headers.get("content-type"));
    expect(head.headers.get("content-length")).toBe(get.headers.get("content-length"));
    expect(get.text).not.toBe("");
  });
});
