import type { RequestHead } from "../core/request.ts";
import { connectionNames } from "./connection-options.ts";

const JSON_TYPE = /^application\/(?:[a-z0-9.+-]+\+)?json\s*(?:;\s*charset="?utf-8"?\s*)?$/i;

/** One content type, JSON in UTF-8, and no content coding: what we read is what the service reads. */
export function isPlainJson({ connection, rawHeaders }: RequestHead & { readonly connection: string | null }): boolean {
  // A field that `Connection` names ends here: the service would not be told that this is JSON.
  if (connectionNames(connection).includes("content-type")) return false;
  let types = 0;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]?.toLowerCase();
    if (name === "content-encoding") return false;
    if (name === "content-type") {
      types++;
      if (!JSON_TYPE.test(rawHeaders[i + 1] ?? "")) return false;
    }
  }
  return types === 1;
}
