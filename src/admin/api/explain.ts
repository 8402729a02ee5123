import { z } from "zod";
import { none, operation, type Operation } from "./operation.ts";
import { keyId, portalAsked, scopesAsked } from "./schemas.ts";

const caller = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("anonymous") }),
  z.strictObject({ kind: z.literal("key"), id: keyId }),
  z.strictObject({ kind: z.literal("scopes"), scopes: scopesAsked, portal: portalAsked.default(null) }),
]);

const source = z.strictObject({ file: z.string(), line: z.int(), column: z.int() });

/** What would be decided on a request, step by step. */
export const explainOperations: readonly Operation[] = [
  operation({
    id: "explain",
    method: "POST",
    path: "/explain",
    tag: "explain",
    summary: "What the rules in force decide on a request, step by step. Nothing is sent.",
    params: none,
    query: none,
    body: {
      name: "Question",
      schema: z.strictObject({
        method: z.string().regex(/^[A-Z]{1,20}$/, "expected a method in capitals"),
        target: z.string().min(1).max(8192).describe("Path and query, as on the request line."),
        headers: z
          .array(
            z.tuple([
              z.string().regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$/, "not a field name"),
              z.string().max(8192),
            ]),
          )
          .max(100)
          .default([]),
        body: z.string().max(32_768).nullable().default(null),
        caller: caller.default({ kind: "anonymous" }),
      }),
    },
    answer: {
      name: "Explanation",
      schema: z.strictObject({
        steps: z.array(
          z.strictObject({ step: z.string(), ok: z.boolean(), text: z.string(), source: source.nullable() }),
        ),
        verdict: z.strictObject({
          allow: z.boolean(),
          route: z.string().nullable(),
          portal: z.string().nullable(),
          reason: z.string().nullable(),
          code: z.string().nullable(),
          status: z.int().nullable(),
        }),
      }),
    },
    async handle({ body }, { administration }) {
      const { steps, verdict } = await administration.explain(body);
      const told = steps.map(({ ok, source: where, step, text }) => ({
        step,
        ok,
        text,
        source: where === undefined ? null : { file: where.file, line: where.line, column: where.column },
      }));
      return { body: { steps: told, verdict: { ...verdict } } };
    },
  }),
];
