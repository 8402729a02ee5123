import { describe, expect, test } from "vitest";
import { explainFormOf, questionOf, readExplainForm } from "../../src/admin/routes/explain-question.ts";
import { auditFieldsOf } from "../../src/store/activity.ts";
import { policyOf, rulesText } from "../policy/rules.ts";
import { activity } from "../store/activities.ts";

const policy = await policyOf(
  rulesText(
    `{ id: search, match: { methods: [GET], path: /search }, upstream: desk, scopes: ["tickets:read"], portal: "query:portal" }`,
    `{ id: mcp, match: { methods: [GET, POST], path: /mcp }, upstream: desk, mcp: { tools: { get: { scopes: ["tickets:read"], portal: "argument:portal" } } } }`,
  ),
);

function formOf(changes: Parameters<typeof activity>[0]) {
  const request = activity(changes);
  return explainFormOf({ id: "1-1", ...request, fields: auditFieldsOf(request) }, policy);
}

describe("what an entry of the activity asks the rules", () => {
  test("as the key that asked, with the host, and the portal where the rule reads it", () => {
    expect(formOf({ route: "search", path: "/search", portal: "acme", portalAllowed: "globex" })).toEqual({
      method: "GET",
      target: "/search?portal=acme",
      as: "key",
      key: "key_0123456789abcdefghij",
      scopes: [],
      portal: "",
      headers: ["Host: desk.example.com"],
      body: "",
    });
  });

  test("as somebody who holds what a token held", () => {
    const token = { credential: "tok_0123456789abcdef01234567", credentialKind: "oauth", portalAllowed: "acme" };
    const form = formOf({ ...token, scopesHeld: "tickets:read users:read" });
    expect(form).toMatchObject({ as: "scopes", key: "", scopes: ["tickets:read", "users:read"], portal: "acme" });
    const refused = formOf({ ...token, decision: "deny", reason: "credential_revoked" });
    expect(refused).toMatchObject({ as: "credential_revoked" });
    if (refused === null) throw new Error("no form");
    expect(questionOf(refused)).toMatchObject({
      question: { caller: { kind: "refused", problem: "credential_revoked" } },
    });
  });

  test("as the MCP message that it was", () => {
    const call = {
      route: "mcp",
      method: "POST",
      path: "/mcp",
      portal: "acme",
      mcp: { method: "tools/call", tool: "get" },
    };
    expect(JSON.parse(formOf(call)?.body ?? "")).toMatchObject({
      method: "tools/call",
      params: { name: "get", arguments: { portal: "acme" } },
    });
    expect(formOf({ ...call, method: "GET" })).toMatchObject({ body: "" });
  });

  test("nothing, where it is no request", () => {
    expect(formOf({ event: "admin", method: null, path: null, action: "key.create" })).toBeNull();
    expect(formOf({ reason: "more_refused", method: null, path: null, count: 9 })).toBeNull();
  });
});

test("what comes back as a form asks the same", () => {
  const form = formOf({ route: "search", path: "/search", portal: "acme" });
  if (form === null) throw new Error("no form");
  const { headers, scopes, ...texts } = form;
  expect(readExplainForm({ ...texts, scope: [...scopes], headers: headers.join("\r\n") })).toEqual(form);
});

const asked = (headers: string) => questionOf(readExplainForm({ method: "GET", target: "/", as: "nobody", headers }));

describe("the headers that somebody types in", () => {
  test("are a name and a value without the space around it", () => {
    expect(asked("Host:\t a.example \n\nX-Y:\n")).toMatchObject({
      question: {
        headers: [
          ["Host", "a.example"],
          ["X-Y", ""],
        ],
      },
    });
  });

  test.each(["no colon", ": no name", "a b: c", "a: b\rc: d", "a: b\u2028c"])("are none of %j", (line) => {
    expect(asked(line)).toEqual({
      ok: false,
      problems: { headers: "Write each on a line of its own, as Name: value." },
    });
  });

  test("hold nobody up, however much space there is", () => {
    const start = performance.now();
    expect(asked(`a:${" ".repeat(16_000)}\u2028b`)).toMatchObject({ ok: false });
    expect(performance.now() - start).toBeLessThan(100);
  });
});
