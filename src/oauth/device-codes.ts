import { z } from "zod";
import type { Clock } from "../core/clock.ts";
import type { PersonId } from "../core/ids.ts";
import type { Digester } from "../credentials/digest.ts";
import type { GrantRecord } from "../store/grants.ts";
import type { DocumentStore, StoredDocument } from "../store/types.ts";
import type { RequestParams } from "./consent-request.ts";
import { userCodeLookup } from "./stored-models.ts";

/** A device authorization request that nobody has decided yet (RFC 8628). */
export interface PendingDevice {
  readonly document: StoredDocument;
  /** Parameters of the request. */
  readonly params: RequestParams;
  readonly requestedFrom: { readonly address: string; readonly at: number };
}

export type FoundDevice =
  | { readonly kind: "pending"; readonly device: PendingDevice }
  /** `by` is who did it, where that is known. */
  | { readonly kind: "decided"; readonly by: string | null };

export interface ApprovedDevice {
  readonly grant: GrantRecord;
  /** Granted scopes, OIDC ones too. */
  readonly scope: string;
  /** As the client wrote it. */
  readonly resource: string;
  /** When the person signed in, wall clock ms. */
  readonly signedInAt: number;
}

/** Device codes on their way from a person's decision to the device's next poll. Rejects with `StoreUnavailable`. */
export interface DeviceCodes {
  /** `null` where no device shows the code (any more). `userCode` as `readUserCode` makes it. */
  find(userCode: string): Promise<FoundDevice | null>;
  /** Takes the decision for one person, one of many; `null` where somebody else was first. */
  claim(device: PendingDevice, by: PersonId): Promise<PendingDevice | null>;
  /** Tells the device, at its next poll, that it was approved. False where the code has ended meanwhile. */
  approve(claimed: PendingDevice, approved: ApprovedDevice): Promise<boolean>;
  /** Tells it that it was not. */
  deny(claimed: PendingDevice): Promise<boolean>;
}

export interface DeviceCodesOptions {
  readonly documents: Pick<DocumentStore, "find" | "get" | "replace">;
  readonly digester: Digester;
  readonly clock: Clock;
}

const KIND = "DeviceCode";

/** The fields of the library's payload that matter here. `inFlight` is its own mark of a decision under way. */
const payload = z.object({
  params: z.record(z.string(), z.unknown()),
  deviceInfo: z.object({ address: z.string().optional(), ip: z.string().optional() }).optional().catch(undefined),
  accountId: z.string().optional(),
  error: z.string().optional(),
  inFlight: z.boolean().optional(),
  decidedBy: z.string().optional(),
  /** Seconds since the epoch. The document is kept for longer, so that the device can be told. */
  exp: z.number(),
});

export function createDeviceCodes({ documents, digester, clock }: DeviceCodesOptions): DeviceCodes {
  const hasEnded = ({ exp }: z.output<typeof payload>): boolean => exp * 1000 <= clock.now();

  /** Writes over the document while `may` says so: its polls may write to it at the same time. */
  async function change(
    first: StoredDocument,
    may: (value: z.output<typeof payload>) => boolean,
    fields: Readonly<Record<string, unknown>>,
    group: string | null = null,
  ): Promise<StoredDocument | null> {
    let current: StoredDocument | null = first;
    while (current !== null) {
      const read = payload.safeParse(current.value);
      if (!read.success || current.consumedAt !== null || hasEnded(read.data) || !may(read.data)) return null;
      const { id, kind, createdAt, expiresAt, lookups, version } = current;
      const groups = group === null ? current.groups : [...current.groups, group];
      const next = { id, kind, createdAt, expiresAt, lookups, groups, value: { ...current.value, ...fields } };
      if (await documents.replace(next, version)) return { ...current, ...next, version: version + 1 };
      current = await documents.get(KIND, id);
    }
    return null;
  }

  return {
    async find(userCode) {
      const document = await documents.find(KIND, userCodeLookup(userCode, digester));
      const read = document === null ? null : payload.safeParse(document.value);
      if (document === null || read?.success !== true || hasEnded(read.data)) return null;
      if (document.consumedAt !== null || isDecided(read.data)) {
        return { kind: "decided", by: read.data.decidedBy ?? read.data.accountId ?? null };
      }
      const { params, deviceInfo } = read.data;
      const address = deviceInfo?.address ?? deviceInfo?.ip ?? "unknown";
      return { kind: "pending", device: { document, params, requestedFrom: { address, at: document.createdAt } } };
    },
    async claim(device, by) {
      const mark = { inFlight: true, decidedBy: by };
      const document = await change(device.document, (value) => !isDecided(value), mark);
      return document === null ? null : { ...device, document };
    },
    async approve({ document }, { grant, scope, resource, signedInAt }) {
      const fields = {
        accountId: grant.person,
        grantId: grant.id,
        scope,
        resource,
        authTime: Math.floor(signedInAt / 1000),
      };
      return (await change(document, isClaimed, fields, `grant:${grant.id}`)) !== null;
    },
    async deny({ document }) {
      const fields = { error: "access_denied", errorDescription: "the person denied the request" };
      return (await change(document, isClaimed, fields)) !== null;
    },
  };
}

function isDecided({ accountId, error, inFlight }: z.output<typeof payload>): boolean {
  return inFlight === true || accountId !== undefined || error !== undefined;
}

function isClaimed({ accountId, error }: z.output<typeof payload>): boolean {
  return accountId === undefined && error === undefined;
}
