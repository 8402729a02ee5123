import type { Settings } from "../store/settings.ts";
import { withClientsDesk } from "./clients-desk.ts";
import { type Command, CONFIG_OPTION, JSON_OPTION, readArgs, UsageError } from "./command.ts";
import { requireConfig } from "./config-file.ts";
import { isoTime } from "./key-text.ts";

/** `portcullis mcp`: access of MCP clients for the whole organisation. */
export const mcp: Command = {
  usage: "portcullis mcp (status | on | off) [--config FILE] [--json]",
  details: `Off refuses MCP routes to everyone, and OAuth everywhere; every token and grant of OAuth ends for good. API keys go on
working elsewhere. On again, people connect their apps anew.

${CONFIG_OPTION}
${JSON_OPTION}

Exit codes: 0 done, 1 it could not be done, 2 wrong usage.

Example: portcullis mcp off`,
  async run(args, terminal) {
    const { values, positionals } = readArgs(args, { config: { type: "string" }, json: { type: "boolean" } });
    const [action, ...rest] = positionals;
    if (rest.length > 0) throw new UsageError(`unexpected argument: ${rest[0]}`);
    if (action !== "status" && action !== "on" && action !== "off") {
      throw new UsageError(action === undefined ? "say what to do" : `unknown action ${action}`);
    }
    const config = await requireConfig(values.config, terminal);
    const settings = await withClientsDesk(config, terminal, async (desk) => {
      if (action === "status") return desk.access.read();
      const change = await desk.change({
        action: `mcp.${action}`,
        // Nothing may keep it from being switched off.
        always: action === "off",
        make: () => desk.access.set({ mcpAccess: action === "on" }),
        about: ({ changed }) => (changed ? { target: "settings", detail: "" } : null),
      });
      return change.settings;
    });
    terminal.out(values.json === true ? `${JSON.stringify(asJson(settings))}\n` : asText(settings));
    return 0;
  },
};

function asJson({ mcpAccess, mcpOffAt, clientPolicy }: Settings): Record<string, unknown> {
  return { mcp_access: mcpAccess, off_at: isoTime(mcpOffAt), client_policy: clientPolicy };
}

function asText({ mcpAccess, mcpOffAt }: Settings): string {
  if (mcpAccess) return "MCP access is on\n";
  return `MCP access is off since ${isoTime(mcpOffAt) ?? "an unknown time"}\n`;
}
