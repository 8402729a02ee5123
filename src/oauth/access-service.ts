import type { Clock } from "../core/clock.ts";
import type { ClientPolicy, Settings, SettingsStore } from "../store/settings.ts";
import { requireVersion, rewrite } from "../store/typed-document.ts";

/**
 * What an administrator decides for the whole organisation. Rejects with `StoreUnavailable`, and, where a version is
 * given and the settings have another, with `VersionConflict`.
 */
export interface AccessService {
  read(): Promise<Settings>;
  /**
   * Switches MCP access. Off ends every OAuth token and grant there is for good: on again, people sign in anew.
   * `changed` is false where it was so already.
   */
  setMcpAccess(on: boolean, version?: number): Promise<SettingsChange>;
  /** Who may become a client from now on. Those that are clients stay so. */
  setClientPolicy(policy: ClientPolicy, version?: number): Promise<SettingsChange>;
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
    setMcpAccess: (on, version) =>
      update(version, (current) => {
        if (current.mcpAccess === on) return null;
        return { ...current, mcpAccess: on, mcpOffAt: on ? current.mcpOffAt : clock.now() };
      }),
    setClientPolicy: (policy, version) =>
      update(version, (current) => (current.clientPolicy === policy ? null : { ...current, clientPolicy: policy })),
  };
}
