import { type Deny, deny } from "../core/decision.ts";
import { foldFieldName } from "../core/field-name.ts";
import type { RequestHead } from "../core/request.ts";

const OTHER_HOST = deny(
  "ambiguous_portal",
  "a forwarding header names another portal than `Host`, or none that is plain",
);

/** The last label of an IPv4 address in any of its spellings; no top-level domain is a number. */
const NUMBER = /^(?:\d+|0x[0-9a-f]*)$/;
/** What a forwarding header may name: a host that every reader splits alike. */
const PLAIN_HOST = /^[A-Za-z0-9._-]+(?::[0-9]{1,5})?$/;

/**
 * The label of `Host` that names the portal, in lower case: the first one, or with a `base` the only one
 * before it. An address, a name of one label and a name under another base name no portal. A header that
 * tells services of another host is a refusal, whoever sent it.
 */
export function readHostPortal({ host, rawHeaders }: RequestHead, base: string | null): string | null | Deny {
  const named = labelOf(host, base);
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const field = rawHeaders[at] ?? "";
    if (field.length !== X_FORWARDED_HOST.length && field.length !== FORWARDED.length) continue;
    const folded = foldFieldName(field);
    const value = rawHeaders[at + 1] ?? "";
    const hosts =
      folded === X_FORWARDED_HOST ? value.split(",") : folded === FORWARDED ? hostsOfForwarded(value) : NO_HOSTS;
    for (const text of hosts) if (!isSame(text.trim(), host, named, base)) return OTHER_HOST;
  }
  return named;
}

const X_FORWARDED_HOST = "x-forwarded-host";
const FORWARDED = "forwarded";
const NO_HOSTS: readonly string[] = [];

function isSame(text: string, host: string, named: string | null, base: string | null): boolean {
  return text === host || (PLAIN_HOST.test(text) && labelOf(text, base) === named);
}

/**
 * Whatever stands behind `host=` in `Forwarded` (RFC 7239, section 4), also where a strict reader would not
 * look for it: some services search the value for it.
 */
function hostsOfForwarded(value: string): readonly string[] {
  return value
    .toLowerCase()
    .split("host")
    .slice(1)
    .flatMap((rest) => {
      const text = rest.trimStart();
      if (!text.startsWith("=")) return [];
      const end = text.search(/[;,]/);
      const host = text.slice(1, end === -1 ? text.length : end).trim();
      return [host.startsWith('"') && host.endsWith('"') ? host.slice(1, -1) : host];
    });
}

function labelOf(host: string, base: string | null): string | null {
  if (host.startsWith("[")) return null;
  const colon = host.indexOf(":");
  const name = (colon === -1 ? host : host.slice(0, colon)).toLowerCase().replace(/\.$/, "");
  const dot = name.indexOf(".");
  if (dot === -1 || NUMBER.test(name.slice(name.lastIndexOf(".") + 1))) return null;
  if (base !== null && (name.length !== dot + 1 + base.length || !name.endsWith(base))) return null;
  return name.slice(0, dot);
}
