import type { AdapterPayload } from "oidc-provider";
import type { Digester } from "../credentials/digest.ts";
import type { StoredDocument } from "../store/types.ts";

/** How the models of the library are kept as documents: pure, no I/O. */

const SECOND = 1000;
const MINUTE = 60 * SECOND;

/** Life of an interaction: as long as a person may take to sign in and decide. */
export const INTERACTION_MS = 30 * MINUTE;

/**
 * How much longer than its life a document is kept: so that a device code that ran out is `expired_token` and not
 * unknown, a late replay of a code is seen, and a pushed request stays used while its interaction goes on.
 */
const KEPT_AFTER_END: Readonly<Record<string, number>> = {
  AuthorizationCode: 10 * MINUTE,
  DeviceCode: 10 * MINUTE,
  PushedAuthorizationRequest: INTERACTION_MS + MINUTE,
};

/** Marks an id that is a digest already: no id of the library holds a colon. */
const STORED = "stored:";

/** The id of the document of a model. Grants have public ids, everything else secret ones. */
export function documentId(model: string, id: string, digester: Digester): string {
  return model === "Grant" ? id : digester.stored(id);
}

/** An id that stands for the document with this digest. */
export function storedMark(digest: string): string {
  return `${STORED}${digest}`;
}

/** The digest of such an id; `null` where it is a plain one. */
export function markedDigest(id: string): string | null {
  return id.startsWith(STORED) ? id.slice(STORED.length) : null;
}

/** The lookup under which a device code is found by the code that a person types, without its hyphen. */
export function userCodeLookup(userCode: string, digester: Digester): string {
  return `user_code:${digester.stored(userCode)}`;
}

/** The lookup of a session of the library by its `uid`, which is no secret: its cookie holds another. */
export function uidLookup(uid: string): string {
  return `uid:${uid}`;
}

/** What a payload can be listed and removed by. */
export function groupsOf({ accountId, clientId, grantId }: AdapterPayload): readonly string[] {
  const groups: string[] = [];
  if (grantId !== undefined) groups.push(`grant:${grantId}`);
  if (accountId !== undefined) groups.push(`person:${accountId}`);
  if (clientId !== undefined) groups.push(`client:${clientId}`);
  return groups;
}

/** Other names of a payload. */
export function lookupsOf(model: string, { uid, userCode }: AdapterPayload, digester: Digester): readonly string[] {
  if (model === "Session" && uid !== undefined) return [uidLookup(uid)];
  return model === "DeviceCode" && userCode !== undefined ? [userCodeLookup(userCode, digester)] : [];
}

/** When a document goes, wall clock ms. */
export function endOf(model: string, now: number, expiresIn: number | undefined): number | null {
  return expiresIn === undefined ? null : Math.trunc(now + expiresIn * SECOND) + (KEPT_AFTER_END[model] ?? 0);
}

/** A payload without what is secret in it: its own id, the code of a device, ids of others. */
export function valueOf(model: string, payload: AdapterPayload, digester: Digester): Record<string, unknown> {
  const { jti: _id, userCode: _code, ...value } = payload;
  if (model !== "Interaction") return value;
  const { deviceCode: _device, parJti, returnTo, session, ...rest } = value;
  const { cookie: _cookie, ...sessionWithoutId } = session ?? {};
  return {
    ...rest,
    ...(returnTo === undefined ? {} : { returnTo: withoutId(returnTo, payload.jti) }),
    ...(session === undefined ? {} : { session: sessionWithoutId }),
    ...(parJti === undefined
      ? {}
      : { parJti: markedDigest(parJti) === null ? storedMark(digester.stored(parJti)) : parJti }),
  };
}

function withoutId(url: string, id: string | undefined): string {
  return id !== undefined && url.endsWith(id) ? url.slice(0, -id.length) : url;
}

/** The payload as the library gave it. `used` is whether the library may know that it was used before. */
export function payloadOf(
  { consumedAt, value }: StoredDocument,
  restored: { readonly id: string; readonly userCode?: string; readonly used: boolean },
): AdapterPayload {
  const { id, used, userCode } = restored;
  if (!isPayload(value)) return {};
  return {
    ...value,
    jti: id,
    // An interaction goes back to a URL that ends in its id: see `valueOf`.
    ...(value.kind === "Interaction" && value.returnTo !== undefined ? { returnTo: value.returnTo + id } : {}),
    ...(userCode === undefined ? {} : { userCode }),
    ...(used && consumedAt !== null ? { consumed: Math.floor(consumedAt / SECOND) } : {}),
  };
}

/** What the store gives back is what the library gave it; it looks at each field itself. */
function isPayload(value: Readonly<Record<string, unknown>>): value is AdapterPayload {
  return value["jti"] === undefined;
}

/** Who decided, by the result of an interaction: an approval signs them in, a denial says it beside the error. */
export function decidedBy(result: unknown): string | null {
  const { login, decidedBy: denier }: Readonly<Record<string, unknown>> = { ...Object(result) };
  const { accountId }: Readonly<Record<string, unknown>> = { ...Object(login) };
  const by = accountId ?? denier;
  return typeof by === "string" ? by : null;
}
