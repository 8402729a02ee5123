import { describe, expect, it } from "vitest";
import { decide, decidePortal, decideScopes } from "../../src/policy/decide.ts";
import { mcpText } from "../mcp/rules.ts";
import { headOf, keyHolder, policyOf, problemsOf } from "./rules.ts";

const mcp = (...lines: readonly string[]): string => `    mcp:\n${lines.map((line) => `      ${line}\n`).join("")}`;
const READ = "scopes: [tickets:read]";
/** The one problem of an MCP route, without its position. */
const problemOf = async (...lines: readonly string[]): Promise<readonly string[]> =>
  (await problemsOf(mcpText(mcp(...lines)))).map((problem) => problem.replace(/^\d+:\d+: /, ""));
/** Another route on the same path. */
const other = (methods: string): string =>
  `  - { id: other, match: { methods: [${methods}], path: /mcp }, upstream: desk, public: true }\n`;

describe("compilePolicy: mcp, mistakes", () => {
  it("reports every mistake at once, each on its line and column", async () => {
    const yaml = `version: 1
upstreams:
  desk: { url: "http://127.0.0.1:9000" }
routes:
  - id: mcp
    match: { methods: [POST, PUT], path: /mcp }
    upstream: desk
    scopes: [tickets:read]
    portal: upstream
    public: false
    mcp:
      tools:
        get_ticket: { scopes: [tickets:raed], portal: argument:portal_id }
        list_tickets: { scopes: [tickets:read] }
        add_comment: { scopes: [], portal: upstream }
        "a*b": { scopes: [tickets:read], portal: upstream }
        update_ticket: { scopes: [tickets:write], portal: path:portal }
        run: { scopes: [workflows:run, workflows:run], portal: argument:/a~2 }
        invite: { scopes: [users:write], portal: "argument:a b", extra: 1 }
      prompts:
        sum: { portal: upstream }
        " ask": { scopes: [tickets:read], portal: upstream }
      resources:
        "ticket://{portal}/{id}": { scopes: [tickets:read], portal: uri:portall }
        "ticket://{desk}/{number}": { scopes: [tickets:read], portal: uri:desk }
        "config://desk": { scopes: [portals:read], portal: argument:portal }
        "ticket://{a}{b}/x": { scopes: [tickets:read], portal: uri:a }
        "/ticket/{a}": { scopes: [tickets:read], portal: uri:a }
      methods:
        tools/call: { scopes: [tickets:read], portal: unrestricted }
        "tasks/*": { scopes: [tickets:read], portal: unrestricted }
        completion/complete: { scopes: [tickets:read], portal: upstream }
      filter_list: true
      filter_lists: yes
      origins: ["https://app.example.com/x", "*"]
`;
    expect(await problemsOf(yaml)).toEqual([
      "6:30: MCP is served over GET, POST, DELETE only",
      "8:5: `scopes` does not go with `mcp`: each tool, prompt, resource and method has its own rule",
      "9:5: `portal` does not go with `mcp`: each tool, prompt, resource and method has its own rule",
      "10:5: `public` does not go with `mcp`: each tool, prompt, resource and method has its own rule",
      "13:32: unknown scope `tickets:raed` (did you mean `tickets:read`?)",
      "14:9: missing key `portal`",
      "15:32: name at least one scope",
      "16:9: expected a name, or a prefix with `*` at its end, 255 characters at most",
      "17:59: expected argument:NAME, argument:/POINTER, upstream or unrestricted",
      "18:40: the scope `workflows:run` stands twice",
      "18:64: a JSON pointer starts with `/`, and has `~` only as `~0` or `~1`",
      "19:50: the name of an argument has 1 to 128 characters and no spaces",
      "19:66: unknown key `extra`",
      "21:9: missing key `scopes`",
      "22:9: expected a name, or a prefix with `*` at its end, 255 characters at most",
      "24:69: the template has no variable of this name",
      "25:9: the template on line 24 can match the same URIs",
      "26:60: expected uri:VARIABLE, upstream or unrestricted",
      "27:9: two variables in one segment: readers could split it differently",
      "28:9: a URI starts with a scheme in lower case, such as `ticket://`",
      "30:9: `tools/call` is ruled by `tools:`",
      "31:9: expected the exact name of a method",
      "32:9: `completion/complete` is ruled by `prompts:` and `resources:`",
      "33:7: unknown key `filter_list` (did you mean `filter_lists`?)",
      "34:21: expected true or false",
      "35:17: expected http(s)://HOST[:PORT]",
      "35:46: expected http(s)://HOST[:PORT]",
    ]);
  });

  it.each([
    ["tools: []", "expected record, received array"],
    ["tools: { get_ticket: [] }", "expected object, received array"],
    [`tools: { "": { ${READ}, portal: upstream } }`, "must not be empty"],
    [
      `tools: { a: { ${READ}, portal: "uri:x" } }`,
      "expected argument:NAME, argument:/POINTER, upstream or unrestricted",
    ],
    [`tools: { a: { ${READ}, portal: "argument:" } }`, "the name of an argument has 1 to 128 characters and no spaces"],
    [`tools: { a: { scopes: [tickets], portal: upstream } }`, "expected a scope such as tickets:read or workflows:*"],
    [
      `tools: { "**": { ${READ}, portal: upstream } }`,
      "expected a name, or a prefix with `*` at its end, 255 characters at most",
    ],
    [`resources: { "a://b": { ${READ}, portal: "uri:b" } }`, "the template has no variable of this name"],
    [`methods: { "a b": { ${READ}, portal: upstream } }`, "expected the exact name of a method"],
    [`tool: { a: { ${READ}, portal: upstream } }`, "unknown key `tool` (did you mean `tools`?)"],
  ])("%s: %s", async (line, problem) => {
    expect(await problemOf(line)).toEqual([problem]);
  });

  it.each(["mcp:", "mcp: true", "mcp: []"])("refuses %s", async (line) => {
    expect(await problemsOf(mcpText(`    ${line}\n`))).toHaveLength(1);
  });

  it("reports two MCP routes on one path, and leaves methods that MCP has not to others", async () => {
    const rules = mcpText(mcp("tools: {}"));
    expect(await problemsOf(rules + other("OPTIONS, POST"))).toEqual([
      "10:59: two rules for POST on the same paths: line 10 and line 6",
    ]);
    expect((await policyOf(rules + other("OPTIONS"))).routes).toHaveLength(2);
  });
});

describe("compilePolicy: mcp, a policy", () => {
  it("compiles tables, defaults and positions", async () => {
    const lines = [
      "tools:",
      `  get_ticket: { ${READ}, portal: argument:portal_id }`,
      `  "r_*": { ${READ}, portal: "argument:/a~1b/0" }`,
      `  "r_long_*": { ${READ}, portal: upstream }`,
      `resources: { "t://{portal}/{id}": { ${READ}, portal: uri:portal }, "t://x/y/z": { ${READ}, portal: unrestricted } }`,
      `methods: { "tasks/get": { ${READ}, portal: unrestricted } }`,
      `origins: ["https://App.example.com:443"]`,
    ];
    const { file, line, column } = { file: expect.stringMatching(/rules\.yaml$/), line: 10, column: 9 };
    const [route] = (await policyOf(mcpText(mcp(...lines)))).routes;
    expect(route).toMatchObject({
      methods: ["GET", "POST", "DELETE"],
      public: false,
      needs: [],
      scopeText: "",
      portal: null,
    });
    const rules = route?.mcp;
    expect(rules?.tools.exact.get("get_ticket")).toEqual({
      name: "get_ticket",
      needs: [{ scope: "tickets:read", coveredBy: "tickets:*" }],
      scopes: ["tickets:read"],
      scopeText: "tickets:read",
      portal: { kind: "argument", text: "portal_id", tokens: ["portal_id"], folded: ["portalid"] },
      source: { file, line, column },
    });
    expect(rules?.tools.prefixes.map(({ prefix }) => prefix)).toEqual(["r_long_", "r_"]);
    expect(rules?.tools.prefixes[1]?.rule.portal).toMatchObject({ tokens: ["a/b", "0"] });
    expect([...(rules?.resources.literals.keys() ?? [])]).toEqual(["t://x/y/z"]);
    expect(rules?.resources.templates[0]?.rule.portal).toEqual({ kind: "uri", name: "portal", variable: 0 });
    expect([...(rules?.methods.keys() ?? [])]).toEqual(["tasks/get"]);
    expect([...(rules?.origins ?? [])]).toEqual(["https://app.example.com"]);
    expect(rules).toMatchObject({ filterLists: true, prompts: { exact: new Map(), prefixes: [] } });
  });

  it("takes `filter_lists: false`, a catch-all prefix, and an endpoint without rules", async () => {
    const [route] = (
      await policyOf(mcpText(mcp("filter_lists: false", `tools: { "*": { ${READ}, portal: upstream } }`)))
    ).routes;
    expect(route?.mcp).toMatchObject({ filterLists: false, tools: { prefixes: [{ prefix: "" }] } });
    const [empty] = (await policyOf(mcpText("    mcp: {}\n", "{ methods: [POST], path: /mcp }"))).routes;
    expect(empty).toMatchObject({ methods: ["POST"], mcp: { filterLists: true } });
  });

  it("is refused by whoever decides it as a plain route", async () => {
    const [route] = (await policyOf(mcpText("    mcp: {}\n"))).routes;
    if (route === undefined) throw new Error("no route");
    const everything = keyHolder(["tickets:*", "portals:*", "users:*", "workflows:*"]);
    const refused = { allow: false, reason: "operation_forbidden" };
    for (const method of ["GET", "POST", "DELETE"]) {
      const head = headOf(method, "/mcp");
      expect(decideScopes(route, everything)).toMatchObject(refused);
      expect(decidePortal(route, everything, head, null)).toMatchObject(refused);
      expect(decide(route, everything, head, { jsonrpc: "2.0" })).toMatchObject(refused);
    }
  });
});
