/** Who makes a change, for the audit and for `createdBy`. */
export interface Actor {
  /** A person's email, `token:NAME` of an admin token, or `cli:USER`. */
  readonly subject: string;
  readonly kind: "session" | "token" | "cli";
  readonly address: string | null;
  readonly requestId: string | null;
}
