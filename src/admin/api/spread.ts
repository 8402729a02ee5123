import { z } from "zod";
import { spreadJson } from "../../revocation/spread-text.ts";
import type { Answer, Context, Named } from "./operation.ts";
import { ApiProblem } from "./problem.ts";
import { fieldsOf } from "./zod-problems.ts";

/** What an operation that takes something away asks beside its own query, and tells beside its own answer. */

export const waitQuery = {
  wait: z
    .enum(["true", "false"])
    .default("true")
    .describe("False answers at once, and says in `applied.out` which instances have not applied it."),
};
const waitSchema = z.looseObject(waitQuery);

const appliedSchema = z.strictObject({
  instances: z.int().describe("Instances that were there to be told."),
  applied: z.int().describe("Those of them that have applied it."),
  ms: z.int(),
  streams_closed: z.int(),
  out: z
    .array(z.strictObject({ instance: z.string(), for_ms: z.int() }))
    .describe("Those that do not answer, and for how long at most they may go on as before."),
  lapsed: z
    .array(z.string())
    .describe("Those that did not answer in time: they serve nobody until they have caught up."),
});

const known = new WeakMap<z.ZodObject, Named<z.ZodObject>>();

/** The answer with `applied` in it. */
export function withApplied({ name, schema }: Named<z.ZodObject>): Named<z.ZodObject> {
  const before = known.get(schema);
  if (before !== undefined) return before;
  const named = { name: `${name}Applied`, schema: schema.extend({ applied: appliedSchema }) };
  known.set(schema, named);
  return named;
}

/** How long is to be waited, and the rest of the query. Throws `ApiProblem`. */
export function takeWait(query: unknown): { readonly ms: number; readonly rest: unknown } {
  const parsed = waitSchema.safeParse(query);
  if (!parsed.success) throw new ApiProblem("bad_request", { fields: fieldsOf(parsed.error) });
  const { wait, ...rest } = parsed.data;
  return { ms: wait === "true" ? Infinity : 0, rest };
}

/** Runs an operation, and adds to its answer how its changes spread. */
export async function applied<T extends object>(
  { administration }: Context,
  waitMs: number,
  run: () => Promise<Answer<T>>,
): Promise<Answer<T & { readonly applied: z.input<typeof appliedSchema> }>> {
  const { spread, value } = await administration.report(waitMs, run);
  return { ...value, body: { ...value.body, applied: spreadJson(spread) } };
}
