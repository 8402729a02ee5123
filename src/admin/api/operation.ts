import { z } from "zod";
import type { Actor } from "../../administration/actor.ts";
import type { Administration } from "../../administration/administration.ts";
import type { ErrorCode } from "../../core/errors.ts";
import { ApiProblem } from "./problem.ts";
import { applied, takeWait, waitQuery, withApplied } from "./spread.ts";
import { fieldsOf } from "./zod-problems.ts";

export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

/** A schema with the name that the OpenAPI document gives it. */
export interface Named<T extends z.ZodType> {
  readonly name: string;
  readonly schema: T;
}

/** Who calls an operation. */
export interface Caller {
  readonly actor: Actor;
  /** Of the person or the admin token: idempotency keys are theirs alone. */
  readonly id: string;
  /** For forms and requests of a browser's session; `null` for tokens. */
  readonly csrfToken: string | null;
}

/** What an operation works with. */
export interface Context {
  readonly administration: Administration;
  readonly caller: Caller;
  readonly actor: Actor;
  /** Of `If-Match`; `undefined` where it was not sent or is `*`. */
  readonly version: number | undefined;
}

export interface Answer<T> {
  readonly body: T;
  /** Of the record, for `ETag`. */
  readonly version?: number;
}

/** No parameters, no query. */
export const none = z.strictObject({});
/** No body. */
export const noBody: Named<z.ZodUndefined> = { name: "", schema: z.undefined() };

/** An operation as its file writes it. */
interface Spec<P extends z.ZodObject, Q extends z.ZodObject, B extends z.ZodType, R extends z.ZodType> {
  readonly id: string;
  readonly method: Method;
  /** Below `/api/v1`, with parameters as OpenAPI writes them: `/keys/{id}`. */
  readonly path: string;
  readonly tag: string;
  readonly summary: string;
  readonly params: P;
  readonly query: Q;
  readonly body: Named<B>;
  readonly status?: 200 | 201;
  readonly answer: Named<R>;
  /** Takes an `Idempotency-Key`. `secret` is the member of the answer that a replay leaves out. */
  readonly creates?: { readonly secret: string | null };
  /** Takes an `If-Match`. */
  readonly versioned?: boolean;
  /** Takes something away: waits until it counts everywhere, unless `wait=false`, and tells in `applied` how that went. */
  readonly spreads?: boolean;
  /** What it may refuse with beside what all may. */
  readonly refuses?: readonly ErrorCode[];
  handle(
    input: { readonly params: z.output<P>; readonly query: z.output<Q>; readonly body: z.output<B> },
    context: Context,
  ): Promise<Answer<z.input<R>>>;
}

/** What came with a request, unread. */
export interface RawInput {
  readonly params: unknown;
  readonly query: unknown;
  readonly body: unknown;
}

/** Input that fits the schemas, and what is to be done with it. */
export interface Prepared {
  /** As JSON: the same for the same request. */
  readonly input: unknown;
  run(context: Context): Promise<Answer<unknown>>;
}

/** One operation of the API: what the routes and the OpenAPI document are made of. */
export interface Operation {
  readonly id: string;
  readonly method: Method;
  readonly path: string;
  readonly tag: string;
  readonly summary: string;
  readonly params: z.ZodObject;
  readonly query: z.ZodObject;
  readonly body: Named<z.ZodType> | null;
  readonly status: 200 | 201;
  readonly answer: Named<z.ZodType>;
  readonly creates: { readonly secret: string | null } | null;
  readonly versioned: boolean;
  readonly refuses: readonly ErrorCode[];
  /** Checks the input. Throws `ApiProblem`: `bad_request` for parameters, `invalid_request` for the body. */
  prepare(raw: RawInput): Prepared;
}

/** Makes an operation of its parts. */
export function operation<P extends z.ZodObject, Q extends z.ZodObject, B extends z.ZodType, R extends z.ZodObject>(
  spec: Spec<P, Q, B, R>,
): Operation {
  const { body, id, method, params, path, query, spreads = false, summary, tag } = spec;
  const answer = spreads ? withApplied(spec.answer) : spec.answer;
  return {
    id,
    method,
    path,
    tag,
    summary,
    params,
    query: spreads ? query.extend(waitQuery) : query,
    body: body.name === noBody.name ? null : body,
    status: spec.status ?? 200,
    answer,
    creates: spec.creates ?? null,
    versioned: spec.versioned ?? false,
    refuses: spec.refuses ?? [],
    prepare(raw) {
      const wait = spreads ? takeWait(raw.query) : null;
      const input = {
        params: read(params, raw.params, "bad_request"),
        query: read(query, wait?.rest ?? raw.query, "bad_request"),
        body: read(body.schema, raw.body, "invalid_request"),
      };
      const run = (context: Context): Promise<Answer<z.input<R>>> => spec.handle(input, context);
      return {
        input,
        run: (context) => (wait === null ? run(context) : applied(context, wait.ms, () => run(context))),
      };
    },
  };
}

function read<T extends z.ZodType>(schema: T, value: unknown, code: ErrorCode): z.output<T> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new ApiProblem(code, { fields: fieldsOf(parsed.error) });
}
