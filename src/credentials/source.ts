import type { Digest } from "../core/ids.ts";
import type { CredentialFacts } from "../store/cache.ts";

/** Where credentials of one kind are found. */
export interface CredentialSource {
  /**
   * What is known of the credential with that stored digest; `null` where there is none. Rejects with
   * `StoreUnavailable` where the store does not answer.
   */
  find(digest: Digest): Promise<CredentialFacts | null>;
}
