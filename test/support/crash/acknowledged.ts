import { isCredentialId, type CredentialId } from "../../../src/core/ids.ts";
import type { Store } from "../../../src/store/types.ts";
import type { RunningProcess } from "../processes.ts";

/** What writers were told is done. */
export class Acknowledged {
  readonly created = new Set<CredentialId>();
  readonly revoked = new Set<CredentialId>();

  /** Takes what a writer printed, whole lines only. */
  read({ lines }: RunningProcess): void {
    for (const { stream, text } of lines) {
      const [what, id = ""] = text.split(" ");
      if (stream !== "stdout" || !isCredentialId(id)) continue;
      if (what === "created") this.created.add(id);
      if (what === "revoked") this.revoked.add(id);
    }
  }

  /** Keys that were acknowledged and are not there, and keys whose revoke was and which live. */
  async missing(store: Store): Promise<{ readonly lost: readonly string[]; readonly back: readonly string[] }> {
    const lost: string[] = [];
    const back: string[] = [];
    for (const id of this.created) {
      const record = await store.keys.get(id);
      if (record === null) lost.push(id);
      else if (this.revoked.has(id) && record.revokedAt === null) back.push(id);
    }
    return { lost, back };
  }
}
