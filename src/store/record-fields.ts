import { z } from "zod";
import {
  type ClientId,
  type CredentialId,
  type Digest,
  type GrantId,
  isClientId,
  isCredentialId,
  isDigest,
  isGrantId,
  isPersonId,
  isPortalId,
  isScope,
  type PersonId,
  type PortalId,
  type Scope,
} from "../core/ids.ts";

/** Schemas of what stored records are made of. */
export const credentialId = z.custom<CredentialId>((value) => typeof value === "string" && isCredentialId(value));
export const personId = z.custom<PersonId>((value) => typeof value === "string" && isPersonId(value));
export const clientId = z.custom<ClientId>((value) => typeof value === "string" && isClientId(value));
export const grantId = z.custom<GrantId>((value) => typeof value === "string" && isGrantId(value));
export const digest = z.custom<Digest>((value) => typeof value === "string" && isDigest(value));
export const scope = z.custom<Scope>((value) => typeof value === "string" && isScope(value));
export const portal = z.custom<PortalId>((value) => typeof value === "string" && isPortalId(value));
/** Wall clock ms. */
export const time = z.number().int();
export const version = z.number().int().min(1);
/** A JSON object, passed on as it is: a copy would lose members such as `__proto__`. */
export const jsonObject = z.custom<Record<string, unknown>>(
  (value) => typeof value === "object" && value !== null && !Array.isArray(value),
);
