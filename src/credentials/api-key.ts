import type { KeyStore } from "../store/types.ts";
import type { SettingsStore } from "../store/settings.ts";
import { principalOf } from "./principal.ts";
import type { CredentialSource } from "./source.ts";

/** API keys in the store, as the authenticator looks them up. The settings are asked for a key that exists only. */
export function createApiKeySource({
  keys,
  settings,
}: {
  readonly keys: Pick<KeyStore, "findByDigest">;
  readonly settings: Pick<SettingsStore, "read">;
}): CredentialSource {
  return {
    async find(digest) {
      const record = await keys.findByDigest(digest);
      if (record === null) return null;
      const { mcpAccess } = await settings.read();
      return {
        accepted: Object.freeze({ ok: true, principal: principalOf(record), digest: record.digest, mcpAccess }),
        digest: record.digest,
        tags: [],
        revoked: record.revokedAt !== null,
        expiresAt: record.expiresAt ?? Infinity,
      };
    },
  };
}
