import type { AdminTokenView } from "../administration/administration.ts";
import { systemClock } from "../core/clock.ts";
import {
  type Command,
  CommandFailure,
  COMMON_OPTIONS,
  EXIT_CODES,
  type ExitCode,
  readArgs,
  UsageError,
} from "./command.ts";
import { type Call, deskCommand } from "./desk-command.ts";
import { isoTime, plain, printList } from "./list-text.ts";
import { durationOf } from "./options.ts";

const OPTIONS = {
  config: { type: "string" },
  json: { type: "boolean" },
  name: { type: "string" },
  expires: { type: "string" },
} as const;

const read = (args: readonly string[]) => readArgs(args, OPTIONS);
type Values = ReturnType<typeof read>["values"];
type Context = Call<Values>;

const TOKEN_ACTIONS = {
  create: {
    usage: "portcullis tokens create --name NAME [--expires 90d] [--config FILE] [--json]",
    details: `Prints the token once, alone on standard output. It may do all that an administrator may, but
make tokens or administrators or set passwords. Keep it as a password.

  --name NAME     what the audit calls who uses it: 1 to 60 letters, digits, spaces, dots, _ or -
  --expires LIFE  such as 12h or 90d (default: never)
${COMMON_OPTIONS}

${EXIT_CODES}

Example: portcullis tokens create --name deploy --expires 90d`,
  },
  list: {
    usage: "portcullis tokens list [--config FILE] [--json]",
    details: `Newest first, revoked ones too; 500 at most.

${COMMON_OPTIONS}

${EXIT_CODES}`,
  },
  revoke: {
    usage: "portcullis tokens revoke ID [--config FILE] [--json]",
    details: `Final, from the next request on. To revoke it again changes nothing.
ID is the id of a token, adm_…, as \`tokens list\` shows it.

${COMMON_OPTIONS}

${EXIT_CODES}`,
  },
} as const;

/** `portcullis tokens`: admin tokens, which scripts use the API with. */
export const tokens: Command = deskCommand({
  name: "tokens",
  help: TOKEN_ACTIONS,
  read,
  alone: ["create", "list"],
  actions: { create, list, revoke },
});

async function create({ desk, values, terminal }: Context): Promise<ExitCode> {
  const { expires, name } = values;
  if (name === undefined) throw new UsageError("give the token a --name");
  const expiresInMs = expires === undefined ? null : durationOf(expires, "--expires");
  const wanted = { name, expiresInMs };
  const { record, token } = await desk.change((actor) => desk.administration.tokens.create(actor, wanted));
  if (values.json === true) terminal.out(`${JSON.stringify({ ...tokenJson(record), token })}\n`);
  else {
    terminal.out(`${token}\n`);
    terminal.error(`${tokenLine(record)}\nThis is the only time that the token is shown.\n`);
  }
  return 0;
}

const MOST = 500;

async function list({ desk, values, terminal }: Context): Promise<ExitCode> {
  const { items } = await desk.administration.tokens.list({ limit: MOST });
  const none = "there are no admin tokens";
  printList(items, { json: values.json, asJson: tokenJson, line: tokenLine, none }, terminal);
  return 0;
}

async function revoke({ desk, id, values, terminal }: Context): Promise<ExitCode> {
  if (id === undefined) throw new UsageError("give the id of the token, adm_…; `tokens list` shows it");
  const outcome = await desk.change((actor) => desk.administration.tokens.revoke(actor, id));
  if (outcome.kind === "not_found") throw new CommandFailure(`no token ${id}`);
  const { kind, record } = outcome;
  if (values.json === true) terminal.out(`${JSON.stringify(tokenJson(record))}\n`);
  else if (kind === "unchanged") terminal.out(`${record.id} was revoked already, at ${isoTime(record.revokedAt)}.\n`);
  else terminal.out(`revoked ${record.id}. This cannot be undone.\n`);
  return 0;
}

function tokenJson(record: AdminTokenView): Record<string, unknown> {
  return {
    id: record.id,
    name: record.name,
    state: stateOf(record),
    created_at: isoTime(record.createdAt),
    created_by: record.createdBy,
    expires_at: isoTime(record.expiresAt),
    revoked_at: isoTime(record.revokedAt),
    last_used_at: isoTime(record.lastUsedAt),
  };
}

function stateOf({ expiresAt, revokedAt }: AdminTokenView): "active" | "expired" | "revoked" {
  if (revokedAt !== null) return "revoked";
  return expiresAt !== null && expiresAt <= systemClock.now() ? "expired" : "active";
}

function tokenLine(record: AdminTokenView): string {
  const { createdBy, expiresAt, id, name } = record;
  return [
    id,
    stateOf(record).padEnd(7),
    name,
    `by ${plain(createdBy)}`,
    `expires ${isoTime(expiresAt) ?? "never"}`,
  ].join("  ");
}
