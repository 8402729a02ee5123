import { parseDuration } from "../config/units.ts";
import { type CredentialId, isCredentialId } from "../core/ids.ts";
import { KEY_PREFIX } from "../core/key-prefix.ts";
import { suggestion } from "../core/suggest.ts";
import { InvalidKeyRequest } from "../credentials/key-service.ts";
import type { ApiKeyRecord } from "../store/types.ts";
import {
  type Command,
  CommandFailure,
  type ExitCode,
  pickAction,
  readArgs,
  type Terminal,
  UsageError,
} from "./command.ts";
import { requireConfig } from "./config-file.ts";
import { grantText, isoTime, keyJson, keyLine, keyText } from "./key-text.ts";
import { KEY_ACTIONS } from "./keys-help.ts";
import { type KeyDesk, withKeyDesk } from "./key-store.ts";

const OPTIONS = {
  config: { type: "string" },
  json: { type: "boolean" },
  name: { type: "string" },
  scope: { type: "string", multiple: true },
  portal: { type: "string" },
  subject: { type: "string" },
  expires: { type: "string" },
  overlap: { type: "string" },
  limit: { type: "string" },
  after: { type: "string" },
} as const;

type Values = ReturnType<typeof readArgs<typeof OPTIONS>>["values"];

/** `portcullis keys`: life of API keys at the terminal. */
export const keys: Command = {
  usage: Object.values(KEY_ACTIONS)
    .map(({ usage }) => usage)
    .join("\n"),
  details: "`portcullis keys ACTION --help` tells the options of each action.",
  actions: KEY_ACTIONS,
  async run(args, terminal) {
    const { values, positionals } = readArgs(args, OPTIONS);
    const [action, id, ...rest] = positionals;
    if (rest.length > 0) throw new UsageError(`unexpected argument: ${rest[0]}`);
    const act = pickAction(ACTIONS, action);
    if ((action === "create" || action === "list") && id !== undefined) {
      throw new UsageError(`unexpected argument: ${id}`);
    }
    const config = await requireConfig(values.config, terminal);
    try {
      return await withKeyDesk(config, terminal, (desk) => act({ desk, values, id, terminal }));
    } catch (error) {
      if (error instanceof InvalidKeyRequest) throw new CommandFailure(error.problems.join("\n"));
      throw error;
    }
  },
};

interface Context {
  readonly desk: KeyDesk;
  readonly values: Values;
  readonly id: string | undefined;
  readonly terminal: Terminal;
}

const ACTIONS: Readonly<Record<string, (context: Context) => Promise<ExitCode>>> = {
  create,
  list,
  show,
  revoke,
  rotate,
};

async function create({ desk, values, terminal }: Context): Promise<ExitCode> {
  if (values.name === undefined) throw new UsageError("--name is needed");
  if (values.scope === undefined) throw new UsageError("--scope is needed, once for each scope");
  checkPortal(values.portal, desk);
  const request = {
    name: values.name,
    scopes: values.scope.flatMap((scope) => scope.split(",")),
    portal: values.portal ?? null,
    expiresInMs: values.expires === undefined ? null : duration(values.expires, "--expires"),
    subject: values.subject ?? desk.operator,
    createdBy: desk.operator,
  };
  const issued = await desk.change({
    action: "key.create",
    make: () => desk.keys.create(request),
    about: ({ record }) => ({ target: record.id, detail: grantText(record, "all portals") }),
  });
  if (values.json !== true) {
    const { record } = issued;
    const granted = grantText(record, "ALL portals (restrict with --portal)");
    terminal.error(`${record.id} ${JSON.stringify(record.name)}: ${granted}\n`);
  }
  printIssued(issued.key, issued.record, values, terminal);
  return 0;
}

async function list({ desk, values, terminal }: Context): Promise<ExitCode> {
  const limit = values.limit === undefined ? 100 : Number(values.limit);
  if (!Number.isInteger(limit) || limit < 1 || limit > 1000) throw new UsageError("--limit is 1 to 1000");
  const after = values.after === undefined ? {} : { after: credentialId(values.after) };
  const records = await desk.keys.list({ ...after, limit });
  const now = Date.now();
  if (values.json === true) terminal.out(`${JSON.stringify(records.map((record) => keyJson(record, now)))}\n`);
  else if (records.length === 0) terminal.out("no keys yet; make one with: portcullis keys create\n");
  else terminal.out(records.map((record) => `${keyLine(record, now)}\n`).join(""));
  return 0;
}

async function show({ desk, id, values, terminal }: Context): Promise<ExitCode> {
  const record = await desk.keys.get(credentialId(id));
  if (record === null) throw new CommandFailure(`no key ${id}`);
  printRecord(record, values, terminal);
  return 0;
}

async function revoke({ desk, id, values, terminal }: Context): Promise<ExitCode> {
  const key = credentialId(id);
  const { before, record } = await desk.change({
    action: "key.revoke",
    always: true,
    make: async () => ({ before: await desk.keys.get(key), record: await desk.keys.revoke(key) }),
    about: (made) => {
      if (made.record === null || made.before?.revokedAt != null) return null;
      return { target: made.record.id, detail: "" };
    },
  });
  if (record === null) throw new CommandFailure(`no key ${id}`);
  const already = isoTime(before?.revokedAt ?? null);
  if (values.json === true) printRecord(record, values, terminal);
  else if (already !== null) terminal.out(`${record.id} (${record.name}) was revoked already, at ${already}.\n`);
  else terminal.out(`revoked ${record.id} (${record.name}). This cannot be undone.\n`);
  return 0;
}

async function rotate({ desk, id, values, terminal }: Context): Promise<ExitCode> {
  const overlapMs = values.overlap === undefined ? 0 : duration(values.overlap, "--overlap");
  const key = credentialId(id);
  const outcome = await desk.change({
    action: "key.rotate",
    make: () => desk.keys.rotate(key, { overlapMs }),
    about: (made) =>
      made.kind === "rotated"
        ? { target: made.old.id, detail: `replaced by ${made.record.id}; overlap ${values.overlap ?? "0"}` }
        : null,
  });
  if (outcome.kind === "not_found") throw new CommandFailure(`no key ${id}`);
  if (outcome.kind === "not_active") throw new CommandFailure(whyNotActive(key, await desk.keys.get(key)));
  if (values.json !== true) {
    const end = isoTime(overlapMs === 0 ? null : outcome.old.expiresAt);
    const fate =
      end === null ? "has stopped working; --overlap 1h would have kept it for an hour" : `works until ${end}`;
    terminal.error(`The old key ${outcome.old.id} ${fate}.\n`);
  }
  printIssued(outcome.key, outcome.record, values, terminal);
  return 0;
}

function whyNotActive(id: CredentialId, record: ApiKeyRecord | null): string {
  if (record?.revokedAt != null) return `${id} was revoked at ${isoTime(record.revokedAt)}`;
  if (record?.replacedBy != null) return `${id} was rotated already: ${record.replacedBy} took its place`;
  return `${id} expired at ${isoTime(record?.expiresAt ?? null)}; make another with: portcullis keys create`;
}

/** A slip in the name of a portal makes a key that fits nowhere. Where the rules list none, any will do. */
function checkPortal(portal: string | undefined, { policy: { portals } }: KeyDesk): void {
  if (portal === undefined || portals.length === 0 || portals.some(({ id }) => id === portal)) return;
  const known = portals.map(({ id }) => id);
  throw new CommandFailure(
    `unknown portal ${JSON.stringify(portal)}${suggestion(portal, known)}; \`portals:\` of the rules has: ${known.join(", ")}`,
  );
}

function printIssued(key: string, record: ApiKeyRecord, values: Values, terminal: Terminal): void {
  if (values.json === true) {
    terminal.out(`${JSON.stringify({ ...keyJson(record, Date.now()), key })}\n`);
    return;
  }
  terminal.out(`${key}\n`);
  terminal.error(`This is ${record.id}. Copy the key now: it is shown only once.\n`);
}

function printRecord(record: ApiKeyRecord, values: Values, terminal: Terminal): void {
  const now = Date.now();
  terminal.out(values.json === true ? `${JSON.stringify(keyJson(record, now))}\n` : keyText(record, now));
}

function credentialId(text: string | undefined): CredentialId {
  if (text === undefined) throw new UsageError("give the id of the key, key_…; `keys list` shows it");
  if (text.startsWith(KEY_PREFIX)) {
    throw new UsageError("that is a key, not its id; the id is key_…, and `keys list` shows it");
  }
  if (!isCredentialId(text)) {
    throw new UsageError("not the id of a key: that is key_ with 20 letters and digits; `keys list` shows it");
  }
  return text;
}

function duration(text: string, option: string): number {
  const ms = text === "0" ? 0 : parseDuration(text);
  if (ms === null) throw new UsageError(`${option} takes a time such as 30m, 12h or 90d`);
  return ms;
}
