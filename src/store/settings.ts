import { z } from "zod";
import { time, version } from "./record-fields.ts";
import { readAs } from "./typed-document.ts";
import type { DocumentStore, NewDocument } from "./types.ts";

/** Who may become a client: those that an administrator approved, all that register, or no new ones. */
export type ClientPolicy = "approved" | "open" | "off";

/** What an administrator sets for the whole organisation. */
export interface Settings {
  /** False refuses MCP routes to everyone, and OAuth everywhere. */
  readonly mcpAccess: boolean;
  /** When MCP access was switched off last, wall clock ms: tokens and grants from before are dead for good. */
  readonly mcpOffAt: number | null;
  readonly clientPolicy: ClientPolicy;
  /** 0 where nothing was ever set. */
  readonly version: number;
}

/** What is to be set; what is left out stays as it is. */
export interface AccessSettings {
  readonly mcpAccess?: boolean | undefined;
  readonly clientPolicy?: ClientPolicy | undefined;
}

export const DEFAULT_SETTINGS: Settings = { mcpAccess: true, mcpOffAt: null, clientPolicy: "approved", version: 0 };

/** The settings in the store. Rejects with `StoreUnavailable` and nothing else. */
export interface SettingsStore {
  /** `DEFAULT_SETTINGS` where nothing was ever set. */
  read(): Promise<Settings>;
  /** Writes over the version that was read, with the tag `all`, and returns it as it is then; `null` where it has changed since. */
  write(settings: Settings): Promise<Settings | null>;
}

/** True for what is from after MCP access was switched off last, and while it is on. `at` is wall clock ms. */
export function isOpenSince({ mcpAccess, mcpOffAt }: Pick<Settings, "mcpAccess" | "mcpOffAt">, at: number): boolean {
  return mcpAccess && (mcpOffAt === null || at > mcpOffAt);
}

const KIND = "settings";
const ID = "settings";

const settingsSchema = z.strictObject({
  id: z.literal(ID),
  mcpAccess: z.boolean(),
  mcpOffAt: time.nullable(),
  clientPolicy: z.enum(["approved", "open", "off"]),
  createdAt: time,
  version,
});

/** See `SettingsStore`. */
export function createSettings(documents: DocumentStore): SettingsStore {
  return {
    async read() {
      const stored = readAs(settingsSchema, await documents.get(KIND, ID));
      if (stored === null) return DEFAULT_SETTINGS;
      const { mcpAccess, mcpOffAt, clientPolicy } = stored;
      return { mcpAccess, mcpOffAt, clientPolicy, version: stored.version };
    },
    async write(settings) {
      // An `insert` does not wait for other instances, and the first settings may take something away: so the
      // defaults come first, which change nothing, and then a `replace`.
      if (settings.version === 0 && !(await documents.insert(documentOf(DEFAULT_SETTINGS)))) return null;
      const read = Math.max(settings.version, 1);
      const written = await documents.replace(documentOf(settings), read, ["all"]);
      return written ? { ...settings, version: read + 1 } : null;
    },
  };
}

function documentOf({ mcpAccess, mcpOffAt, clientPolicy }: Settings): NewDocument {
  const value = { mcpAccess, mcpOffAt, clientPolicy };
  return { kind: KIND, id: ID, value, createdAt: 0, expiresAt: null, lookups: [], groups: [] };
}
