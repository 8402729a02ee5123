import { randomBytes } from "node:crypto";
import { createTokensAdministration } from "../administration/admin-tokens.ts";
import type { AdminTokenView, TokensAdministration } from "../administration/administration.ts";
import type { ChangeAudit } from "../administration/audit-trail.ts";
import { createAuditTrail } from "../administration/audit-trail.ts";
import { InvalidRequest } from "../administration/outcomes.ts";
import { parseDuration } from "../config/units.ts";
import { systemClock } from "../core/clock.ts";
import { createAdminTokens } from "../store/admin-tokens.ts";
import {
  type Command,
  CommandFailure,
  CONFIG_OPTION,
  type ExitCode,
  JSON_OPTION,
  pickAction,
  readArgs,
  type Terminal,
  UsageError,
} from "./command.ts";
import { requireConfig } from "./config-file.ts";
import { type KeyDesk, withKeyDesk } from "./key-store.ts";
import { isoTime } from "./key-text.ts";

const OPTIONS = {
  config: { type: "string" },
  json: { type: "boolean" },
  name: { type: "string" },
  expires: { type: "string" },
} as const;

type Values = ReturnType<typeof readArgs<typeof OPTIONS>>["values"];

const EXIT = "Exit codes: 0 done, 1 it could not be done, 2 wrong usage.";

const TOKEN_ACTIONS = {
  create: {
    usage: "portcullis tokens create --name NAME [--expires 90d] [--config FILE] [--json]",
    details: `Prints the token once, alone on standard output. It may do all that an administrator may: keep it as a password.

  --name NAME     what the audit calls who uses it: 1 to 60 letters, digits, spaces, dots, _ or -
  --expires LIFE  such as 12h or 90d (default: never)
${CONFIG_OPTION}
${JSON_OPTION}

${EXIT}

Example: portcullis tokens create --name deploy --expires 90d`,
  },
  list: {
    usage: "portcullis tokens list [--config FILE] [--json]",
    details: `Newest first, revoked ones too; 500 at most.

${CONFIG_OPTION}
${JSON_OPTION}

${EXIT}`,
  },
  revoke: {
    usage: "portcullis tokens revoke ID [--config FILE] [--json]",
    details: `Final, from the next request on. To revoke it again changes nothing.
ID is the id of a token, adm_…, as \`tokens list\` shows it.

${CONFIG_OPTION}
${JSON_OPTION}

${EXIT}`,
  },
} as const;

interface TokenDesk extends Pick<KeyDesk, "change"> {
  readonly tokens: TokensAdministration;
  readonly actor: { readonly subject: string; readonly kind: "cli"; readonly address: null; readonly requestId: null };
}

type Act = (desk: TokenDesk, id: string | undefined, values: Values, terminal: Terminal) => Promise<ExitCode>;
const ACTIONS: Readonly<Record<string, Act>> = { create, list, revoke };

/** `portcullis tokens`: admin tokens, which scripts use the API with. */
export const tokens: Command = {
  usage: Object.values(TOKEN_ACTIONS)
    .map(({ usage }) => usage)
    .join("\n"),
  details: "`portcullis tokens ACTION --help` tells the options of each action.",
  actions: TOKEN_ACTIONS,
  async run(args, terminal) {
    const { values, positionals } = readArgs(args, OPTIONS);
    const [action, id, ...rest] = positionals;
    const act = pickAction(ACTIONS, action);
    const extra = action === "revoke" ? rest[0] : id;
    if (extra !== undefined) throw new UsageError(`unexpected argument: ${extra}`);
    if (action === "revoke" && id === undefined) throw new UsageError("give the id of the token, adm_…");
    const config = await requireConfig(values.config, terminal);
    return withKeyDesk(config, terminal, (desk) => {
      const administration = createTokensAdministration({
        tokens: createAdminTokens(desk.store.documents),
        digester: desk.digester,
        clock: systemClock,
        randomBytes,
        trail: createAuditTrail(UNHEARD),
      });
      const actor = { subject: desk.operator, kind: "cli", address: null, requestId: null } as const;
      return act({ ...desk, tokens: administration, actor }, id, values, terminal);
    });
  },
};

/** Commands write their line of the audit by `change`, which opens the file for it. */
const UNHEARD: ChangeAudit = { admits: () => true, event: () => {} };

async function create(desk: TokenDesk, _id: string | undefined, values: Values, terminal: Terminal): Promise<ExitCode> {
  const { expires, name } = values;
  if (name === undefined) throw new UsageError("give the token a --name");
  const expiresInMs = expires === undefined ? null : parseDuration(expires);
  if (expires !== undefined && expiresInMs === null) throw new UsageError("--expires takes a life such as 12h or 90d");
  const { record, token } = await desk.change({
    action: "token.create",
    make: () => desk.tokens.create(desk.actor, { name, expiresInMs }).catch(tellProblems),
    about: (made) => ({ target: made.record.id, detail: `name ${made.record.name}` }),
  });
  if (values.json === true) terminal.out(`${JSON.stringify({ ...tokenJson(record), token })}\n`);
  else {
    terminal.out(`${token}\n`);
    terminal.error(`${tokenLine(record)}\nThis is the only time that the token is shown.\n`);
  }
  return 0;
}

function tellProblems(error: unknown): never {
  if (error instanceof InvalidRequest) throw new CommandFailure(error.fields.map(({ text }) => text).join("\n"));
  throw error;
}

const MOST = 500;

async function list(
  { tokens: service }: TokenDesk,
  _id: string | undefined,
  values: Values,
  terminal: Terminal,
): Promise<ExitCode> {
  const { items } = await service.list({ limit: MOST });
  if (values.json === true) terminal.out(`${JSON.stringify(items.map(tokenJson))}\n`);
  else if (items.length === 0) terminal.out("there are no admin tokens\n");
  else terminal.out(items.map((record) => `${tokenLine(record)}\n`).join(""));
  return 0;
}

async function revoke(desk: TokenDesk, id: string | undefined, values: Values, terminal: Terminal): Promise<ExitCode> {
  const outcome = await desk.change({
    action: "token.revoke",
    // Nothing may keep a token from being revoked.
    always: true,
    make: () => desk.tokens.revoke(desk.actor, id ?? ""),
    about: (made) => (made.kind === "changed" ? { target: made.record.id, detail: `name ${made.record.name}` } : null),
  });
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
  return [id, stateOf(record).padEnd(7), name, `by ${createdBy}`, `expires ${isoTime(expiresAt) ?? "never"}`].join(
    "  ",
  );
}
