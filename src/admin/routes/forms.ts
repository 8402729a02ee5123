import { z } from "zod";
import { InvalidRequest } from "../../core/invalid-request.ts";
import { listOf, readForm } from "../../web/form.ts";
import type { Problems } from "../pages/form-fields.ts";

/** A field as it came; empty where it is missing, came twice, or is longer than any of ours. */
export const textOf = (most = 512): z.ZodType<string> => z.string().max(most).catch("");
/** A list as it came; empty where it cannot be read. */
export const textsOf = (most = 200): z.ZodType<readonly string[]> => listOf(z.string().max(2048), most).catch([]);
/** Of a record that a form was made from; `undefined` where the form names none. */
export const versionOf = z
  .string()
  .regex(/^\d{1,15}$/)
  .transform(Number)
  .optional()
  .catch(undefined);

/** Reads a form or a query whose every field has something to fall back to: what was sent can be shown again. */
export function readTexts<T>(body: unknown, schema: z.ZodType<T>): T | null {
  const form = readForm(typeof body === "object" && body !== null ? body : {}, schema);
  return form.ok ? form.value : null;
}

/** The version in a form. */
export function postedVersion(body: unknown): number | undefined {
  return readTexts(body, z.object({ version: versionOf }))?.version;
}

/** One parameter of the path or the query. */
export function textParameter(source: unknown, name: string): string {
  if (typeof source !== "object" || source === null) return "";
  const value: unknown = Reflect.get(source, name);
  return typeof value === "string" ? value : "";
}

/**
 * Does the work, or tells what is wrong with its request, by the fields of the form. `names` has the fields whose names
 * differ; what the form does not show goes to the whole form.
 */
export async function orProblems<T>(
  work: () => Promise<T>,
  names: Readonly<Record<string, string>>,
): Promise<{ readonly ok: true; readonly value: T } | { readonly ok: false; readonly problems: Problems }> {
  try {
    return { ok: true, value: await work() };
  } catch (error) {
    if (!(error instanceof InvalidRequest)) throw error;
    const problems: Record<string, string> = {};
    for (const { field, text } of error.fields) {
      const name = Object.hasOwn(names, field) ? (names[field] ?? "") : "";
      const said = problems[name];
      problems[name] = said === undefined ? sentence(text) : `${said} ${sentence(text)}`;
    }
    return { ok: false, problems };
  }
}

function sentence(text: string): string {
  const begun = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(begun) ? begun : `${begun}.`;
}

const DAY_MS = 86_400_000;
const DATE = /^(\d{4})-(\d{2})-(\d{2})$/;

export type Expiry =
  | { readonly ok: true; readonly expiresInMs: number | null }
  | { readonly ok: false; readonly problems: Problems };

/** How long from now on, by the choice of a form and its day, which counts to its end (UTC). */
export function readExpiry(form: { readonly expiry: string; readonly expires_on: string }, now: number): Expiry {
  switch (form.expiry) {
    case "30":
    case "90":
    case "365":
      return { ok: true, expiresInMs: Number(form.expiry) * DAY_MS };
    case "never":
      return { ok: true, expiresInMs: null };
    case "custom":
      return endOfDay(form.expires_on, now);
    default:
      return { ok: false, problems: { expiry: "Choose when it expires." } };
  }
}

function endOfDay(text: string, now: number): Expiry {
  const start = dayStart(text);
  if (start === null) return { ok: false, problems: { expires_on: "Choose a day." } };
  const expiresInMs = start + DAY_MS - now;
  if (expiresInMs > 0) return { ok: true, expiresInMs };
  return { ok: false, problems: { expires_on: "This day is over." } };
}

/** `2026-02-30` is none. */
function dayStart(text: string): number | null {
  const [, year, month, day] = DATE.exec(text) ?? [];
  if (year === undefined || month === undefined || day === undefined) return null;
  const at = Date.UTC(Number(year), Number(month) - 1, Number(day));
  return new Date(at).toISOString().startsWith(text) ? at : null;
}

const MOMENT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2})?$/;

/** A time as browsers send it, taken for UTC; `null` for none, `undefined` for what is none. */
export function readMoment(text: string): number | null | undefined {
  if (text === "") return null;
  const at = MOMENT.test(text) ? Date.parse(`${text}Z`) : Number.NaN;
  return Number.isNaN(at) ? undefined : at;
}
