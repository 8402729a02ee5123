/** Part of a list. `next` is the cursor of what follows, to be given back as it is; `null` at the end. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly next: string | null;
}

/** Which part of a list. `limit` is 1 to 1000. */
export interface PageQuery {
  readonly after?: string | undefined;
  readonly limit: number;
}
