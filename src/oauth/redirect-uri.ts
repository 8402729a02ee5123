import { isLoopbackHost, isPlainHost } from "../core/host-name.ts";

const MAX_LENGTH = 2000;
// oxlint-disable-next-line no-control-regex -- they are what is looked for
const NOT_IN_A_URI = /[\u0000-\u0020\u007f-\uffff\\]/;

/** Why a redirect URI is refused. */
export type RedirectUriProblem =
  | "malformed"
  | "too_long"
  | "fragment"
  | "userinfo"
  /** Neither https nor http. */
  | "scheme"
  /** Written in a way that others may read as another host. */
  | "host"
  /** http to another host than this machine. */
  | "http_not_loopback";

/** Each problem as words that follow the URI. */
export const REDIRECT_URI_PROBLEMS: Readonly<Record<RedirectUriProblem, string>> = {
  malformed: "is not an absolute URL",
  too_long: `is longer than ${MAX_LENGTH} characters`,
  fragment: "has a fragment",
  userinfo: "has a user name or password",
  scheme: "is neither https nor http on loopback",
  host: "has a host that is neither a lower-case name nor an address in its usual form",
  http_not_loopback: "is http to another host than 127.0.0.1, [::1] or localhost; use https",
};

/**
 * Why a client may not have this redirect URI; `null` where it may. Only https, and http on loopback hosts (RFC 8252,
 * sections 7.3 and 8.3), as they are written; no fragment (RFC 6749, section 3.1.2), no user name, at most 2000 characters.
 */
export function redirectUriProblem(uri: string): RedirectUriProblem | null {
  if (uri.length > MAX_LENGTH) return "too_long";
  if (NOT_IN_A_URI.test(uri) || !URL.canParse(uri)) return "malformed";
  const { protocol, hostname, username, password } = new URL(uri);
  if (protocol !== "https:" && protocol !== "http:") return "scheme";
  // `https:host` and `https:/host` parse, and other readers take them for something else.
  if (!/^https?:\/\/[^/]/i.test(uri)) return "malformed";
  if (uri.includes("#")) return "fragment";
  if (username !== "" || password !== "" || authorityOf(uri).includes("@")) return "userinfo";
  if (!isPlainHost(authorityOf(uri).replace(/:\d*$/, ""))) return "host";
  if (protocol === "http:" && !isLoopbackHost(hostname)) return "http_not_loopback";
  return null;
}

/** What stands between `//` and the path, as it was written: `URL` drops an empty user name. */
function authorityOf(uri: string): string {
  return /^[a-z]+:\/\/([^/?#]*)/i.exec(uri)?.[1] ?? "";
}
