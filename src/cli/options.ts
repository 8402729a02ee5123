import { parseDuration } from "../config/units.ts";
import { UsageError } from "./command.ts";

/** What options hold that several commands have. All of these throw `UsageError`. */

/** `--limit`: 1 to 1000, and 100 where it is not given. */
export function limitOf(text: string | undefined): number {
  const limit = text === undefined ? 100 : Number(text);
  if (!Number.isInteger(limit) || limit < 1 || limit > 1000) throw new UsageError("--limit is 1 to 1000");
  return limit;
}

/** Names of an option that is given once for each, or with commas for more. */
export function namesOf(values: readonly string[] | undefined): readonly string[] | undefined {
  return values?.flatMap((value) => value.split(","));
}

/** A time in ms; `0` alone needs no unit. */
export function durationOf(text: string, option: string): number {
  const ms = text === "0" ? 0 : parseDuration(text);
  if (ms === null) throw new UsageError(`${option} takes a time such as 30m, 12h or 90d`);
  return ms;
}
