/** Fields of a record, by name; never a secret. */
export type PlainFields = Readonly<Record<string, unknown>>;

/** What happened, as much of its audit line as a page shows. `null` is what the line does not have. */
export interface Activity {
  /** Wall clock ms. */
  readonly at: number;
  readonly event: "request" | "stream_open" | "stream_close" | "admin" | "oauth" | "signin" | "config";
  readonly decision: "allow" | "deny";
  readonly reason: string;
  readonly detail: string | null;
  /** What was done, such as `key.create`; `null` for requests. */
  readonly action: string | null;
  readonly target: string | null;
  readonly subject: string | null;
  readonly credential: string | null;
  readonly credentialKind: string | null;
  readonly client: string | null;
  readonly route: string | null;
  readonly method: string | null;
  /** As the caller named it. */
  readonly host: string | null;
  readonly path: string | null;
  readonly status: number | null;
  /** The portal that the request names. */
  readonly portal: string | null;
  /** The portal that the credential is restricted to. */
  readonly portalAllowed: string | null;
  /** The scopes of the credential, with single spaces between. */
  readonly scopesHeld: string | null;
  readonly mcp: { readonly method: string; readonly tool: string | null } | null;
  readonly requestId: string | null;
  readonly clientIp: string | null;
  readonly before: PlainFields | null;
  readonly after: PlainFields | null;
  readonly instance: string;
  /** 1; more where the entry stands for that many that were too many to keep one by one. */
  readonly count: number;
}
