/** What is wrong with one field of a request, as a sentence for people. */
export interface FieldProblem {
  readonly field: string;
  readonly text: string;
}
