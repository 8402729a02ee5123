import { type CredentialId, isCredentialId } from "../core/ids.ts";
import { KEY_PREFIX } from "../core/key-prefix.ts";
import { spreadJson } from "../revocation/spread-text.ts";
import type { ApiKeyRecord } from "../store/types.ts";
import { type Command, CommandFailure, type ExitCode, readArgs, type Terminal, UsageError } from "./command.ts";
import { type Call, deskCommand } from "./desk-command.ts";
import { grantText, keyJson, keyLine, keyText } from "./key-text.ts";
import { KEY_ACTIONS } from "./keys-help.ts";
import { isoTime, plain, printList } from "./list-text.ts";
import { durationOf, limitOf, namesOf } from "./options.ts";

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
  "no-wait": { type: "boolean" },
} as const;

const read = (args: readonly string[]) => readArgs(args, OPTIONS);
type Values = ReturnType<typeof read>["values"];
type Context = Call<Values>;

/** `portcullis keys`: life of API keys at the terminal. */
export const keys: Command = deskCommand({
  name: "keys",
  help: KEY_ACTIONS,
  read,
  alone: ["create", "list"],
  actions: { create, list, show, revoke, rotate },
});

async function create({ desk, values, terminal }: Context): Promise<ExitCode> {
  const { expires, name, portal = null, subject } = values;
  if (name === undefined) throw new UsageError("--name is needed");
  const scopes = namesOf(values.scope);
  if (scopes === undefined) throw new UsageError("--scope is needed, once for each scope");
  const expiresInMs = expires === undefined ? null : durationOf(expires, "--expires");
  const wanted = { name, scopes, portal, expiresInMs, subject };
  const { key, record } = await desk.change((actor) => desk.administration.keys.create(actor, wanted));
  if (values.json !== true) {
    const granted = grantText(record, "ALL portals (restrict with --portal)");
    terminal.error(`${record.id} ${JSON.stringify(record.name)}: ${granted}\n`);
  }
  printIssued(key, record, values, terminal);
  return 0;
}

async function list({ desk, values, terminal }: Context): Promise<ExitCode> {
  const limit = limitOf(values.limit);
  const after = values.after === undefined ? undefined : credentialId(values.after);
  const { items } = await desk.administration.keys.list({ after, limit });
  const now = Date.now();
  const how = {
    json: values.json,
    asJson: (record: ApiKeyRecord) => keyJson(record, now),
    line: (record: ApiKeyRecord) => keyLine(record, now),
    none: "no keys yet; make one with: portcullis keys create",
  };
  printList(items, how, terminal);
  return 0;
}

async function show({ desk, id, values, terminal }: Context): Promise<ExitCode> {
  const record = await desk.administration.keys.get(credentialId(id));
  if (record === null) throw new CommandFailure(`no key ${id}`);
  printRecord(record, values, terminal);
  return 0;
}

async function revoke({ desk, id, values, terminal }: Context): Promise<ExitCode> {
  const key = credentialId(id);
  const { spread, value: outcome } = await desk.take(values, (actor) => desk.administration.keys.revoke(actor, key));
  if (outcome.kind === "not_found") throw new CommandFailure(`no key ${id}`);
  const { kind, record } = outcome;
  const what = `${record.id} (${plain(record.name)})`;
  const json = { ...keyJson(record, Date.now()), applied: spreadJson(spread) };
  if (values.json === true) terminal.out(`${JSON.stringify(json)}\n`);
  else if (kind === "unchanged") terminal.out(`${what} was revoked already, at ${isoTime(record.revokedAt)}.\n`);
  else terminal.out(`revoked ${what}. This cannot be undone.\n`);
  return 0;
}

async function rotate({ desk, id, values, terminal }: Context): Promise<ExitCode> {
  const overlapMs = values.overlap === undefined ? 0 : durationOf(values.overlap, "--overlap");
  const key = credentialId(id);
  const { keys: service } = desk.administration;
  const outcome = await desk.change((actor) => service.rotate(actor, key, { overlapMs }));
  if (outcome.kind === "not_found") throw new CommandFailure(`no key ${id}`);
  if (outcome.kind === "not_active") throw new CommandFailure(whyNotActive(key, await service.get(key)));
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
