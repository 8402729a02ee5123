import type { Settings } from "../store/settings.ts";
import {
  CHANGED_MEANWHILE,
  type Command,
  CommandFailure,
  COMMON_OPTIONS,
  NO_WAIT,
  EXIT_CODES,
  pickAction,
  readArgs,
  UsageError,
} from "./command.ts";
import { requireConfig } from "./config-file.ts";
import { type Desk, withDesk } from "./desk.ts";
import { isoTime } from "./list-text.ts";

const OPTIONS = {
  config: { type: "string" },
  json: { type: "boolean" },
  "no-wait": { type: "boolean" },
} as const;

type Values = ReturnType<typeof readArgs<typeof OPTIONS>>["values"];

/** `portcullis mcp`: access of MCP clients for the whole organisation. */
export const mcp: Command = {
  usage: "portcullis mcp (status | on | off) [--no-wait] [--config FILE] [--json]",
  details: `Off refuses MCP routes to everyone, and OAuth everywhere; every token and grant of OAuth ends for good. API keys go on
working elsewhere. On again, people connect their apps anew.

${NO_WAIT}
${COMMON_OPTIONS}

${EXIT_CODES}

Example: portcullis mcp off`,
  async run(args, terminal) {
    const { values, positionals } = readArgs(args, OPTIONS);
    const [action, ...rest] = positionals;
    if (rest.length > 0) throw new UsageError(`unexpected argument: ${rest[0]}`);
    const act = pickAction(ACTIONS, action);
    const config = await requireConfig(values.config, terminal);
    const settings = await withDesk(config, terminal, (desk) => act(desk, values));
    terminal.out(values.json === true ? `${JSON.stringify(asJson(settings))}\n` : asText(settings));
    return 0;
  },
};

const ACTIONS: Readonly<Record<string, (desk: Desk, values: Values) => Promise<Settings>>> = {
  status: (desk) => desk.administration.access.read(),
  on: (desk, values) => setMcpAccess(desk, values, true),
  off: (desk, values) => setMcpAccess(desk, values, false),
};

async function setMcpAccess(desk: Desk, values: Values, mcpAccess: boolean): Promise<Settings> {
  const { access } = desk.administration;
  const { value: outcome } = await desk.take(values, (actor) => access.set(actor, { mcpAccess }));
  if (outcome.kind === "conflict") throw new CommandFailure(CHANGED_MEANWHILE);
  return outcome.record;
}

function asJson({ mcpAccess, mcpOffAt, clientPolicy }: Settings): Record<string, unknown> {
  return { mcp_access: mcpAccess, off_at: isoTime(mcpOffAt), client_policy: clientPolicy };
}

function asText({ mcpAccess, mcpOffAt }: Settings): string {
  if (mcpAccess) return "MCP access is on\n";
  return `MCP access is off since ${isoTime(mcpOffAt) ?? "an unknown time"}\n`;
}
