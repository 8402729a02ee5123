import { z } from "zod";
import { PRIORITIES, ROLES, TICKET_STATUSES } from "./model.ts";

/** What callers send: one definition of each field for the REST bodies and for the MCP tools. */

const subject = z.string().trim().min(1).max(200);
const text = z.string().max(65_536);
const email = z.email().max(254);
const tags = z.array(z.string().min(1).max(40)).max(20);
const status = z.enum(TICKET_STATUSES);
const priority = z.enum(PRIORITIES);

export const newTicketFields = {
  subject,
  body: text.optional(),
  priority: priority.optional(),
  requester: email.optional(),
  tags: tags.optional(),
};

export const ticketChangeFields = {
  subject: subject.optional(),
  body: text.optional(),
  status: status.optional(),
  priority: priority.optional(),
  assignee: z.string().max(254).nullable().optional(),
  tags: tags.optional(),
};

export const newCommentFields = {
  body: text.min(1),
  author: z.string().min(1).max(254).optional(),
};

const portalName = z.string().trim().min(1).max(100);
const plan = z.string().min(1).max(40);
const locale = z.string().regex(/^[a-z]{2}(?:-[A-Z]{2})?$/u, "must be a language, such as `en` or `en-US`");

export const portalChangeFields = { name: portalName.optional(), plan: plan.optional(), locale: locale.optional() };

export const newUserFields = {
  email,
  name: z.string().trim().min(1).max(100).optional(),
  role: z.enum(ROLES).optional(),
};

export const runFields = { input: z.record(z.string(), z.unknown()).optional() };

/** A page of a list: the first 20 by default, never more than 200. */
export const pageFields = {
  status: status.optional(),
  limit: z.number().int().min(1).max(200).optional(),
  offset: z.number().int().min(0).optional(),
};

export const newTicket = z.object(newTicketFields);
export const ticketChange = z.object(ticketChangeFields);
export const newComment = z.object(newCommentFields);
export const portalChange = z.object(portalChangeFields);
/** A whole portal, for PUT: no field may be missing. */
export const wholePortal = z.object({ name: portalName, plan, locale });
export const newUser = z.object(newUserFields);
export const newRun = z.object(runFields);
export const page = z.object(pageFields);

/** The same page, read from the texts of a query. */
export const pageQuery = z.object({
  status: status.optional(),
  limit: z
    .string()
    .regex(/^\d{1,9}$/u)
    .transform(Number)
    .pipe(z.number().min(1).max(200))
    .optional(),
  offset: z
    .string()
    .regex(/^\d{1,9}$/u)
    .transform(Number)
    .optional(),
});

export type NewTicket = z.infer<typeof newTicket>;
export type TicketChange = z.infer<typeof ticketChange>;
export type NewComment = z.infer<typeof newComment>;
export type PortalChange = z.infer<typeof portalChange>;
export type NewUser = z.infer<typeof newUser>;
export type NewRun = z.infer<typeof newRun>;
export type Page = z.infer<typeof page>;
