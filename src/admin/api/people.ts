import { z } from "zod";
import type { PersonRecord } from "../../store/people.ts";
import { noBody, none, operation, type Operation } from "./operation.ts";
import { done, found } from "./refusals.ts";
import {
  cursorOut,
  isoTime,
  name,
  nextCursor,
  pageOfQuery,
  pageQuery,
  personId,
  scopes,
  scopesAsked,
  search,
  time,
} from "./schemas.ts";

const role = z.enum(["admin", "member"]);
const person = {
  name: "Person",
  schema: z.strictObject({
    id: z.string(),
    email: z.string(),
    name: z.string(),
    role,
    scopes: scopes.describe("What they may grant to a client."),
    portals: z.array(z.string()).nullable().describe("Where; null is all."),
    signs_in_with: z.enum(["password", "company", "nothing"]),
    created_at: time,
    created_by: z.string(),
    disabled_at: time.nullable(),
    last_sign_in_at: time.nullable(),
  }),
};
const personPage = { name: "PersonPage", schema: z.strictObject({ items: z.array(person.schema), next: nextCursor }) };
const params = z.strictObject({ id: personId });
const rights = z.union([z.literal("all"), scopesAsked]);
const places = z.union([z.literal("all"), z.array(z.string().min(1).max(64)).min(1).max(1000)]);
const tag = "people";

function personJson(record: PersonRecord): z.input<typeof person.schema> {
  const { company, password, portals } = record;
  return {
    id: record.id,
    email: record.email,
    name: record.name,
    role: record.role,
    scopes: [...record.scopes],
    portals: portals === null ? null : [...portals],
    signs_in_with: company !== null ? "company" : password !== null ? "password" : "nothing",
    created_at: isoTime(record.createdAt),
    created_by: record.createdBy,
    disabled_at: isoTime(record.disabledAt),
    last_sign_in_at: isoTime(record.lastSignInAt),
  };
}

function answer(record: PersonRecord) {
  return { body: personJson(record), version: record.version };
}

const reading: readonly Operation[] = [
  operation({
    id: "listPeople",
    method: "GET",
    path: "/people",
    tag,
    summary: "People, newest first.",
    params: none,
    query: z.strictObject({
      ...pageQuery,
      search: search
        .optional()
        .describe("Part of the name or email, or the id. Pages may then be short and still have a `next`."),
    }),
    body: noBody,
    answer: personPage,
    async handle({ query }, { administration }) {
      const { items, next } = await administration.people.list({ ...pageOfQuery(query), search: query.search });
      return { body: { items: items.map(personJson), next: cursorOut(next) } };
    },
  }),
  operation({
    id: "getPerson",
    method: "GET",
    path: "/people/{id}",
    tag,
    summary: "One person.",
    params,
    query: none,
    body: noBody,
    answer: person,
    refuses: ["not_found"],
    handle: async ({ params: { id } }, { administration }) => answer(found(await administration.people.get(id))),
  }),
];

const writing: readonly Operation[] = [
  operation({
    id: "addPerson",
    method: "POST",
    path: "/people",
    tag,
    summary: "Adds a person. An administrator needs a fresh sign-in.",
    params: none,
    query: none,
    body: {
      name: "NewPerson",
      schema: z.strictObject({
        email: z.string().min(3).max(254),
        name,
        role: role.default("member"),
        scopes: rights.default("all"),
        portals: places.default("all"),
        password: z.string().min(1).max(1024).nullable().default(null).describe("Null for who signs in elsewhere."),
      }),
    },
    status: 201,
    answer: person,
    creates: { secret: null },
    handle: async ({ body }, { actor, administration }) => answer(await administration.people.add(actor, body)),
  }),
  operation({
    id: "editPerson",
    method: "PATCH",
    path: "/people/{id}",
    tag,
    summary:
      "Changes what the body names; the new rights count from the next request on. To make an administrator needs a fresh sign-in.",
    params,
    query: none,
    body: {
      name: "PersonEdit",
      schema: z.strictObject({
        name: name.optional(),
        role: role.optional(),
        scopes: rights.optional(),
        portals: places.optional(),
      }),
    },
    answer: person,
    versioned: true,
    refuses: ["not_found", "conflict"],
    async handle({ body, params: { id } }, { actor, administration, version }) {
      return answer(done(await administration.people.edit(actor, id, body, version)).record);
    },
  }),
  operation({
    id: "setPassword",
    method: "PUT",
    path: "/people/{id}/password",
    tag,
    summary: "Sets a password, and ends the person's sessions and grants. Needs a fresh sign-in.",
    params,
    query: none,
    body: { name: "NewPassword", schema: z.strictObject({ password: z.string().min(1).max(1024) }) },
    answer: person,
    versioned: true,
    refuses: ["not_found"],
    async handle({ body, params: { id } }, { actor, administration, version }) {
      return answer(done(await administration.people.setPassword(actor, id, body.password, version)).record);
    },
  }),
];

const switching: readonly Operation[] = [
  operation({
    id: "disablePerson",
    method: "POST",
    path: "/people/{id}/disable",
    tag,
    summary: "Keeps a person from signing in, and ends their sessions and grants.",
    params,
    query: none,
    body: noBody,
    answer: person,
    versioned: true,
    refuses: ["not_found", "conflict"],
    spreads: true,
    async handle({ params: { id } }, { actor, administration, version }) {
      return answer(done(await administration.people.disable(actor, id, version)).record);
    },
  }),
  operation({
    id: "enablePerson",
    method: "POST",
    path: "/people/{id}/enable",
    tag,
    summary: "Lets a person sign in again. An administrator needs a fresh sign-in.",
    params,
    query: none,
    body: noBody,
    answer: person,
    versioned: true,
    refuses: ["not_found", "conflict"],
    async handle({ params: { id } }, { actor, administration, version }) {
      return answer(done(await administration.people.enable(actor, id, version)).record);
    },
  }),
];

/** People. */
export const peopleOperations: readonly Operation[] = [...reading, ...writing, ...switching];
