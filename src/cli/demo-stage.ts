import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { startDemoService } from "../../deploy/demo/service/server.ts";
import type { Actor } from "../administration/actor.ts";
import { startApp } from "../app/app.ts";
import type { CredentialId } from "../core/ids.ts";
import { PACKAGE_ROOT } from "../app/version.ts";
import type { Terminal } from "./command.ts";
import { requireConfig } from "./config-file.ts";
import { type Desk, withDesk } from "./desk.ts";
import { portFailure } from "./port-failure.ts";

export interface DemoOptions {
  /** Port of the public listener; the admin listener takes the next. 0 takes free ones. */
  readonly port: number;
  /** Another store than a new embedded one. */
  readonly store: string | undefined;
  /** Folder for the database and the audit file; a new one in the system's temporary folder where not given. */
  readonly data: string | undefined;
}

export interface DemoKey {
  readonly id: CredentialId;
  readonly key: string;
}

/** The seeded keys with their scopes. Their names are part of what `demo --json` promises. */
const SCOPES = {
  reader: ["tickets:read"],
  writer: ["tickets:read", "tickets:write"],
  acme: ["tickets:read"],
  workflows: ["workflows:*"],
  manager: [
    "tickets:read",
    "tickets:write",
    "workflows:*",
    "portals:read",
    "portals:write",
    "users:read",
    "users:write",
  ],
  revoked: ["tickets:read"],
} satisfies Readonly<Record<string, readonly string[]>>;

type DemoKeyName = keyof typeof SCOPES;

/** Somebody who can sign in. */
export interface DemoPerson {
  readonly email: string;
  readonly password: string;
}

/** The seeded people: an administrator, and a member who may grant all scopes on all portals. */
export interface DemoPeople {
  readonly admin: DemoPerson;
  readonly member: DemoPerson;
}

/** The demo, up: a ticket service that knows nothing of keys, the sidecar in front, and seeded keys. */
export interface DemoStage {
  readonly publicUrl: string;
  readonly adminUrl: string;
  readonly serviceUrl: string;
  readonly dataDir: string;
  readonly keys: Readonly<Record<DemoKeyName, DemoKey>>;
  readonly people: DemoPeople;
  /** Makes one more key, as the command line does. */
  issue(name: string, scopes: readonly string[]): Promise<DemoKey>;
  /** Revokes a key, as the command line does. */
  revoke(id: CredentialId): Promise<void>;
  /** Requests under way at the sidecar. */
  openRequests(): number;
  /** What open requests get at the end, ms. */
  readonly drainMs: number;
  close(): Promise<void>;
}

/** Starts the demo and seeds it. Rejects, with nothing left running, where a port is taken. */
export async function startDemo(options: DemoOptions, terminal: Terminal): Promise<DemoStage> {
  const dataDir = await dataFolder(options.data);
  const service = await startDemoService({ port: 0 });
  try {
    const env = {
      ...terminal.env,
      DEMO_SERVICE: service.url,
      DEMO_PUBLIC: `127.0.0.1:${options.port}`,
      DEMO_ADMIN: `127.0.0.1:${options.port === 0 ? 0 : options.port + 1}`,
      DEMO_DATA: dataDir,
      DEMO_STORE: options.store ?? `sqlite:${join(dataDir, "portcullis.db")}`,
      DEMO_PEPPER: randomBytes(32).toString("base64url"),
    };
    const staged = { ...terminal, env };
    await fillIn("demo.rules.yaml", dataDir, env);
    const config = await requireConfig(await fillIn("demo.yaml", dataDir, env), staged);
    const { keys, people } = await withDesk(config, staged, seed);
    const app = await startApp(config, { env }).catch((error: unknown) => {
      throw portFailure(error, config, "try: npm run demo -- --port 0") ?? error;
    });
    // With the ports that were free: what a token is for is told by the public one.
    const { host: publicHost } = new URL(app.publicUrl);
    const { host: adminHost } = new URL(app.adminUrl);
    await fillIn("demo.yaml", dataDir, { ...env, DEMO_PUBLIC: publicHost, DEMO_ADMIN: adminHost });
    return {
      publicUrl: app.publicUrl,
      adminUrl: app.adminUrl,
      serviceUrl: service.url,
      dataDir,
      keys,
      people,
      issue: (name, scopes) =>
        withDesk(config, staged, (desk) => byDemo(desk, (actor) => issue(desk, actor, name, scopes))),
      revoke: (id) => withDesk(config, staged, (desk) => byDemo(desk, (actor) => revoke(desk, actor, id))),
      openRequests: () => app.openRequests(),
      drainMs: config.limits.drain,
      async close() {
        await app.close();
        await service.close();
      },
    };
  } catch (error) {
    await service.close();
    throw error;
  }
}

/** Writes a file of the demo's configuration, filled in, so that other commands can be tried on the running demo. */
async function fillIn(name: string, dataDir: string, env: NodeJS.ProcessEnv): Promise<string> {
  const text = await readFile(join(PACKAGE_ROOT, "config", name), "utf8");
  const filled = text.replaceAll(/\$\{(DEMO_[A-Z]+)\}/g, (_match, variable: string) => env[variable] ?? "");
  const file = join(dataDir, name);
  await writeFile(file, filled.replace(/^# yaml-language-server.*\n/m, ""), { mode: 0o600 });
  return file;
}

async function dataFolder(given: string | undefined): Promise<string> {
  if (given === undefined) return mkdtemp(join(tmpdir(), "portcullis-demo-"));
  const folder = resolve(given);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  return folder;
}

/** What the demo does itself stands in the audit under its name. */
function byDemo<T>(desk: Desk, make: (actor: Actor) => Promise<T>): Promise<T> {
  return desk.change((actor) => make({ ...actor, subject: "demo" }));
}

function seed(desk: Desk): Promise<Pick<DemoStage, "keys" | "people">> {
  return byDemo(desk, async (actor) => {
    const one = (name: DemoKeyName, portal?: string): Promise<DemoKey> =>
      issue(desk, actor, name, SCOPES[name], portal);
    const keys = {
      reader: await one("reader"),
      writer: await one("writer"),
      acme: await one("acme", "acme"),
      workflows: await one("workflows"),
      manager: await one("manager"),
      revoked: await one("revoked"),
    };
    await revoke(desk, actor, keys.revoked.id);
    const people = { admin: await person(desk, actor, "admin"), member: await person(desk, actor, "member") };
    return { keys, people };
  });
}

/** With a store that is kept, the demo of before has made them: then they get a new password. */
async function person({ administration }: Desk, actor: Actor, role: "admin" | "member"): Promise<DemoPerson> {
  const { people } = administration;
  const email = `${role}@demo.example`;
  const password = randomBytes(12).toString("base64url");
  const known = await people.get(email);
  if (known === null) {
    const name = role === "admin" ? "Ada Admin" : "Max Member";
    await people.add(actor, { email, name, role, scopes: "all", portals: "all", password });
  } else {
    await people.setPassword(actor, known.id, password);
  }
  return { email, password };
}

async function issue(
  { administration }: Desk,
  actor: Actor,
  name: string,
  scopes: readonly string[],
  portal: string | null = null,
): Promise<DemoKey> {
  const wanted = { name: `demo ${name}`, scopes, portal, expiresInMs: null, subject: `demo-${name}` };
  const { key, record } = await administration.keys.create(actor, wanted);
  return { id: record.id, key };
}

async function revoke({ administration }: Desk, actor: Actor, id: CredentialId): Promise<void> {
  const { kind } = await administration.keys.revoke(actor, id);
  if (kind === "not_found") throw new Error(`there is no key ${id}`);
}
