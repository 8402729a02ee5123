/** What the ticket service keeps. Times are ISO 8601, UTC. */

export const TICKET_STATUSES = ["open", "pending", "solved", "closed"] as const;
export const PRIORITIES = ["low", "normal", "high", "urgent"] as const;
export const ROLES = ["admin", "agent", "viewer"] as const;

export type TicketStatus = (typeof TICKET_STATUSES)[number];
export type Priority = (typeof PRIORITIES)[number];
export type Role = (typeof ROLES)[number];

export interface Portal {
  readonly id: string;
  readonly name: string;
  readonly plan: string;
  readonly locale: string;
  readonly created_at: string;
  readonly updated_at: string;
}

export interface Ticket {
  readonly id: string;
  readonly portal_id: string;
  readonly subject: string;
  readonly body: string;
  readonly status: TicketStatus;
  readonly priority: Priority;
  readonly requester: string;
  readonly assignee: string | null;
  readonly tags: readonly string[];
  readonly created_at: string;
  readonly updated_at: string;
}

export interface TicketComment {
  readonly id: string;
  readonly ticket_id: string;
  readonly author: string;
  readonly body: string;
  readonly created_at: string;
}

export interface Workflow {
  readonly id: string;
  readonly portal_id: string;
  readonly name: string;
  readonly description: string;
}

export interface WorkflowRun {
  readonly id: string;
  readonly portal_id: string;
  readonly workflow_id: string;
  readonly status: "running" | "succeeded";
  readonly input: Readonly<Record<string, unknown>>;
  readonly started_at: string;
}

export interface User {
  readonly id: string;
  readonly portal_id: string;
  readonly email: string;
  readonly name: string;
  readonly role: Role;
  readonly status: "active" | "invited";
}

/** Everything that the service keeps of one portal at its start. */
export interface PortalSeed {
  readonly portal: Portal;
  readonly tickets: readonly Ticket[];
  readonly comments: readonly TicketComment[];
  readonly workflows: readonly Workflow[];
  readonly users: readonly User[];
}
