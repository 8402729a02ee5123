import { fold } from "../core/fold.ts";
import { foldSegment, withoutFormat } from "./look-alikes.ts";
import { escapePattern, HOLE, type UriTemplate } from "./uri-template.ts";

/**
 * What a careless service may take a URI for, one that `uriProblem` passed: as for paths (other case, a dot
 * or space at the end of a segment, `;…`, encoding where none is needed, empty segments). The second text,
 * where there is one, is without the suffix that looks like a format.
 */
export function foldUri(uri: string): readonly string[] {
  const { segments, query } = partsOf(uri);
  const stem = withoutFormat(segments.at(-1) ?? "");
  const folded = segments.join("/") + query;
  return stem === null ? [folded] : [folded, [...segments.slice(0, -1), stem].join("/") + query];
}

/** Matches what `foldUri` makes of the template's URIs. */
export function foldTemplate({ literals }: UriTemplate): RegExp {
  const { segments, query } = partsOf(literals.join(HOLE));
  const parts = (segments.join("/") + query).split(HOLE);
  return new RegExp(`^${parts.map(escapePattern).join("[^/?]+")}$`);
}

function partsOf(uri: string): { readonly segments: readonly string[]; readonly query: string } {
  const mark = uri.indexOf("?");
  const path = mark === -1 ? uri : uri.slice(0, mark);
  const segments = path
    .split("/")
    .map(foldSegment)
    .filter((segment) => segment !== "");
  return { segments, query: mark === -1 ? "" : foldQuery(uri.slice(mark)) };
}

/** What is no UTF-8 when decoded stays encoded. */
function foldQuery(query: string): string {
  try {
    return fold(decodeURIComponent(query));
  } catch {
    return fold(query);
  }
}
