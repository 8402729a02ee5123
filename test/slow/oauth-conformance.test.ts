import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { type DemoService, startDemoService } from "../../deploy/demo/service/server.ts";
import { authorize } from "../support/person-at-browser.ts";
import { startDemoSidecar } from "../mcp/e2e/support.ts";
import { freePort, outputOf, spawnProcess, waitForLine } from "../support/processes.ts";
import type { Sidecar } from "../support/sidecar.ts";
import { tempFolder } from "../support/temp.ts";

const PACKAGE = "@modelcontextprotocol/conformance@0.2.0-alpha.12";

let service: DemoService;
let sidecar: Sidecar;
let folder: string;

beforeAll(async () => {
  service = await startDemoService({ port: 0 });
  // The suite asks for client metadata documents, which need a host that is allowed.
  sidecar = await startDemoSidecar(service.url, { config: { oauth: { metadata_hosts: ["app.example"] } } });
  folder = tempFolder();
  const install = spawnProcess("npm", ["install", "--no-audit", "--no-fund", "--prefix", folder, PACKAGE]);
  const { code } = await install.exited;
  if (code !== 0) throw new Error(outputOf(install));
});
afterAll(() => service.close());

const checks = z.array(z.looseObject({ id: z.string(), status: z.string(), errorMessage: z.string().optional() }));

/** What each check of the suite said, by its id. */
function resultsIn(results: string): Readonly<Record<string, string>> {
  const files = readdirSync(results, { recursive: true, encoding: "utf8" }).filter((name) =>
    name.endsWith("checks.json"),
  );
  const all = files.flatMap((name) => checks.parse(JSON.parse(readFileSync(join(results, name), "utf8"))));
  return Object.fromEntries(
    all.map(({ id, status, errorMessage }) => [id, `${status}${errorMessage ? `: ${errorMessage}` : ""}`]),
  );
}

test("the authorization suite of the conformance package passes, all of its checks", async () => {
  const port = await freePort();
  const callback = `http://127.0.0.1:${port}/callback`;
  const { record } = await sidecar.desk.addClient({ redirectUris: [callback] });
  const member = await sidecar.desk.addPerson();
  const results = join(folder, "results");
  const program = join(folder, "node_modules", ".bin", "conformance");
  const args = ["authorization", "--url", sidecar.url, "--client-id", record.id, "--resource", `${sidecar.url}/mcp`];
  const run = spawnProcess(program, [...args, "--port", String(port), "--output-dir", results], { cwd: folder });
  const line = await waitForLine(run, (text) => text.startsWith(`${sidecar.url}/`), 60_000);
  const answer = await fetch(await authorize(line, member));
  expect(answer.status).toBe(200);
  const { code } = await run.exited;
  expect(resultsIn(results)).toEqual({
    "authorization-server-metadata": "SUCCESS",
    "authorization-server-metadata-cimd": "SUCCESS",
    "authorization-code-grant": "SUCCESS",
  });
  expect(code).toBe(0);
});
