import type { Clock } from "../core/clock.ts";
import type { AccessSettings, ClientPolicy, Settings, SettingsStore } from "../store/settings.ts";
import { requireVersion, rewrite } from "../store/typed-document.ts";

/**
 * What an administrator decides for the whole organisation. Rejects with `StoreUnavailable`, and, where a version is
 * given and the settings have another, with `VersionConflict`.
 */
export interface AccessService {
  read(): Promise<Settings>;
  /**
   * Switches MCP access, and says who may become a client from now on, in one write. Off ends every OAuth token and grant
   * there is for good: on again, people sign in anew. Those that are clients stay so. What is left out stays as it is;
   * `changed` is false where all was so already.
   */
  set(wanted: AccessSettings, version?: number): Promise<SettingsChange>;
}

export interface SettingsChange {
  readonly changed: boolean;
  readonly before: Settings;
  readonly settings: Settings;
}

const CLIENT_POLICIES: readonly ClientPolicy[] = ["approved", "open", "off"];

/** Narrows a client policy. */
export function isClientPolicy(text: string): text is ClientPolicy {
  return CLIENT_POLICIES.some((policy) => policy === text);
}

export function createAccessService(options: {
  readonly settings: SettingsStore;
  readonly clock: Clock;
}): AccessService {
  const { settings, clock } = options;

  async function update(
    version: number | undefined,
    next: (now: Settings) => Settings | null,
  ): Promise<SettingsChange> {
    const { before, written } = await rewrite(
      () => settings.read(),
      (current) => {
        requireVersion(current, version);
        return next(current);
      },
      (wanted) => settings.write(wanted),
    );
    return { changed: written !== null, before, settings: written ?? before };
  }

  return {
    read: () => settings.read(),
    set: (wanted, version) =>
      update(version, (current) => {
        const { clientPolicy = current.clientPolicy, mcpAccess = current.mcpAccess } = wanted;
        const isSwitched = mcpAccess !== current.mcpAccess;
        if (!isSwitched && clientPolicy === current.clientPolicy) return null;
        const mcpOffAt = isSwitched && !mcpAccess ? clock.now() : current.mcpOffAt;
        return { ...current, mcpAccess, clientPolicy, mcpOffAt };
      }),
  };
}
