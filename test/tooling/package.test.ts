import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, onTestFailed, test } from "vitest";
import { z } from "zod";
import { outputOf, spawnProcess, stop, waitForLine, type RunningProcess } from "../support/processes.ts";
import { project } from "./support.ts";

const packageJson = z.object({ version: z.string(), files: z.array(z.string()) });
const packed = z.tuple([z.object({ filename: z.string(), files: z.array(z.object({ path: z.string() })) })]);
const key = z.object({ id: z.string(), key: z.string() });
const demoLine = z.object({ public_url: z.url(), keys: z.object({ reader: key, acme: key, revoked: key }) });
const problem = z.object({ code: z.string() });

/** Our own Node first on the PATH, and nothing of the `npm run` that may have started the tests. */
const ENV: NodeJS.ProcessEnv = {
  PATH: [dirname(process.execPath), process.env["PATH"] ?? ""].join(delimiter),
  npm_config_local_prefix: undefined,
  INIT_CWD: undefined,
  NODE_ENV: undefined,
  // What the shipped example may ask for.
  PORTCULLIS_PEPPER: "package-test-pepper-of-enough-length",
  PORTCULLIS_COOKIE_KEY: "package-test-cookie-key-of-enough-length",
};

let root: string;
let shipped: readonly string[];
let version: string;

async function succeed(program: string, args: readonly string[], cwd: string): Promise<string> {
  const run = spawnProcess(program, args, { cwd, env: ENV });
  const { code } = await run.exited;
  if (code !== 0) throw new Error(`exit ${code}: ${outputOf(run)}`);
  return run.stdout();
}

/** The npm that runs the tests, with the Node that it was started with; else the one of the PATH. */
async function npm(args: readonly string[], cwd: string): Promise<string> {
  const node = process.env["npm_node_execpath"];
  const cli = process.env["npm_execpath"];
  if (node !== undefined && cli?.endsWith("npm-cli.js") === true) return await succeed(node, [cli, ...args], cwd);
  return await succeed("npm", args, cwd);
}

function portcullis(args: readonly string[]): RunningProcess {
  return spawnProcess(join(root, "user/node_modules/.bin/portcullis"), args, { cwd: join(root, "user"), env: ENV });
}

/** Builds and packs in a copy, so that `dist/` stays as it is while other tests run. */
async function packCopy(stage: string): Promise<string> {
  const { files } = packageJson.parse(JSON.parse(await readFile(join(project, "package.json"), "utf8")));
  for (const name of ["package.json", ...files.filter((file) => file !== "dist")]) {
    await cp(join(project, name), join(stage, name), { recursive: true });
  }
  await succeed(process.execPath, [join(project, "scripts/build.ts"), "--out", join(stage, "dist")], project);
  const [tarball] = packed.parse(JSON.parse(await npm(["pack", "--json"], stage)));
  shipped = tarball.files.map((file) => file.path);
  return join(stage, tarball.filename);
}

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "portcullis-package-"));
  version = packageJson.parse(JSON.parse(await readFile(join(project, "package.json"), "utf8"))).version;
  await mkdir(join(root, "user"));
  await writeFile(join(root, "user/package.json"), `{ "name": "user", "private": true }`);
  const tarball = await packCopy(join(root, "stage"));
  await npm(["install", "--omit=dev", "--no-audit", "--no-fund", "--prefer-offline", tarball], join(root, "user"));
}, 180_000);

afterAll(async () => {
  await rm(root, { recursive: true, force: true });
});

describe("the packed package, installed in an empty project", () => {
  test("ships the build, the examples and the documents, and no sources or tests", () => {
    const others = shipped.filter((path) => !/^(?:dist\/(?:src|deploy\/demo)|config)\//.test(path));
    expect(others.toSorted()).toEqual(["CHANGELOG.md", "LICENSE", "README.md", "package.json"]);
    expect(shipped.filter((path) => path.endsWith(".ts") && !path.endsWith(".d.ts"))).toEqual([]);
  });

  test("says its version", async () => {
    const run = portcullis(["--version"]);
    await run.exited;
    expect(run.stdout()).toContain(version);
    expect(run.child.exitCode).toBe(0);
  });

  test("takes the configuration that it ships", async () => {
    const run = portcullis(["check", "--config", "node_modules/portcullis/config/portcullis.yaml"]);
    onTestFailed(() => console.error(outputOf(run)));
    await run.exited;
    expect(run.child.exitCode).toBe(0);
  });

  test("lets a request pass and refuses others, and ends on SIGTERM", async () => {
    const run = portcullis(["demo", "--json", "--port", "0"]);
    onTestFailed(() => console.error(outputOf(run)));
    const line = await waitForLine(run, (text, stream) => stream === "stdout" && text.startsWith("{"), 30_000);
    const demo = demoLine.parse(JSON.parse(line));
    const ask = (portal: string, bearer: string, method: string = "GET"): Promise<Response> =>
      fetch(new URL(`/api/portals/${portal}/tickets`, demo.public_url), {
        method,
        headers: { authorization: `Bearer ${bearer}` },
      });

    const allowed = await ask("acme", demo.keys.reader.key);
    expect(allowed.status).toBe(200);
    await allowed.body?.cancel();
    const refusals: [Promise<Response>, number, string][] = [
      [ask("acme", demo.keys.reader.key, "POST"), 403, "insufficient_scope"],
      [ask("globex", demo.keys.acme.key), 403, "portal_forbidden"],
      [ask("acme", demo.keys.revoked.key), 401, "credential_invalid"],
    ];
    for (const [answer, status, code] of refusals) {
      const response = await answer;
      expect([response.status, problem.parse(await response.json()).code]).toEqual([status, code]);
    }
    expect((await stop(run)).code).toBe(0);
  }, 60_000);
});
