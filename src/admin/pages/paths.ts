/** Where each admin page is. Ids in queries may be URLs, which no path segment takes. */
export interface AdminPaths {
  readonly home: string;
  readonly mcpSwitch: string;
  readonly clientPolicy: string;
  readonly keys: string;
  readonly newKey: string;
  key(id: string): string;
  rotateKey(id: string): string;
  revokeKey(id: string): string;
  readonly clients: string;
  readonly newClient: string;
  client(id: string): string;
  clientAct(act: ClientAct, id: string): string;
  readonly grants: string;
  revokeGrant(id: string): string;
  readonly activity: string;
  entry(id: string): string;
  readonly explain: string;
  readonly people: string;
  readonly newPerson: string;
  person(id: string): string;
  personAct(act: PersonAct, id: string): string;
  readonly tokens: string;
  readonly newToken: string;
  revokeToken(id: string): string;
  /** Answers `GET` with the live numbers. */
  readonly status: string;
  asset(file: string): string;
}

/** What is done with a client on a page of its own. */
export type ClientAct = "approve" | "disable" | "enable" | "secret";
export type PersonAct = "edit" | "password" | "disable" | "enable" | "sessions";

/** `prefix` is `""`, or a path such as `/admin`. */
export function adminPaths(prefix: string): AdminPaths {
  const under = (base: string) => (id: string, act?: string) =>
    `${prefix}${base}/${encodeURIComponent(id)}${act === undefined ? "" : `/${act}`}`;
  const key = under("/keys");
  const person = under("/people");
  return {
    home: prefix === "" ? "/" : prefix,
    mcpSwitch: `${prefix}/access/switch`,
    clientPolicy: `${prefix}/access/clients`,
    keys: `${prefix}/keys`,
    newKey: `${prefix}/keys/new`,
    key,
    rotateKey: (id) => key(id, "rotate"),
    revokeKey: (id) => key(id, "revoke"),
    clients: `${prefix}/clients`,
    newClient: `${prefix}/clients/new`,
    client: (id) => withQuery(`${prefix}/clients/client`, { id }),
    clientAct: (act, id) => withQuery(`${prefix}/clients/${act}`, { id }),
    grants: `${prefix}/apps`,
    revokeGrant: (id) => under("/apps")(id, "revoke"),
    activity: `${prefix}/activity`,
    entry: under("/activity"),
    explain: `${prefix}/explain`,
    people: `${prefix}/people`,
    newPerson: `${prefix}/people/new`,
    person,
    personAct: (act, id) => person(id, act),
    tokens: `${prefix}/tokens`,
    newToken: `${prefix}/tokens/new`,
    revokeToken: (id) => under("/tokens")(id, "revoke"),
    status: `${prefix}/api/v1/status`,
    asset: (file) => `${prefix}/assets/${file}`,
  };
}

/** A path with a query of those values that are not empty. */
export function withQuery(path: string, values: Readonly<Record<string, string | null | undefined>>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) {
    if (value !== null && value !== undefined && value !== "") query.set(name, value);
  }
  const text = query.toString();
  return text === "" ? path : `${path}?${text}`;
}
