import { parseDuration } from "../config/units.ts";
import { type CredentialId, isCredentialId } from "../core/ids.ts";
import { InvalidKeyRequest } from "../credentials/key-service.ts";
import type { ApiKeyRecord } from "../store/types.ts";
import { type Command, CommandFailure, type ExitCode, readArgs, type Terminal, UsageError } from "./command.ts";
import { requireConfig } from "./config-file.ts";
import { keyJson, keyLine, keyText } from "./key-text.ts";
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
  name: "keys",
  summary: "create, list, show, revoke and rotate API keys",
  usage: `portcullis keys create --name N --scope S [--scope S …] [--portal P] [--expires 90d] [--subject WHO]
portcullis keys list [--limit N] [--after ID]
portcullis keys show ID
portcullis keys revoke ID
portcullis keys rotate ID [--overlap 1h]
(each with [--config FILE] [--json])`,
  async run(args, terminal) {
    const { values, positionals } = readArgs(args, OPTIONS);
    const [action, id, ...rest] = positionals;
    if (rest.length > 0) throw new UsageError(`unexpected argument: ${rest[0]}`);
    const act = ACTIONS[action ?? ""];
    if (act === undefined) throw new UsageError(action === undefined ? "say what to do" : `unknown action: ${action}`);
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
    about: ({ record }) => ({ target: record.id, detail: `scopes ${record.scopes.join(" ")}` }),
  });
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
  const record = await desk.change({
    action: "key.revoke",
    always: true,
    make: () => desk.keys.revoke(key),
    about: (revoked) => (revoked === null ? null : { target: revoked.id, detail: "" }),
  });
  if (record === null) throw new CommandFailure(`no key ${id}`);
  if (values.json === true) printRecord(record, values, terminal);
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
      made.kind === "rotated" ? { target: made.old.id, detail: `replaced by ${made.record.id}` } : null,
  });
  if (outcome.kind === "not_found") throw new CommandFailure(`no key ${id}`);
  if (outcome.kind === "not_active") throw new CommandFailure(`${id} is revoked, expired or rotated already`);
  printIssued(outcome.key, outcome.record, values, terminal);
  return 0;
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
  if (text === undefined) throw new UsageError("give the id of the key, such as key_…");
  if (!isCredentialId(text)) throw new UsageError("that is not the id of a key; ids start with key_");
  return text;
}

function duration(text: string, option: string): number {
  const ms = text === "0" ? 0 : parseDuration(text);
  if (ms === null) throw new UsageError(`${option} takes a time such as 30m, 12h or 90d`);
  return ms;
}
