import type { AuthenticatedPrincipal } from "../core/principal.ts";
import type { AuditPrincipal } from "../telemetry/audit-record.ts";

/** What is derived from a principal, made once for as long as its cached entry lives. */
export interface PrincipalRuntime {
  readonly audit: AuditPrincipal;
  /** The `X-Portcullis-*` fields that tell the upstream who calls. */
  readonly upstreamFields: string;
}

const runtimes = new WeakMap<AuthenticatedPrincipal, PrincipalRuntime>();

/** The derived parts of a principal. */
export function principalRuntime(principal: AuthenticatedPrincipal): PrincipalRuntime {
  const known = runtimes.get(principal);
  if (known !== undefined) return known;
  const runtime = derive(principal);
  runtimes.set(principal, runtime);
  return runtime;
}

function derive(principal: AuthenticatedPrincipal): PrincipalRuntime {
  const scopesText = [...principal.scopes].join(" ");
  const clientId = principal.kind === "oauth" ? principal.clientId : null;
  const fields = [
    `X-Portcullis-Subject: ${fieldSafe(principal.subject)}`,
    `X-Portcullis-Credential: ${fieldSafe(principal.credentialId)}`,
    `X-Portcullis-Credential-Kind: ${principal.kind}`,
    `X-Portcullis-Scopes: ${scopesText}`,
  ];
  if (clientId !== null) fields.push(`X-Portcullis-Client: ${fieldSafe(clientId)}`);
  if (principal.portal !== null) fields.push(`X-Portcullis-Portal: ${principal.portal}`);
  return {
    audit: {
      credentialId: principal.credentialId,
      kind: principal.kind,
      subject: principal.subject,
      clientId,
      scopesText,
      portal: principal.portal,
    },
    upstreamFields: `${fields.join("\r\n")}\r\n`,
  };
}

/** Visible ASCII as it is; anything else, and `%`, percent-encoded as UTF-8, so that no name can break a field. */
function fieldSafe(text: string): string {
  return text.replaceAll(/[^\x21-\x24\x26-\x7e]/gu, (character) =>
    Buffer.from(character, "utf8").reduce((encoded, byte) => `${encoded}%${hex(byte)}`, ""),
  );
}

function hex(byte: number): string {
  return byte.toString(16).toUpperCase().padStart(2, "0");
}
