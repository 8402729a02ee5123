const LABEL = "[a-z0-9](?:[a-z0-9-]*[a-z0-9])?";
const NAME = new RegExp(`^${LABEL}(?:\\.${LABEL})*$`);
const MAX_LENGTH = 253;
const LOOPBACK_HOSTS: ReadonlySet<string> = new Set(["127.0.0.1", "[::1]", "localhost"]);

/**
 * True for a host of a URL that reads the same everywhere: a lower-case name of letters, digits and hyphens (punycode
 * for others) of at most 253 characters, four decimal numbers, or IPv6 in brackets, in the one form that `URL` writes.
 * `URL` reads `0x7f.1` and `LOCALHOST` too, and takes marks into names that mean something in headers.
 */
export function isPlainHost(host: string): boolean {
  if (host.length > MAX_LENGTH || !(NAME.test(host) || host.startsWith("["))) return false;
  return URL.parse(`http://${host}/`)?.hostname === host;
}

/** True for a host that is this machine: `127.0.0.1`, `[::1]` and `localhost`, as `URL.hostname` writes them. */
export function isLoopbackHost(hostname: string): boolean {
  return LOOPBACK_HOSTS.has(hostname);
}
