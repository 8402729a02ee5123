import { foreignText } from "../../web/foreign-text.ts";
import { type Html, html } from "../../web/html.ts";

const LOOPBACK = /^(?:127(?:\.\d{1,3}){3}|\[::1\]|localhost)(?::\d{1,5})?$/i;
/** Longest host name (RFC 1035, section 2.3.4), with a port. */
const LONGEST_HOST = 261;

/** Where the browser goes after the decision, in words; `null` where it stays here. */
export function destination(redirectHost: string | null): Html | null {
  if (redirectHost === null) return null;
  if (LOOPBACK.test(redirectHost))
    return html`an application on this device (<span class="host">${redirectHost}</span>)`;
  return html`<strong class="host">${foreignText(redirectHost, LONGEST_HOST)}</strong>`;
}
