import { ApiProblem } from "./problem.ts";

/** One tag of ours, or `*`. */
export const IF_MATCH_PATTERN = /^(?:\*|"v(\d{1,15})")$/;

/** The entity tag of a version of a record. */
export function etagOf(version: number): string {
  return `"v${version}"`;
}

/** The version that `If-Match` asks for; `undefined` where it asks for none. Throws `ApiProblem` where it is malformed. */
export function versionOf(ifMatch: string | undefined): number | undefined {
  if (ifMatch === undefined || ifMatch === "*") return undefined;
  const digits = IF_MATCH_PATTERN.exec(ifMatch)?.[1];
  if (digits !== undefined) return Number(digits);
  throw new ApiProblem("bad_request", { fields: [{ field: "If-Match", text: "expected the ETag of the record" }] });
}
