import type { ClientPolicy, Settings } from "../store/settings.ts";
import type { Actor } from "./actor.ts";
import type { AccessAdministration } from "./administration.ts";
import { settingsFields } from "./audit-fields.ts";
import type { AuditTrail } from "./audit-trail.ts";
import { orConflict } from "./invalid.ts";

interface SettingsChange {
  readonly changed: boolean;
  readonly before: Settings;
  readonly settings: Settings;
}

/** The settings of the organisation, as the service has them. */
export interface AccessPort {
  read(): Promise<Settings>;
  setMcpAccess(on: boolean, version?: number): Promise<SettingsChange>;
  setClientPolicy(policy: ClientPolicy, version?: number): Promise<SettingsChange>;
}

/** MCP access and who may become a client, in the hands of an administrator. */
export function createAccessAdministration(deps: {
  readonly access: AccessPort;
  readonly trail: AuditTrail;
}): AccessAdministration {
  const { access, trail } = deps;

  async function change(actor: Actor, action: string, work: Promise<SettingsChange>) {
    const outcome = await orConflict(work);
    if ("kind" in outcome) return outcome;
    const { before, changed, settings } = outcome;
    if (!changed) return { kind: "unchanged", record: settings } as const;
    const fields = { before: settingsFields(before), after: settingsFields(settings) };
    trail.record(actor, { action, target: null, ...fields });
    return { kind: "changed", before, record: settings } as const;
  }

  return {
    read: () => access.read(),
    async setMcpAccess(actor, on, version) {
      if (on) trail.requireRecord();
      return change(actor, on ? "mcp.on" : "mcp.off", access.setMcpAccess(on, version));
    },
    async setClientPolicy(actor, policy, version) {
      trail.requireRecord();
      return change(actor, "client.policy", access.setClientPolicy(policy, version));
    },
  };
}
