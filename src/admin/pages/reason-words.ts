import type { CredentialProblem } from "../../core/decision.ts";
import { ERRORS, isErrorCode } from "../../core/errors.ts";

/** What a reason means, and what an administrator can look at. */
export interface ReasonWords {
  readonly text: string;
  readonly check: string | null;
}

const CREDENTIALS: Readonly<Record<CredentialProblem, string>> = {
  credential_unknown: "The credential is not known here.",
  credential_malformed: "The credential does not have the form of one of ours.",
  credential_bad_checksum: "The key has a slip in it: its checksum is wrong.",
  credential_expired: "The credential has expired.",
  credential_revoked: "The credential was revoked.",
  credential_audience: "The token is for another path.",
};

/** Outcomes that are no refusal by the rules, and reasons of sign-in, OAuth and administration. */
const OTHERS: Readonly<Record<string, string>> = {
  ok: "Done.",
  allowed: "Allowed.",
  public: "Allowed: the rule is public.",
  own_endpoint: "Served by Portcullis itself.",
  client_closed: "The client left before the end.",
  upstream_cut: "The service broke off its answer.",
  more_refused: "More were refused in this second than are kept one by one.",
  csrf: "The form was stale, or not sent from our page.",
  wrong_password: "The password was wrong.",
  unknown_account: "There is no such account.",
  disabled: "The account is disabled.",
  throttled: "Too many attempts; a wait was asked for.",
  busy: "Too many sign-ins at once.",
  person_denied: "The person denied it.",
  access_denied: "The person denied it, or MCP access is off.",
  invalid_client: "The client is unknown, disabled, or has the wrong secret.",
  invalid_grant: "The code or refresh token is not good, or was used before.",
  invalid_scope: "A scope was asked for that the client may not have.",
  invalid_target: "A resource was asked for that is not served here.",
  unauthorized_client: "The client may not do this.",
  expired_token: "The device code expired before it was used.",
  client_waiting: "The client waits for an administrator's approval.",
  reuse: "A code or refresh token came a second time, which may mean that it was stolen.",
  unknown_user_code: "No device shows this code.",
  too_many_codes: "Too many wrong device codes; a wait was asked for.",
  person_disabled: "The account of the person is disabled.",
  client_refused: "The client is unknown or disabled.",
  resource_unknown: "There is nothing to connect to at the address that the client asked for.",
  nothing_to_grant: "The person, the client and the resource have no scope or portal in common.",
  link_unknown: "The link was used before, has expired, or never was one.",
  provider_unavailable: "The company's sign-in service is out of reach, or not what the configuration says.",
  provider_refused: "The company's sign-in service refused, or the person broke off there.",
  answer_invalid: "The answer of the company's sign-in service is not valid.",
  state_unknown: "The sign-in was not begun in this browser, was used before, or took too long.",
  no_group: "The person is in none of the groups that may sign in.",
  no_email: "The company's sign-in service told no email.",
  email_unverified: "The company's sign-in service does not vouch for the email.",
  email_taken: "The email belongs to another account here.",
};

/** The words of a reason; the reason itself where it has none. */
export function reasonWords(reason: string): ReasonWords {
  if (isCredentialProblem(reason)) return { text: CREDENTIALS[reason], check: ERRORS.credential_invalid.check };
  if (isErrorCode(reason)) return { text: ERRORS[reason].publicText, check: ERRORS[reason].check };
  return { text: (Object.hasOwn(OTHERS, reason) ? OTHERS[reason] : undefined) ?? reason, check: null };
}

function isCredentialProblem(reason: string): reason is CredentialProblem {
  return Object.hasOwn(CREDENTIALS, reason);
}

const ACTIONS: Readonly<Record<string, string>> = {
  "client.register": "Client registered itself",
  "authorization.answer": "Client answered",
  "authorization.refuse": "Authorization refused",
  "client.waiting": "Met a waiting client",
  "consent.approve": "Allowed a client",
  "consent.deny": "Denied a client",
  "consent.refuse": "Consent refused",
  "device.approve": "Allowed a device",
  "device.deny": "Denied a device",
  "device.start": "Device asked for a code",
  "device.refuse": "Device refused",
  "device.wrong_code": "Wrong device code typed",
  "device.throttled": "Device codes throttled",
  "token.issue": "Token issued",
  "token.refuse": "Token refused",
  "token.revoke": "Token revoked",
  "token.introspect": "Token looked up",
  "grant.revoke": "Connected app ended",
  "grant.reuse": "Connected app ended: a code came twice",
  "signin.password": "Sign-in with a password",
  "signin.company": "Sign-in through the company",
  "signin.setup": "First administrator made",
  "signin.out": "Sign-out",
  "key.create": "API key created",
  "key.revoke": "API key revoked",
  "key.rotate": "API key rotated",
  "person.add": "Person added",
  "person.edit": "Person changed",
  "person.password": "Password set",
  "person.disable": "Person disabled",
  "person.enable": "Person enabled",
  "client.add": "Client added",
  "client.approve": "Client approved",
  "client.disable": "Client disabled",
  "client.enable": "Client enabled",
  "client.rotate_secret": "Client secret replaced",
  "client.policy": "Client policy changed",
  "mcp.on": "MCP access switched on",
  "mcp.off": "MCP access switched off",
  "person.end_sessions": "Sessions ended",
  "page.refuse": "Page for administrators refused",
  "api.refuse": "Request of the administrators' API refused",
  "token.create": "API token created",
  "rules.reload": "Rules read anew",
};

/** What was done, in words; its name where it has none. */
export function actionWords(action: string): string {
  return (Object.hasOwn(ACTIONS, action) ? ACTIONS[action] : undefined) ?? action;
}

const EVENTS: Readonly<Record<string, string>> = {
  request: "Request",
  stream_open: "Stream opened",
  stream_close: "Stream closed",
  admin: "Administration",
  oauth: "OAuth",
  signin: "Sign-in",
  config: "Configuration",
};

/** Kinds of entries, each with its words, for a filter. */
export const EVENT_KINDS: readonly { readonly value: string; readonly label: string }[] = Object.entries(EVENTS).map(
  ([value, label]) => ({ value, label }),
);

/** The kind of an entry in words. */
export function eventWords(event: string): string {
  return (Object.hasOwn(EVENTS, event) ? EVENTS[event] : undefined) ?? event;
}
