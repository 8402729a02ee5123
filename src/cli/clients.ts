import type { ClientChanged } from "../administration/administration.ts";
import { type ClientId, isClientId } from "../core/ids.ts";
import { isClientPolicy } from "../oauth/access-service.ts";
import { CLIENT_SECRET_PREFIX } from "../oauth/clients-service.ts";
import type { ClientRecord } from "../store/clients.ts";
import { clientGrantText, clientJson, clientLine, clientText } from "./client-text.ts";
import { CLIENT_ACTIONS } from "./clients-help.ts";
import {
  CHANGED_MEANWHILE,
  type Command,
  CommandFailure,
  type ExitCode,
  readArgs,
  type Terminal,
  UsageError,
} from "./command.ts";
import { type Call, deskCommand } from "./desk-command.ts";
import { plain, printList } from "./list-text.ts";
import { limitOf, namesOf } from "./options.ts";

const OPTIONS = {
  config: { type: "string" },
  json: { type: "boolean" },
  "no-wait": { type: "boolean" },
  name: { type: "string" },
  "redirect-uri": { type: "string", multiple: true },
  confidential: { type: "boolean" },
  "grant-type": { type: "string", multiple: true },
  scope: { type: "string", multiple: true },
  portal: { type: "string" },
  limit: { type: "string" },
} as const;

const read = (args: readonly string[]) => readArgs(args, OPTIONS);
type Values = ReturnType<typeof read>["values"];
type Context = Call<Values>;

/** `portcullis clients`: OAuth clients at the terminal. */
export const clients: Command = deskCommand({
  name: "clients",
  help: CLIENT_ACTIONS,
  read,
  alone: ["add", "list"],
  actions: { add, list, show, approve, disable, enable, "rotate-secret": rotateSecret, policy },
});

async function add({ desk, values, terminal }: Context): Promise<ExitCode> {
  if (values.name === undefined) throw new UsageError("--name is needed");
  const wanted = {
    name: values.name,
    redirectUris: values["redirect-uri"] ?? [],
    confidential: values.confidential === true,
    grantTypes: namesOf(values["grant-type"]) ?? [],
    scopes: namesOf(values.scope) ?? [],
    portal: values.portal ?? null,
  };
  const issued = await desk.change((actor) => desk.administration.clients.add(actor, wanted));
  printIssued(issued, values, terminal);
  return 0;
}

function printIssued(
  { record, secret }: { readonly record: ClientRecord; readonly secret: string | null },
  values: Values,
  terminal: Terminal,
): void {
  if (values.json === true) {
    const shown = secret === null ? {} : { client_secret: secret };
    terminal.out(`${JSON.stringify({ ...clientJson(record), ...shown })}\n`);
    return;
  }
  terminal.error(`${JSON.stringify(record.name)}: ${clientGrantText(record)}\n`);
  terminal.out(`${record.id}\n${secret === null ? "" : `${secret}\n`}`);
  if (secret !== null) terminal.error("The second line is the client secret. Copy it now: it is shown only once.\n");
}

async function list({ desk, values, terminal }: Context): Promise<ExitCode> {
  const { items } = await desk.administration.clients.list({ limit: limitOf(values.limit) });
  const none = "no clients yet; add one with: portcullis clients add";
  printList(items, { json: values.json, asJson: clientJson, line: clientLine, none }, terminal);
  return 0;
}

async function show({ desk, id, values, terminal }: Context): Promise<ExitCode> {
  const record = await desk.administration.clients.get(clientId(id));
  if (record === null) throw new CommandFailure(`no client ${id}`);
  printRecord(record, values, terminal);
  return 0;
}

async function approve({ desk, id, values, terminal }: Context): Promise<ExitCode> {
  const client = clientId(id);
  const limits = { scopes: namesOf(values.scope) ?? null, portal: values.portal ?? null };
  const change = await desk.change((actor) => desk.administration.clients.approve(actor, client, limits));
  if (change.kind === "wrong_status") {
    throw new CommandFailure(`${client} is disabled; let it in again with: portcullis clients enable ${client}`);
  }
  return tell(change, { id: client, values, terminal }, { done: "approved", already: "is approved already" });
}

async function enable({ desk, id, values, terminal }: Context): Promise<ExitCode> {
  const client = clientId(id);
  const change = await desk.change((actor) => desk.administration.clients.enable(actor, client));
  if (change.kind === "wrong_status") {
    throw new CommandFailure(`${client} waits for approval; approve it with: portcullis clients approve ${client}`);
  }
  return tell(change, { id: client, values, terminal }, { done: "enabled", already: "is in use already" });
}

async function disable({ desk, id, values, terminal }: Context): Promise<ExitCode> {
  const client = clientId(id);
  const { value: change } = await desk.take(values, (actor) => desk.administration.clients.disable(actor, client));
  const ended = change.grantsEnded === 1 ? "1 grant ended" : `${change.grantsEnded ?? 0} grants ended`;
  const words = { done: `disabled (${ended})`, already: "is disabled already" };
  return tell(change, { id: client, values, terminal }, words);
}

function tell(
  change: ClientChanged,
  { id, values, terminal }: { readonly id: ClientId; readonly values: Values; readonly terminal: Terminal },
  words: { readonly done: string; readonly already: string },
): ExitCode {
  if (change.kind === "not_found") throw new CommandFailure(`no client ${id}`);
  if (change.kind === "conflict") throw new CommandFailure(CHANGED_MEANWHILE);
  const { kind, record } = change;
  if (values.json === true) printRecord(record, values, terminal);
  else if (kind === "changed") terminal.out(`${words.done} ${record.id} (${plain(record.name)})\n`);
  else terminal.out(`${record.id} (${plain(record.name)}) ${words.already}\n`);
  return 0;
}

async function rotateSecret({ desk, id, values, terminal }: Context): Promise<ExitCode> {
  const client = clientId(id);
  const rotation = await desk.change((actor) => desk.administration.clients.rotateSecret(actor, client));
  if (rotation.kind === "not_found") throw new CommandFailure(`no client ${client}`);
  if (rotation.kind === "no_secret") throw new CommandFailure(`${client} is a public client: it has no secret`);
  const { record, secret } = rotation;
  if (values.json === true) {
    terminal.out(`${JSON.stringify({ ...clientJson(record), client_secret: secret })}\n`);
    return 0;
  }
  terminal.out(`${secret}\n`);
  terminal.error("The old secret has stopped working. Copy this one now: it is shown only once.\n");
  return 0;
}

async function policy({ desk, id: wanted, values, terminal }: Context): Promise<ExitCode> {
  const { access } = desk.administration;
  if (wanted !== undefined && !isClientPolicy(wanted)) throw new UsageError("the policy is approved, open or off");
  if (wanted !== undefined) await desk.change((actor) => access.set(actor, { clientPolicy: wanted }));
  const { clientPolicy } = await access.read();
  terminal.out(values.json === true ? `${JSON.stringify({ client_policy: clientPolicy })}\n` : `${clientPolicy}\n`);
  return 0;
}

function printRecord(record: ClientRecord, values: Values, terminal: Terminal): void {
  terminal.out(values.json === true ? `${JSON.stringify(clientJson(record))}\n` : clientText(record));
}

function clientId(text: string | undefined): ClientId {
  if (text === undefined) throw new UsageError("give the id of the client; `clients list` shows it");
  if (text.startsWith(CLIENT_SECRET_PREFIX)) {
    throw new UsageError("that is a client secret, not an id; `clients list` shows ids");
  }
  if (!isClientId(text)) throw new UsageError("not the id of a client; `clients list` shows it");
  return text;
}
