import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { createServer, request as httpRequest, type Server } from "node:http";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { outputOf, spawnProcess } from "../support/processes.ts";
import { type Sidecar, startSidecar } from "../support/sidecar.ts";
import { tempFolder } from "../support/temp.ts";
import { type EverythingServer, startEverythingServer } from "./mcp-everything-server.ts";

const PACKAGE = "@modelcontextprotocol/conformance@0.2.0-alpha.12";
const FREE = { scopes: ["tickets:read"], portal: "upstream" };
const MCP = {
  tools: { "test_*": FREE },
  prompts: { "test_*": FREE },
  resources: {
    "test://static-text": FREE,
    "test://static-binary": FREE,
    "test://watched-resource": FREE,
    "test://template/{id}/data": FREE,
  },
};

let server: EverythingServer;
let sidecar: Sidecar;
let forwarder: Server;
let folder: string;

/** The suite cannot send a key: this adds one, and hands on everything else as it is. */
async function startForwarder(): Promise<Server> {
  const started = createServer((request, response) => {
    const { rawHeaders, method = "GET", url: path = "/" } = request;
    const headers = [...rawHeaders, "Authorization", `Bearer ${sidecar.keys.reader.key}`];
    const onward = httpRequest({ host: "127.0.0.1", port: sidecar.port, method, path, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
      answer.pipe(response);
      answer.on("error", () => response.destroy());
    });
    onward.on("error", () => response.destroy());
    response.on("close", () => onward.destroy());
    request.pipe(onward);
  });
  started.listen(0, "127.0.0.1");
  await once(started, "listening");
  return started;
}

function urlOf(listening: Server): string {
  const address = listening.address();
  if (address === null || typeof address === "string") throw new Error("not a TCP listener");
  return `http://127.0.0.1:${address.port}`;
}

beforeAll(async () => {
  server = await startEverythingServer();
  forwarder = await startForwarder();
  // The suite asks whether pages of the server's own host may call it, and others may not.
  const origins = [urlOf(forwarder), urlOf(forwarder).replace("127.0.0.1", "localhost")];
  const route = { id: "mcp", match: { path: "/mcp" }, upstream: "up", mcp: { ...MCP, origins } };
  sidecar = await startSidecar({ upstreamUrl: server.url, routes: [route] });
  folder = tempFolder();
  const install = spawnProcess("npm", ["install", "--no-audit", "--no-fund", "--prefix", folder, PACKAGE]);
  const { code } = await install.exited;
  if (code !== 0) throw new Error(outputOf(install));
});
afterAll(async () => {
  forwarder.closeAllConnections();
  forwarder.close();
  await server.close();
});

const checks = z.array(z.looseObject({ id: z.string(), status: z.string(), errorMessage: z.string().optional() }));

/** What each scenario of the suite found, by its name. */
async function conformance(url: string, name: string): Promise<Readonly<Record<string, string[]>>> {
  const results = join(folder, name);
  const program = join(folder, "node_modules", ".bin", "conformance");
  const run = spawnProcess(program, ["server", "--url", `${url}/mcp`, "--output-dir", results], { cwd: folder });
  await run.exited;
  const found: Record<string, string[]> = {};
  for (const scenario of readdirSync(results).toSorted()) {
    const key = scenario.replace(/-\d{4}-\d{2}-\d{2}T.*$/, "");
    const read = checks.parse(JSON.parse(readFileSync(join(results, scenario, "checks.json"), "utf8")));
    found[key] = read.map(({ id, status }) => `${id} ${status}`).toSorted();
  }
  if (Object.keys(found).length < 20) throw new Error(outputOf(run));
  return found;
}

test("the conformance suite finds the same straight and through Portcullis", { timeout: 300_000 }, async () => {
  const straight = await conformance(server.url, "straight");
  const through = await conformance(urlOf(forwarder), "through");
  const all = Object.values(straight).flat();
  const passed = all.filter((line) => line.endsWith(" SUCCESS")).length;
  console.log(`${Object.keys(straight).length} scenarios, ${passed} of ${all.length} checks passed, straight`);
  expect(through).toEqual(straight);
  expect(passed).toBeGreaterThan(20);
});
