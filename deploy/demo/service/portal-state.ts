import { Failure, notFound } from "./failure.ts";
import type { NewComment, NewRun, NewTicket, NewUser, Page, PortalChange, TicketChange } from "./inputs.ts";
import type { Portal, PortalSeed, Ticket, TicketComment, User, Workflow, WorkflowRun } from "./model.ts";

/** What happened to a ticket, as events and WebSocket messages carry it. */
export interface TicketEvent {
  readonly type: "ticket.created" | "ticket.updated" | "ticket.deleted" | "ticket.commented" | "ticket.attached";
  readonly portal_id: string;
  readonly ticket_id: string;
  readonly at: string;
  readonly ticket: Ticket;
}

export interface PortalStateOptions {
  readonly seed: PortalSeed;
  /** Wall clock, milliseconds. */
  readonly now: () => number;
  /** Called once for each change of a ticket, after it is made. Must not throw. */
  readonly onChange: (event: TicketEvent) => void;
}

/** How long a run says `running`, in milliseconds. */
const RUN_TIME = 1000;
/** Older runs are forgotten, so that a long-lived demo stays small. */
const MAX_RUNS = 1000;
const MAX_TICKETS = 100_000;
const ANONYMOUS = "api@desk.example";

/** The state of one portal, in memory. Every operation throws a `Failure` with 404 for what it does not know. */
export class PortalState {
  #portal: Portal;
  readonly #tickets = new Map<string, Ticket>();
  readonly #comments = new Map<string, TicketComment[]>();
  readonly #workflows: ReadonlyMap<string, Workflow>;
  readonly #runs = new Map<string, WorkflowRun>();
  readonly #users = new Map<string, User>();
  readonly #now: () => number;
  readonly #onChange: (event: TicketEvent) => void;
  #nextTicket: number;
  #nextComment: number;
  #nextRun = 1;

  constructor({ seed, now, onChange }: PortalStateOptions) {
    this.#portal = seed.portal;
    this.#now = now;
    this.#onChange = onChange;
    for (const ticket of seed.tickets) {
      this.#tickets.set(ticket.id, ticket);
      this.#comments.set(ticket.id, []);
    }
    for (const comment of seed.comments) this.#comments.get(comment.ticket_id)?.push(comment);
    this.#workflows = new Map(seed.workflows.map((workflow) => [workflow.id, workflow]));
    for (const user of seed.users) this.#users.set(user.email, user);
    this.#nextTicket = Math.max(...seed.tickets.map((ticket) => Number(ticket.id))) + 1;
    this.#nextComment = seed.comments.length + 1;
  }

  get portal(): Portal {
    return this.#portal;
  }

  updatePortal(change: PortalChange): Portal {
    const { name, plan, locale } = this.#portal;
    this.#portal = {
      ...this.#portal,
      name: change.name ?? name,
      plan: change.plan ?? plan,
      locale: change.locale ?? locale,
      updated_at: this.#time(),
    };
    return this.#portal;
  }

  /** A page of the tickets, oldest first, and how many there are in all. */
  listTickets(page: Page): { tickets: readonly Ticket[]; total: number; limit: number; offset: number } {
    const { limit = 20, offset = 0, status } = page;
    const all = [...this.#tickets.values()].filter((ticket) => status === undefined || ticket.status === status);
    return { tickets: all.slice(offset, offset + limit), total: all.length, limit, offset };
  }

  /** The tickets that have the text in subject, body or a tag, in any case of letters. */
  search(text: string): readonly Ticket[] {
    const wanted = text.toLowerCase();
    return [...this.#tickets.values()].filter((ticket) =>
      [ticket.subject, ticket.body, ...ticket.tags].some((field) => field.toLowerCase().includes(wanted)),
    );
  }

  ticket(id: string): Ticket {
    const ticket = this.#tickets.get(id);
    if (ticket === undefined) throw notFound("ticket");
    return ticket;
  }

  createTicket(input: NewTicket): Ticket {
    if (this.#tickets.size >= MAX_TICKETS) throw new Failure(507, "the portal is full");
    const at = this.#time();
    const ticket: Ticket = {
      id: String(this.#nextTicket++),
      portal_id: this.#portal.id,
      subject: input.subject,
      body: input.body ?? "",
      status: "open",
      priority: input.priority ?? "normal",
      requester: input.requester ?? ANONYMOUS,
      assignee: null,
      tags: input.tags ?? [],
      created_at: at,
      updated_at: at,
    };
    this.#tickets.set(ticket.id, ticket);
    this.#comments.set(ticket.id, []);
    this.#announce("ticket.created", ticket);
    return ticket;
  }

  updateTicket(id: string, change: TicketChange): Ticket {
    const old = this.ticket(id);
    const ticket: Ticket = {
      ...old,
      subject: change.subject ?? old.subject,
      body: change.body ?? old.body,
      status: change.status ?? old.status,
      priority: change.priority ?? old.priority,
      assignee: change.assignee === undefined ? old.assignee : change.assignee,
      tags: change.tags ?? old.tags,
      updated_at: this.#time(),
    };
    this.#tickets.set(id, ticket);
    this.#announce("ticket.updated", ticket);
    return ticket;
  }

  deleteTicket(id: string): void {
    const ticket = this.ticket(id);
    this.#tickets.delete(id);
    this.#comments.delete(id);
    this.#announce("ticket.deleted", ticket);
  }

  comments(ticketId: string): readonly TicketComment[] {
    const comments = this.#comments.get(ticketId);
    if (comments === undefined) throw notFound("ticket");
    return comments;
  }

  addComment(ticketId: string, input: NewComment): TicketComment {
    const ticket = this.ticket(ticketId);
    const comment: TicketComment = {
      id: `c${this.#nextComment++}`,
      ticket_id: ticketId,
      author: input.author ?? ANONYMOUS,
      body: input.body,
      created_at: this.#time(),
    };
    this.#comments.get(ticketId)?.push(comment);
    this.#announce("ticket.commented", ticket);
    return comment;
  }

  /** Tells the followers of the portal that a ticket has a new attachment. */
  attached(ticketId: string): void {
    this.#announce("ticket.attached", this.ticket(ticketId));
  }

  workflows(): readonly Workflow[] {
    return [...this.#workflows.values()];
  }

  runWorkflow(workflowId: string, input: NewRun): WorkflowRun {
    if (!this.#workflows.has(workflowId)) throw notFound("workflow");
    const run: WorkflowRun = {
      id: `run-${this.#nextRun++}`,
      portal_id: this.#portal.id,
      workflow_id: workflowId,
      status: "running",
      input: input.input ?? {},
      started_at: this.#time(),
    };
    this.#runs.set(run.id, run);
    const [oldest] = this.#runs.keys();
    if (this.#runs.size > MAX_RUNS && oldest !== undefined) this.#runs.delete(oldest);
    return run;
  }

  /** A run as it stands now: `running` in its first second, then `succeeded`. */
  run(workflowId: string, runId: string): WorkflowRun {
    const run = this.#runs.get(runId);
    if (run === undefined || run.workflow_id !== workflowId) throw notFound("run");
    return this.#now() - Date.parse(run.started_at) < RUN_TIME ? run : { ...run, status: "succeeded" };
  }

  users(): readonly User[] {
    return [...this.#users.values()];
  }

  /** Invites a person. Throws a `Failure` with 409 where the address is taken. */
  inviteUser(input: NewUser): User {
    if (this.#users.has(input.email)) throw new Failure(409, "a user with this address exists");
    const user: User = {
      id: `${this.#portal.id}-u${this.#users.size + 1}`,
      portal_id: this.#portal.id,
      email: input.email,
      name: input.name ?? input.email,
      role: input.role ?? "viewer",
      status: "invited",
    };
    this.#users.set(user.email, user);
    return user;
  }

  #time(): string {
    return new Date(this.#now()).toISOString();
  }

  #announce(type: TicketEvent["type"], ticket: Ticket): void {
    this.#onChange({ type, portal_id: ticket.portal_id, ticket_id: ticket.id, at: this.#time(), ticket });
  }
}
