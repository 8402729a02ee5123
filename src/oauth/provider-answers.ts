import type { Clock } from "../core/clock.ts";
import { isClientId, type Scope } from "../core/ids.ts";
import { sharedRun } from "../core/shared-run.ts";
import type { Clients } from "../store/clients.ts";
import type { SettingsStore } from "../store/settings.ts";
import type { Store } from "../store/types.ts";
import { POLL_INTERVAL_SECONDS } from "./device-polling.ts";
import type { Endpoint } from "./endpoints.ts";
import { completeMetadata, METADATA_CACHE } from "./metadata.ts";
import type { ProviderContext } from "./provider-context.ts";
import { type Hold, holdAnswer } from "./redemption.ts";
import type { RequestFacts } from "./request-facts.ts";

export interface AnswersOptions {
  readonly clients: Pick<Clients, "get">;
  readonly settings: Pick<SettingsStore, "read">;
  readonly facts: RequestFacts;
  readonly catalogue: () => readonly Scope[];
  readonly metadataDocuments: boolean;
  readonly store: Pick<Store, "changes" | "documents">;
  readonly clock: Clock;
  readonly hold?: Hold;
}

/** Puts right what the library answers, by endpoint. Called when it has answered, before anything is sent. */
export function createAnswers(options: AnswersOptions): (ctx: ProviderContext, endpoint: Endpoint) => Promise<void> {
  const { facts, store, clock, hold } = options;
  // Whoever has the id of a public client may ask as often as they like, with tokens that never were.
  const settled = sharedRun(() => store.changes.settled());
  return async (ctx, endpoint) => {
    switch (endpoint) {
      case "token": {
        nameUnauthorized(ctx);
        const fact = facts.of(ctx.req);
        if (fact !== undefined) await holdAnswer(fact, { documents: store.documents, clock, hold });
        return;
      }
      case "device_authorization":
        nameUnauthorized(ctx);
        if (isObject(ctx.body) && "device_code" in ctx.body) {
          ctx.body = { ...ctx.body, interval: POLL_INTERVAL_SECONDS };
        }
        return;
      case "revocation":
        // A token that is unknown by now may still be cached elsewhere: an earlier request failed, or still waits.
        return settled();
      case "registration":
        return answerRegistration(ctx, options);
      case "discovery":
        return answerMetadata(ctx, options);
      default:
    }
  };
}

/** RFC 6749, section 5.2: a grant type that is not the client's is `unauthorized_client`; the library says otherwise. */
function nameUnauthorized(ctx: ProviderContext): void {
  const { body } = ctx;
  if (!isObject(body) || body["error"] !== "invalid_request") return;
  const { error_description: description } = body;
  if (typeof description !== "string" || !description.endsWith("is not allowed for this client")) return;
  ctx.body = { ...body, error: "unauthorized_client" };
}

/** RFC 7591, section 3.2: what was registered, and errors by its own names. */
async function answerRegistration(ctx: ProviderContext, { clients }: AnswersOptions): Promise<void> {
  const { body } = ctx;
  if (!isObject(body)) return;
  if (body["error"] === "invalid_request") ctx.body = { ...body, error: "invalid_client_metadata" };
  const { client_id: id, redirect_uris: uris } = body;
  if (ctx.status !== 201 || typeof id !== "string" || !isClientId(id)) return;
  const record = await clients.get(id);
  ctx.body = { ...body, scope: record?.scopes.join(" ") ?? "" };
  const origin = ctx.get("origin");
  if (origin !== "" && Array.isArray(uris) && uris.some((uri) => originOf(uri) === origin)) {
    ctx.set("access-control-allow-origin", origin);
  }
}

async function answerMetadata(ctx: ProviderContext, options: AnswersOptions): Promise<void> {
  ctx.set("access-control-allow-origin", "*");
  ctx.set("cross-origin-resource-policy", "cross-origin");
  if (!isObject(ctx.body)) return;
  const { clientPolicy } = await options.settings.read();
  ctx.set("cache-control", METADATA_CACHE);
  ctx.body = completeMetadata(ctx.body, {
    scopes: options.catalogue(),
    registration: clientPolicy !== "off",
    metadataDocuments: options.metadataDocuments && clientPolicy !== "off",
  });
}

function originOf(uri: unknown): string | null {
  return typeof uri === "string" ? (URL.parse(uri)?.origin ?? null) : null;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !Buffer.isBuffer(value);
}
