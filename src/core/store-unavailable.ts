/** The store did not answer, or not in time. Callers answer 503, never 401 and never an allow. */
export class StoreUnavailable extends Error {
  constructor(detail: string, options?: { cause?: unknown }) {
    super(detail, options);
    this.name = "StoreUnavailable";
  }
}
