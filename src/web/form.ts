import { z } from "zod";

/** The fields of a form, or what to say beside each field that is wrong. The name `""` stands for the whole form. */
export type FormResult<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problems: Readonly<Record<string, string>> };

/**
 * Reads a form body as @fastify/formbody leaves it. A field sent twice is refused unless the schema wants a list (see
 * `listOf`). Messages of the schema are kept; others are put into plain words. Never quotes a value.
 */
export function readForm<T>(body: unknown, schema: z.ZodType<T>): FormResult<T> {
  const result = schema.safeParse(body, { error: wordsFor });
  if (result.success) return { ok: true, value: result.data };
  const problems: Record<string, string> = Object.create(null);
  for (const issue of result.error.issues) {
    const field = issue.path.length === 0 ? "" : String(issue.path[0]);
    problems[field] ??= field === "" && issue.code === "invalid_type" ? NO_FORM : issue.message;
  }
  return { ok: false, problems };
}

const NO_FORM = "The form could not be read.";

/** A field that may come any number of times: absent is the empty list, once is a list of one. */
export function listOf<T>(item: z.ZodType<T>, most = 100): z.ZodType<readonly T[]> {
  return z.preprocess(asList, z.array(item).max(most));
}

function asList(value: unknown): unknown {
  if (value === undefined) return [];
  return Array.isArray(value) ? value : [value];
}

function wordsFor(issue: z.core.$ZodRawIssue): string {
  if (issue.code === "invalid_type") return Array.isArray(issue.input) ? "Send this once." : "Fill this in.";
  if (issue.code === "too_small") return issue.input === "" ? "Fill this in." : "This is too short.";
  if (issue.code === "too_big") return "This is too long.";
  return "This is not valid.";
}
