/** There is nothing of this id. */
export interface NotFound {
  readonly kind: "not_found";
}

/** Somebody else has changed it since it was read: the version given is not the one in the store. */
export interface Conflict {
  readonly kind: "conflict";
}

/** What became of a change of one record. `before` is as it was, `record` as it is now. */
export type Changed<T> =
  | { readonly kind: "changed"; readonly before: T; readonly record: T }
  /** It was so already; nothing was written and nothing stands in the audit. */
  | { readonly kind: "unchanged"; readonly record: T };
