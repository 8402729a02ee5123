import { METADATA_PATHS } from "../core/reserved-paths.ts";

/** Endpoints of the authorization server, by the name that the library gives them. */
export type Endpoint =
  | "authorization"
  | "token"
  | "registration"
  | "revocation"
  | "introspection"
  | "pushed_authorization_request"
  | "device_authorization"
  | "jwks"
  | "resume"
  | "discovery";

export interface Endpoints {
  /** `oauth.path` of the configuration. */
  readonly base: string;
  /** Paths that clients use; `device` is a page. */
  readonly paths: Readonly<Record<Exclude<Endpoint, "resume" | "discovery"> | "device", string>>;
  /** Where the browser goes to decide on an authorization request. */
  interaction(uid: string): string;
  /** Which endpoint a path is; `null` where none. */
  nameOf(path: string): Endpoint | null;
}

export function createEndpoints(base: string): Endpoints {
  const paths = {
    authorization: `${base}/authorize`,
    token: `${base}/token`,
    registration: `${base}/register`,
    revocation: `${base}/revoke`,
    introspection: `${base}/introspect`,
    pushed_authorization_request: `${base}/par`,
    device_authorization: `${base}/device_authorization`,
    jwks: `${base}/jwks`,
  } as const;
  const names = new Map<string, Endpoint>(METADATA_PATHS.map((path) => [path, "discovery"]));
  names.set(paths.authorization, "authorization");
  names.set(paths.token, "token");
  names.set(paths.registration, "registration");
  names.set(paths.revocation, "revocation");
  names.set(paths.introspection, "introspection");
  names.set(paths.pushed_authorization_request, "pushed_authorization_request");
  names.set(paths.device_authorization, "device_authorization");
  names.set(paths.jwks, "jwks");
  return {
    base,
    paths: { ...paths, device: `${base}/device` },
    interaction: (uid) => `${base}/interaction/${uid}`,
    nameOf: (path) => names.get(path) ?? (path.startsWith(`${paths.authorization}/`) ? "resume" : null),
  };
}
