import { z } from "zod";
import { isLoopbackHost } from "../core/host-name.ts";
import { isPortalId, isScope, type PortalId, type Scope } from "../core/ids.ts";
import { lifetime, pathPrefix, section, text } from "./fields.ts";

const scope = z.string().refine((value): value is Scope => isScope(value), "expected a scope such as tickets:read");
const portal = z.string().refine((value): value is PortalId => isPortalId(value), "expected the id of a portal");

/** What people of one group of the company's provider may do. */
const group = section({
  role: z.enum(["admin", "member"], { error: "expected admin or member" }).default("member").describe("Their role."),
  scopes: z
    .union([z.literal("all"), z.array(scope)], { error: "expected `all` or a list of scopes" })
    .default("all")
    .describe("What they may grant to a client: scopes, or `all`."),
  portals: z
    .union([z.literal("all"), z.array(portal)], { error: "expected `all` or a list of portals" })
    .default("all")
    .describe("Where: portals, or `all`."),
});

/** https, or http on loopback for tests. */
function isIssuer(value: string): boolean {
  if (!URL.canParse(value)) return false;
  const { protocol, hostname, search, hash } = new URL(value);
  if (search !== "" || hash !== "") return false;
  return protocol === "https:" || (protocol === "http:" && isLoopbackHost(hostname));
}

const company = section({
  name: text.max(60).describe("What the button says: Sign in with NAME."),
  issuer: text.refine(isIssuer, "expected the https URL of the issuer").describe("Issuer of the OpenID provider."),
  client_id: text.describe("Our client id there."),
  // The provider chooses it, so its form is none of our business.
  client_secret: text.describe("Our client secret there."),
  scopes: z.array(text).default(["openid", "email", "profile"]).describe("Scopes that are asked for."),
  email_verified: z
    .enum(["required", "trusted"], { error: "expected required or trusted" })
    .default("required")
    .describe(
      "Whether the provider must say `email_verified: true`. `trusted` takes an email that it says nothing of; set it only where people cannot choose their own email there. An email that it calls not verified is refused either way.",
    ),
  groups_claim: text.default("groups").describe("Claim of the ID token that names the groups of a person."),
  groups: z
    .record(z.string().min(1), group)
    .refine((groups) => Object.keys(groups).length > 0, "name at least one group")
    .describe("Who may sign in, by group. Of several groups the person has what any of them gives."),
});

/** `signin:` of the configuration. */
export const signinSection = section({
  path: pathPrefix.default("/signin").describe("Where the sign-in pages are."),
  session: lifetime.prefault("12h").describe("How long a person stays signed in."),
  company: company.optional().describe("Sign-in through the company's OpenID provider, beside local accounts."),
});
