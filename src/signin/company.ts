import { hash } from "node:crypto";
import {
  AuthorizationResponseError,
  authorizationCodeGrant,
  buildAuthorizationUrl,
  calculatePKCECodeChallenge,
  type Configuration,
  fetchUserInfo,
} from "openid-client";
import { z } from "zod";
import type { Config } from "../config/config.ts";
import type { Clock } from "../core/clock.ts";
import type { Scope } from "../core/ids.ts";
import type { RandomBytes } from "../credentials/key-format.ts";
import { newSecret } from "../credentials/new-ids.ts";
import type { People, PersonRecord } from "../store/people.ts";
import type { DocumentStore } from "../store/types.ts";
import { cleanText } from "../web/foreign-text.ts";
import { personFromCompany, rightsOfGroups } from "./company-person.ts";
import { createProvider } from "./company-provider.ts";
import { normalizedEmail } from "./person-fields.ts";

type Company = NonNullable<Config["signin"]["company"]>;

/** Why somebody could not sign in through the company. */
export type CompanyRefusal =
  /** The provider is out of reach, or what it says of itself cannot be used. */
  | "provider_unavailable"
  /** The answer belongs to no sign-in that this browser began, or was used before, or came too late. */
  | "state_unknown"
  /** The provider answered with an error: the person may have said no. */
  | "provider_refused"
  /** The answer or its ID token is not valid: issuer, signature, nonce, audience, code. */
  | "answer_invalid"
  | "no_email"
  /** The provider does not vouch for the email: somebody else's may have been typed in there. */
  | "email_unverified"
  | "no_group"
  | "email_taken"
  | "disabled";

export type CompanyOutcome =
  | {
      readonly kind: "signed_in";
      readonly person: PersonRecord;
      readonly returnTo: string | null;
      /** When they proved to the provider who they are, as far as it tells; wall clock ms. */
      readonly provedAt: number;
    }
  | {
      readonly kind: "refused";
      readonly reason: CompanyRefusal;
      /** For operators. */
      readonly detail: string;
      readonly person: PersonRecord | null;
    };

export type CompanyStart =
  | { readonly kind: "started"; readonly url: string; readonly cookie: string }
  | { readonly kind: "refused"; readonly reason: "provider_unavailable"; readonly detail: string };

export interface CompanyRequest {
  readonly returnTo: string | null;
  /** True has the provider ask who it is, though it knows the browser. */
  readonly again: boolean;
}

/** Sign-in through the company's OpenID provider. Methods reject with `StoreUnavailable` and nothing else. */
export interface CompanySignin {
  /** Begins: where to send the browser, and the secret that it keeps in a cookie for `SIGN_IN_MS`. */
  start(wanted: CompanyRequest): Promise<CompanyStart>;
  /** Ends: `search` is the query that the provider sent the browser back with. */
  finish(search: string, cookie: string | null): Promise<CompanyOutcome>;
}

export interface CompanySigninOptions {
  readonly company: Company;
  /** Absolute URL of our callback. */
  readonly callback: string;
  readonly documents: DocumentStore;
  readonly people: People;
  readonly clock: Clock;
  readonly randomBytes: RandomBytes;
  readonly scopes: () => ReadonlyMap<Scope, string>;
}

/** How long somebody may take at the provider. */
export const SIGN_IN_MS = 600_000;
const KIND = "signin_state";
const TOKEN = /^[\w-]{43}$/;
const MAX_NAME = 100;

const stateSchema = z.object({ browser: z.string(), returnTo: z.string().nullable(), again: z.boolean() });
const claimsSchema = z.object({
  sub: z.string().regex(/^[\x21-\x7e]{1,255}$/),
  email: z.string().optional(),
  email_verified: z.union([z.boolean(), z.string()]).optional(),
  name: z.string().optional(),
  auth_time: z.number().optional(),
});

/**
 * See `CompanySignin`.
 *
 * One random value in the browser's cookie is the PKCE verifier (RFC 7636), and the nonce is made from it; the store
 * keeps only digests of it and of the state. So an answer works once, in the browser that began, and what the store
 * holds is of no use to whoever reads it. `iss` (RFC 9207), signature, audience, times and nonce are openid-client's.
 */
export function createCompanySignin(options: CompanySigninOptions): CompanySignin {
  const { company, callback, documents, clock, randomBytes } = options;
  const provider = createProvider({ company, clock });
  const random = (): string => newSecret(randomBytes);

  /** What the browser wanted, if it began a sign-in with this state that nothing has ended yet. */
  async function takeState(state: string | null, cookie: string | null): Promise<CompanyRequest | null> {
    if (state === null || cookie === null || !TOKEN.test(state) || !TOKEN.test(cookie)) return null;
    const id = digest(state);
    const value = stateSchema.safeParse((await documents.get(KIND, id))?.value);
    // Another browser's attempt must not use up the state.
    if (!value.success || value.data.browser !== digest(cookie)) return null;
    return (await documents.consume(KIND, id, clock.now())) ? value.data : null;
  }

  return {
    async start({ again, returnTo }) {
      const found = await provider.discover();
      if (!found.ok) return { kind: "refused", reason: "provider_unavailable", detail: found.detail };
      const [state, cookie] = [random(), random()];
      const now = clock.now();
      await documents.insert({
        kind: KIND,
        id: digest(state),
        value: { browser: digest(cookie), returnTo, again },
        createdAt: now,
        expiresAt: now + SIGN_IN_MS,
        lookups: [],
        groups: [],
      });
      const url = buildAuthorizationUrl(found.configuration, {
        redirect_uri: callback,
        scope: company.scopes.join(" "),
        state,
        nonce: nonceOf(cookie),
        code_challenge: await calculatePKCECodeChallenge(cookie),
        code_challenge_method: "S256",
        ...(again ? { prompt: "login", max_age: "0" } : {}),
      });
      return { kind: "started", url: url.href, cookie };
    },
    async finish(search, cookie) {
      const url = new URL(callback);
      url.search = search;
      const states = url.searchParams.getAll("state");
      const state = states.length === 1 ? (states[0] ?? null) : null;
      const begun = await takeState(state, cookie);
      if (begun === null || state === null || cookie === null) return refused("state_unknown");
      const found = await provider.discover();
      if (!found.ok) return refused("provider_unavailable", found.detail);
      const claims = await claimsFrom(found.configuration, url, { state, cookie, company });
      if ("reason" in claims) return claims;
      const outcome = await signIn(claims, options, begun.again && !tellsTime(found.configuration));
      return outcome.kind === "refused" ? outcome : { ...outcome, returnTo: begun.returnTo };
    },
  };
}

type Refused = Extract<CompanyOutcome, { kind: "refused" }>;

function refused(reason: CompanyRefusal, detail = "", person: PersonRecord | null = null): Refused {
  return { kind: "refused", reason, detail, person };
}

/** Redeems the code. The claims are the ID token's, and the user info endpoint's where it lacks some that are needed. */
async function claimsFrom(
  configuration: Configuration,
  url: URL,
  { state, cookie, company }: { readonly state: string; readonly cookie: string; readonly company: Company },
): Promise<{ readonly claims: Readonly<Record<string, unknown>> } | Refused> {
  try {
    const tokens = await authorizationCodeGrant(configuration, url, {
      expectedState: state,
      expectedNonce: nonceOf(cookie),
      pkceCodeVerifier: cookie,
      idTokenExpected: true,
    });
    const claims = tokens.claims();
    if (claims === undefined) return refused("answer_invalid", "no ID token");
    const needed = [
      "email",
      company.groups_claim,
      ...(company.email_verified === "required" ? ["email_verified"] : []),
    ];
    const complete = needed.every((name) => claims[name] !== undefined);
    const askable = configuration.serverMetadata().userinfo_endpoint !== undefined;
    if (complete || !askable) return { claims };
    const said = await fetchUserInfo(configuration, tokens.access_token, claims.sub);
    // What it says of one email says nothing of another.
    const sameEmail = claims["email"] === undefined || claims["email"] === said.email;
    return { claims: { ...said, ...(sameEmail ? {} : { email_verified: undefined }), ...claims } };
  } catch (error) {
    if (error instanceof AuthorizationResponseError) return refused("provider_refused", error.error.slice(0, 100));
    return refused("answer_invalid", error instanceof Error ? error.message.slice(0, 200) : "");
  }
}

async function signIn(
  { claims }: { readonly claims: Readonly<Record<string, unknown>> },
  options: CompanySigninOptions,
  hasAsked: boolean,
): Promise<{ readonly kind: "signed_in"; readonly person: PersonRecord; readonly provedAt: number } | Refused> {
  const { company } = options;
  const said = claimsSchema.safeParse(claims);
  if (!said.success) return refused("answer_invalid", "the claims cannot be understood");
  const email = normalizedEmail(said.data.email ?? "");
  if (email === null) return refused("no_email", "no email claim");
  const problem = verificationProblem(said.data.email_verified, company);
  if (problem !== null) return refused("email_unverified", problem);
  const rights = rightsOfGroups(namesIn(claims[company.groups_claim]), company.groups, options.scopes());
  if (rights === null) return refused("no_group", `no group of ${company.groups_claim} is configured`);
  const name = cleanText(said.data.name ?? "", MAX_NAME) || email;
  const identity = { ...rights, issuer: company.issuer, subject: said.data.sub, email, name };
  const found = await personFromCompany(identity, options);
  if (found.kind === "person") {
    const provedAt = provedAtOf(said.data.auth_time, { hasAsked, now: options.clock.now() });
    return { kind: "signed_in", person: found.person, provedAt };
  }
  if (found.kind === "disabled") return refused("disabled", "", found.person);
  return refused("email_taken", "the email belongs to another account here");
}

/** True where its ID tokens can say when the person signed in there. */
function tellsTime(configuration: Configuration): boolean {
  return configuration.serverMetadata().claims_supported?.includes("auth_time") === true;
}

/**
 * A provider that knows the browser asks nothing, so that a sign-in alone proves nothing anew. Its `auth_time` tells;
 * from one that never sends it, that it was told to ask has to do (OpenID Connect Core, sections 2 and 3.1.2.1).
 */
function provedAtOf(
  authTime: number | undefined,
  { hasAsked, now }: { readonly hasAsked: boolean; readonly now: number },
): number {
  if (authTime !== undefined) return Math.min(authTime * 1000, now);
  return hasAsked ? now : 0;
}

/** Some providers write the claim as text. */
function verificationProblem(claim: boolean | string | undefined, company: Company): string | null {
  if (claim === undefined && company.email_verified === "trusted") return null;
  if (claim === undefined) return "no email_verified claim, and signin.company.email_verified is required";
  return String(claim) === "true" ? null : "email_verified is not true";
}

/** A list of names, or one name. Anything else is none. */
function namesIn(claim: unknown): readonly string[] {
  const names: readonly unknown[] = Array.isArray(claim) ? claim : [claim];
  return names.filter((name) => typeof name === "string");
}

function nonceOf(cookie: string): string {
  return hash("sha256", `nonce ${cookie}`, "base64url");
}

function digest(secret: string): string {
  return hash("sha256", `signin ${secret}`, "hex");
}
