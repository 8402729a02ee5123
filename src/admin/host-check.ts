import { isIP, isIPv4 } from "node:net";

const NAME_AND_PORT = /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::[0-9]{1,5})?$/;

/**
 * Keeps web pages out that point a name of theirs at this listener (DNS rebinding): a request is accepted where its
 * `Host` is a loopback name or address, the address that we are bound to or reached by, or a name that was allowed.
 * The port is not looked at.
 */
export function createHostCheck(options: {
  /** Lower case, without port; IPv6 in brackets, as a URL has it. */
  readonly hosts: readonly string[];
  /** The address given to `listen`. */
  readonly boundTo: () => string;
}): (host: string | undefined, localAddress?: string) => boolean {
  const allowed = new Set(options.hosts.map(plainName));
  return (field, localAddress) => {
    const name = NAME_AND_PORT.exec((field ?? "").toLowerCase())?.[1];
    if (name === undefined) return false;
    const host = plainName(name);
    return (
      isLoopback(host) ||
      allowed.has(host) ||
      host === options.boundTo().toLowerCase() ||
      (isIP(host) !== 0 && host === plainAddress(localAddress))
    );
  };
}

/** Without the brackets of an IPv6 address. */
function plainName(name: string): string {
  return name.startsWith("[") ? name.slice(1, -1) : name;
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || (isIPv4(host) && host.startsWith("127."));
}

/** IPv4 addresses come as `::ffff:a.b.c.d` where the socket listens on both families. */
function plainAddress(address: string | undefined): string | undefined {
  return address?.startsWith("::ffff:") === true ? address.slice("::ffff:".length) : address;
}
