/** Where a Redis is, read from a URL. Holds the password: never log it. */
export type RedisTarget = {
  readonly username?: string;
  readonly password?: string;
  readonly tls: boolean;
} & (
  | {
      readonly mode: "single";
      readonly host: string;
      readonly port: number;
      readonly db: number;
    }
  | {
      readonly mode: "sentinel";
      readonly sentinels: readonly RedisAddress[];
      readonly name: string;
      readonly db: number;
    }
  | { readonly mode: "cluster"; readonly nodes: readonly RedisAddress[] }
);

export interface RedisAddress {
  readonly host: string;
  readonly port: number;
}

const URL_PARTS = /^(rediss?)(\+sentinel|\+cluster)?:\/\/(?:([^@/]*)@)?([^@/?#]+)(?:\/([^?#]*))?(?:\?db=(\d+))?$/;
const HOST_PORT = /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::(\d{1,5}))?$/;

/**
 * Reads `redis://`, `rediss://` (`user:password@host:port/db`), `redis+sentinel://h1:p,h2:p/name?db=N` and
 * `redis+cluster://h1:p,h2:p`; each with `rediss` for TLS. User and password are percent-decoded. Throws without quoting the URL.
 */
export function parseRedisUrl(url: string): RedisTarget {
  const parts = URL_PARTS.exec(url);
  if (parts === null) throw problem("it is not of the form redis://user:password@host:port/db");
  const [, scheme, form, login, hosts = "", path = "", query] = parts;
  const common = { ...parseLogin(login), tls: scheme === "rediss" };
  const db = query === undefined ? 0 : Number(query);
  if (form === "+cluster") {
    if (path !== "" || query !== undefined) throw problem("a cluster has no databases");
    return { ...common, mode: "cluster", nodes: parseHosts(hosts, 6379) };
  }
  if (form === "+sentinel") {
    if (path === "") throw problem("the name of the master is missing: redis+sentinel://h1,h2/name");
    return { ...common, mode: "sentinel", sentinels: parseHosts(hosts, 26_379), name: decode(path), db };
  }
  const [address, ...more] = parseHosts(hosts, 6379);
  if (address === undefined || more.length > 0) throw problem("it names more than one host");
  if (!/^\d{0,5}$/.test(path)) throw problem("the path is not the number of a database");
  return { ...common, mode: "single", ...address, db: path === "" ? db : Number(path) };
}

function parseLogin(login: string | undefined): { username?: string; password?: string } {
  if (login === undefined) return {};
  const colon = login.indexOf(":");
  const username = decode(colon < 0 ? login : login.slice(0, colon));
  const password = colon < 0 ? "" : decode(login.slice(colon + 1));
  return { ...(username === "" ? {} : { username }), ...(password === "" ? {} : { password }) };
}

function parseHosts(hosts: string, defaultPort: number): readonly RedisAddress[] {
  return hosts.split(",").map((text) => {
    const parts = HOST_PORT.exec(text);
    const port = Number(parts?.[2] ?? defaultPort);
    if (parts?.[1] === undefined || port < 1 || port > 65_535) throw problem("a host or port is malformed");
    return { host: parts[1].replace(/^\[|\]$/g, ""), port };
  });
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw problem("its percent-encoding is malformed");
  }
}

function problem(detail: string): Error {
  return new Error(`the Redis URL cannot be used: ${detail}`);
}
