import type { z } from "zod";
import type { FieldProblem } from "../../core/field-problem.ts";

const MOST = 20;

/** What a schema found wrong, by field, such as `scopes.0`. No value is quoted. */
export function fieldsOf(error: z.ZodError): readonly FieldProblem[] {
  return error.issues.slice(0, MOST).flatMap((issue) => {
    if (issue.code === "unrecognized_keys") {
      return issue.keys.slice(0, MOST).map((key) => ({ field: key.slice(0, 64), text: "there is no such field" }));
    }
    return [{ field: issue.path.map(String).join("."), text: issue.message }];
  });
}
