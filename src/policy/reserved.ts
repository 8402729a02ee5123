import { isReserved, isUnderReserved, type ReservedPaths } from "../core/reserved-paths.ts";
import type { PathPattern } from "./pattern.ts";

const MESSAGE = "this path is served by Portcullis; change oauth.path, signin.path or admin.public_path, or the rule";

/** What is wrong with a pattern of which every path is served by Portcullis itself; `null` where a path is left. */
export function reservedProblem(reserved: ReservedPaths, { open, segments }: PathPattern): string | null {
  let literal = "";
  for (const segment of segments) {
    // From the first parameter on all depends on what stands before it.
    if (segment.kind === "param") return isUnderReserved(reserved, literal) ? MESSAGE : null;
    literal += `/${segment.text}`;
  }
  return (open ? isUnderReserved(reserved, literal) : isReserved(reserved, literal)) ? MESSAGE : null;
}
