import type { FieldProblem } from "./field-problem.ts";

/** A request that cannot be granted, with every problem of it. */
export class InvalidRequest extends Error {
  readonly fields: readonly FieldProblem[];

  constructor(fields: readonly FieldProblem[]) {
    super(fields.map(({ text }) => text).join("; "));
    this.name = "InvalidRequest";
    this.fields = fields;
  }
}
