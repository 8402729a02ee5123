import type {
  PortalSeed,
  Portal,
  Priority,
  Role,
  Ticket,
  TicketComment,
  TicketStatus,
  User,
  Workflow,
} from "./model.ts";

/** The seed: the same tickets, people and times at each start, so that a tour can name them. */

type TicketRow = readonly [
  subject: string,
  body: string,
  status: TicketStatus,
  priority: Priority,
  requester: string,
  assignee: string | null,
  tags: readonly string[],
];
type CommentRow = readonly [ticket: number, author: string, body: string];
type UserRow = readonly [email: string, name: string, role: Role];

const START = Date.UTC(2026, 0, 12, 8, 0, 0);
const STEP = 37 * 60_000;

const ACME_TICKETS: readonly TicketRow[] = [
  [
    "Cannot sign in after password reset",
    "I reset my password this morning. Since then the sign-in page says that my account is locked.",
    "open",
    "high",
    "june.park@acme.example",
    "mara@acme.example",
    ["sign-in", "account"],
  ],
  [
    "Invoice 2025-1187 shows the wrong VAT number",
    "Our VAT number changed in November. The December invoice still carries the old one.",
    "pending",
    "normal",
    "billing@northwind.example",
    "tom@acme.example",
    ["billing"],
  ],
  [
    "Export of tickets stops at 10,000 rows",
    "The CSV export ends after exactly 10,000 rows, without an error. We have about 14,300 tickets.",
    "open",
    "urgent",
    "ops@contoso.example",
    "mara@acme.example",
    ["export", "bug"],
  ],
  [
    "Please add our new colleague to the portal",
    "Devi Rao starts on Monday and needs to read and answer tickets.",
    "solved",
    "low",
    "hr@acme.example",
    "tom@acme.example",
    ["users"],
  ],
  [
    "Webhook deliveries are delayed by minutes",
    "Since 06:40 UTC webhooks arrive four to nine minutes late. Nothing changed on our side.",
    "open",
    "high",
    "platform@fabrikam.example",
    null,
    ["webhooks", "latency"],
  ],
  [
    "Dark mode makes attachments unreadable",
    "Text files in the preview are black on dark grey.",
    "pending",
    "low",
    "june.park@acme.example",
    null,
    ["ui"],
  ],
  [
    "Data processing agreement for 2026",
    "Legal asks for a countersigned copy of the agreement before the end of the month.",
    "closed",
    "normal",
    "legal@northwind.example",
    "tom@acme.example",
    ["legal"],
  ],
  [
    "Rate limit reached during the nightly sync",
    "Our sync gets 429 from about 02:15 on. Is the limit per key or per portal?",
    "open",
    "normal",
    "ops@contoso.example",
    "mara@acme.example",
    ["api"],
  ],
];

const GLOBEX_TICKETS: readonly TicketRow[] = [
  [
    "Printer on floor 3 prints blank pages",
    "All drivers are current. A test page from the device itself is fine.",
    "open",
    "normal",
    "i.novak@globex.example",
    "sam@globex.example",
    ["hardware"],
  ],
  [
    "VPN drops every hour",
    "The tunnel goes down at 60 minutes sharp and comes back after about ten seconds.",
    "open",
    "high",
    "field@globex.example",
    "sam@globex.example",
    ["network"],
  ],
  [
    "Phishing mail that looks like the payroll system",
    "Three people in sales got it. One of them clicked, and changed her password right after.",
    "pending",
    "urgent",
    "sales@globex.example",
    "lena@globex.example",
    ["security"],
  ],
  [
    "New laptop for the Lisbon office",
    "One 14-inch device, Portuguese keyboard, by the first of February.",
    "solved",
    "low",
    "lisbon@globex.example",
    null,
    ["hardware", "order"],
  ],
  [
    "Shared calendar shows times one hour off",
    "Only for meetings that were made before the clocks went back.",
    "open",
    "normal",
    "i.novak@globex.example",
    null,
    ["calendar", "bug"],
  ],
  [
    "Restore a deleted folder from Friday",
    "The folder `Q4-forecast` on the finance share was deleted by mistake.",
    "closed",
    "high",
    "finance@globex.example",
    "lena@globex.example",
    ["backup"],
  ],
];

const ACME_COMMENTS: readonly CommentRow[] = [
  [0, "mara@acme.example", "I have unlocked the account. Could you try once more, please?"],
  [0, "june.park@acme.example", "Still locked, I am afraid. I have attached the log."],
  [2, "mara@acme.example", "Confirmed: the export runs into a page limit. A fix is on its way."],
  [4, "platform@fabrikam.example", "It is back to normal since 08:10 UTC."],
];

const GLOBEX_COMMENTS: readonly CommentRow[] = [
  [1, "sam@globex.example", "The lease time of the tunnel is 3600 seconds. I will raise it on the gateway."],
  [2, "lena@globex.example", "Sender blocked, all sessions of the account ended."],
];

const WORKFLOWS: readonly (readonly [id: string, name: string, description: string])[] = [
  ["escalate", "Escalate", "Raises the priority of tickets that wait for more than two days."],
  ["close-stale", "Close stale tickets", "Closes tickets that were solved two weeks ago."],
  ["weekly-report", "Weekly report", "Sends the numbers of the week to all administrators."],
];

/** The portals `acme` and `globex`. Each call returns the same. */
export function seed(): readonly PortalSeed[] {
  return [
    portalSeed(makePortal("acme", "Acme Inc", "enterprise", "en-US"), 1001, ACME_TICKETS, ACME_COMMENTS, [
      ["mara@acme.example", "Mara Lind", "admin"],
      ["tom@acme.example", "Tom Okafor", "agent"],
      ["june.park@acme.example", "June Park", "viewer"],
    ]),
    portalSeed(makePortal("globex", "Globex Corporation", "business", "en-GB"), 2001, GLOBEX_TICKETS, GLOBEX_COMMENTS, [
      ["lena@globex.example", "Lena Fuchs", "admin"],
      ["sam@globex.example", "Sam Ortiz", "agent"],
    ]),
  ];
}

/** What `log.txt`, the attachment that every ticket has from the start, holds. */
export function seededLog(ticket: Ticket): string {
  const lines = [
    `${ticket.created_at} INFO  portal=${ticket.portal_id} ticket=${ticket.id} opened by ${ticket.requester}`,
    `${ticket.created_at} INFO  subject: ${ticket.subject}`,
    `${ticket.created_at} DEBUG tags: ${ticket.tags.join(", ")}`,
  ];
  return `${lines.join("\n")}\n`;
}

function makePortal(id: string, name: string, plan: string, locale: string): Portal {
  return { id, name, plan, locale, created_at: timeAt(0), updated_at: timeAt(0) };
}

function portalSeed(
  owner: Portal,
  firstTicket: number,
  tickets: readonly TicketRow[],
  comments: readonly CommentRow[],
  users: readonly UserRow[],
): PortalSeed {
  return {
    portal: owner,
    tickets: tickets.map((row, index) => makeTicket(owner.id, String(firstTicket + index), row, timeAt(index + 1))),
    comments: comments.map(([at, author, body], index) => makeComment(String(firstTicket + at), index, author, body)),
    workflows: WORKFLOWS.map(([id, name, description]): Workflow => ({ id, portal_id: owner.id, name, description })),
    users: users.map(([email, name, role], index): User => ({
      id: `${owner.id}-u${index + 1}`,
      portal_id: owner.id,
      email,
      name,
      role,
      status: "active",
    })),
  };
}

function makeTicket(portalId: string, id: string, row: TicketRow, at: string): Ticket {
  const [subject, body, status, priority, requester, assignee, tags] = row;
  const times = { created_at: at, updated_at: at };
  return { id, portal_id: portalId, subject, body, status, priority, requester, assignee, tags, ...times };
}

function makeComment(ticketId: string, index: number, author: string, body: string): TicketComment {
  return { id: `c${index + 1}`, ticket_id: ticketId, author, body, created_at: timeAt(20 + index) };
}

function timeAt(step: number): string {
  return new Date(START + step * STEP).toISOString();
}
