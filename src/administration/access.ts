import type { AccessSettings, Settings } from "../store/settings.ts";
import type { ChangeLog } from "../store/types.ts";
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
  set(wanted: AccessSettings, version?: number): Promise<SettingsChange>;
}

/** MCP access and who may become a client, in the hands of an administrator. */
export function createAccessAdministration(deps: {
  readonly access: AccessPort;
  readonly trail: AuditTrail;
  readonly changes: Pick<ChangeLog, "settled">;
}): AccessAdministration {
  const { access, changes, trail } = deps;

  return {
    read: () => access.read(),
    async set(actor, wanted, version) {
      // Nothing may keep it from being switched off.
      if (wanted.mcpAccess !== false) trail.requireRecord();
      const outcome = await orConflict(access.set(wanted, version));
      if ("kind" in outcome) return outcome;
      const { before, changed, settings } = outcome;
      if (!changed) {
        // Whoever made it so may still wait for other instances, or have failed while they did.
        await changes.settled();
        return { kind: "unchanged", record: settings };
      }
      for (const action of actionsOf(before, settings)) {
        trail.record(actor, { action, target: null, before: settingsFields(before), after: settingsFields(settings) });
      }
      return { kind: "changed", before, record: settings };
    },
  };
}

function actionsOf(before: Settings, after: Settings): readonly string[] {
  const actions: string[] = [];
  if (before.mcpAccess !== after.mcpAccess) actions.push(after.mcpAccess ? "mcp.on" : "mcp.off");
  if (before.clientPolicy !== after.clientPolicy) actions.push("client.policy");
  return actions;
}
