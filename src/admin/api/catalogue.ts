import { z } from "zod";
import { noBody, none, operation, type Operation } from "./operation.ts";

const tag = "catalogue";

/** What the rules in force name: scopes and portals. */
export const catalogueOperations: readonly Operation[] = [
  operation({
    id: "listScopes",
    method: "GET",
    path: "/scopes",
    tag,
    summary: "The scopes of the rules in force, in words.",
    params: none,
    query: none,
    body: noBody,
    answer: {
      name: "ScopeList",
      schema: z.strictObject({ items: z.array(z.strictObject({ scope: z.string(), text: z.string() })) }),
    },
    async handle(_input, { administration }) {
      return { body: { items: administration.catalogue().scopes.map(({ scope, text }) => ({ scope, text })) } };
    },
  }),
  operation({
    id: "listPortals",
    method: "GET",
    path: "/portals",
    tag,
    summary: "The portals that the rules in force list; where they list none, any will do.",
    params: none,
    query: none,
    body: noBody,
    answer: {
      name: "PortalList",
      schema: z.strictObject({ items: z.array(z.strictObject({ id: z.string(), name: z.string() })) }),
    },
    async handle(_input, { administration }) {
      return { body: { items: administration.catalogue().portals.map(({ id, name }) => ({ id, name })) } };
    },
  }),
];
