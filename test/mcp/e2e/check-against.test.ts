import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { DemoService } from "../../../deploy/demo/service/server.ts";
import { run } from "../../cli/terminal.ts";
import { startService } from "../../demo/support.ts";
import { startUpstream } from "../../e2e/support.ts";
import type { Sidecar } from "../../support/sidecar.ts";
import { tempFolder } from "../../support/temp.ts";
import { DEMO_RULES, startDemoSidecar } from "./support.ts";

let service: DemoService;
let sidecar: Sidecar;

beforeAll(async () => {
  service = await startService();
  sidecar = await startDemoSidecar(service.url);
});
afterAll(() => service.close());

function rulesFile(text: string): string {
  const file = join(tempFolder(), "rules.yaml");
  writeFileSync(file, text.replace("${UPSTREAM}", "http://127.0.0.1:9"));
  return file;
}

const against = (rules: string, url: string, more: readonly string[] = [], input = "") =>
  run(["check", "--rules", rulesFile(rules), "--against", url, ...more], { input });

/** The demo's rules with a rule for no tool, and without two. */
const DRIFTED = DEMO_RULES.replace("        add_comment:", "        add_commentary:").replace(
  / {8}get_portal:.*\n/,
  "",
);

describe("portcullis check --against", () => {
  test("finds nothing where rules and server agree, and leaves no session behind", async () => {
    const { code, out, error } = await against(DEMO_RULES, `${service.url}/mcp`);
    expect({ code, error }).toEqual({ code: 0, error: "" });
    expect(out).toMatch(/^ok: 16 routes, rules [0-9a-f]{12}\nok: rules and server name the same tools\n$/);
    expect(service.open().sessions).toBe(0);
  });

  test("names tools without a rule and rules without a tool, and exits with 1", async () => {
    const { code, error } = await against(DRIFTED, `${service.url}/mcp`);
    expect(code).toBe(1);
    expect(error.split("\n").toSorted().filter(Boolean)).toEqual([
      "3 differences",
      "mcp: the rule `add_commentary` is for no tool that the server listed",
      "mcp: the tool `add_comment` has no rule: nobody can call it",
      "mcp: the tool `get_portal` has no rule: nobody can call it",
    ]);
  });

  test("tells the same as JSON", async () => {
    const { code, out, error } = await against(DRIFTED, `${service.url}/mcp`, ["--json"]);
    expect({ code, error }).toEqual({ code: 1, error: "" });
    const value: { against: { without_rule: string[] }[] } = JSON.parse(out);
    expect(value).toMatchObject({ ok: false, problems: [], routes: 16 });
    expect(value.against).toEqual([
      { route: "mcp", without_rule: expect.any(Array), without_tool: ["add_commentary"] },
    ]);
    expect(value.against[0]?.without_rule.toSorted()).toEqual(["add_comment", "get_portal"]);
  });

  test("goes through Portcullis with a key from standard input", async () => {
    const url = `${sidecar.url}/mcp`;
    const all = await against(DEMO_RULES, url, ["--key", "-"], `${sidecar.keys.manager.key}\n`);
    expect(all.code).toBe(0);
    const some = await against(DEMO_RULES, url, ["--key", "-"], sidecar.keys.reader.key);
    expect(some.code).toBe(1);
    expect(some.error).toContain("10 differences");
    const none = await against(DEMO_RULES, url);
    expect(none.code).toBe(1);
    expect(none.error).toContain("cannot list the tools of");
    expect(all.out + all.error + some.error).not.toContain("noice_sk");
  });

  test("compares every MCP route, or the one that is named", async () => {
    const second = DEMO_RULES.slice(DEMO_RULES.indexOf("  - id: mcp")).replace("id: mcp", "id: mcp.second");
    const rules = `${DRIFTED}\n${second.replace("path: /mcp", "path: /second")}`;
    const url = `${service.url}/mcp`;
    const both = await against(rules, url, ["--json"]);
    const report: { against: { route: string }[] } = JSON.parse(both.out);
    expect(report.against.map(({ route }) => route)).toEqual(["mcp", "mcp.second"]);
    expect((await against(rules, url, ["--route", "mcp.second"])).code).toBe(0);
    expect((await against(rules, url, ["--route", "mcp"])).code).toBe(1);
    const unknown = await against(rules, url, ["--route", "mpc"]);
    expect(unknown.code).toBe(2);
    expect(unknown.error).toContain("no MCP route is called mpc; there is: mcp, mcp.second");
  });

  test("reads all pages, and shows nothing that a terminal would obey", async () => {
    const pages = [["list_tickets"], ["drop\u001b[2J", "wipe"], ["get_ticket"]];
    const url = await startUpstream((request, response) => {
      let text = "";
      request.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
      request.on("end", () => {
        const { id, method, params } = Object(JSON.parse(text === "" ? "{}" : text));
        if (request.method !== "POST") return response.writeHead(405).end();
        if (id === undefined) return response.writeHead(202).end();
        const page = Number(params?.cursor ?? 0);
        const tools = (pages[page] ?? []).map((name) => ({ name, inputSchema: { type: "object" } }));
        const next = page + 1 < pages.length ? { nextCursor: String(page + 1) } : {};
        const serverInfo = { name: "s", version: "1" };
        const opened = { protocolVersion: "2025-06-18", capabilities: { tools: {} }, serverInfo };
        const result = method === "initialize" ? opened : { tools, ...next };
        response.writeHead(200, { "content-type": "application/json" });
        return response.end(JSON.stringify({ jsonrpc: "2.0", id, result }));
      });
    });
    const { error } = await against(DEMO_RULES, `${url}/mcp`);
    expect(error).toContain("the tool `drop?[2J` has no rule");
    expect(error).toContain("the tool `wipe` has no rule");
    expect(error).not.toContain("`get_ticket`");
    expect(error).toContain("12 differences");
  });

  test("says what failed", async () => {
    const away = await against(DEMO_RULES, "http://127.0.0.1:9/mcp");
    expect(away.code).toBe(1);
    expect(away.error).toMatch(/cannot list the tools of http:\/\/127\.0\.0\.1:9\/mcp: .*(?:ECONNREFUSED|bad port)/);
    const plain = DEMO_RULES.slice(0, DEMO_RULES.indexOf("  # All of MCP"));
    expect((await against(plain, `${service.url}/mcp`)).error).toContain("no rule has `mcp:`");
    const broken = await against(DEMO_RULES.replace("upstream: desk", "upstream: dsek"), "http://127.0.0.1:9/mcp");
    expect(broken.code).toBe(1);
    expect(broken.error).toContain("1 problem");
  });

  test.each([
    [["--against", "ftp://a/mcp"]],
    [["--against", "a"]],
    [["--against", "http://user:secret@127.0.0.1/mcp"]],
    [["--against", "http://127.0.0.1:9/mcp", "--key", "noice_sk_live_x"]],
    [["--key", "-"]],
    [["--route", "mcp"]],
  ])("is wrong usage as %j", async (args) => {
    const { code, error } = await run(["check", "--rules", rulesFile(DEMO_RULES), ...args]);
    expect(code).toBe(2);
    expect(error).not.toMatch(/secret|noice_sk_live_x/);
  });
});
