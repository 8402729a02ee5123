/** Who makes a change, for the audit and for `createdBy`. */
export interface Actor {
  /** A person's email, `token:NAME` of an admin token, or `cli:USER`. */
  readonly subject: string;
  readonly kind: "session" | "token" | "cli";
  /** The id of the admin token, where one acts. */
  readonly credential?: string;
  /** When a person who is signed in proved last who they are; wall clock ms. */
  readonly provedAt?: number;
  readonly address: string | null;
  readonly requestId: string | null;
}
