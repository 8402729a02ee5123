import type { RequestHead } from "../core/request.ts";
import type { Route } from "./types.ts";

/** The rule that looks most like what was meant: most segments shared from the left, then the same method. */
export function nearestRoute(routes: readonly Route[], head: RequestHead): Route | null {
  let best: Route | null = null;
  let bestScore = -1;
  for (const route of routes) {
    const score = scoreOf(route, head);
    if (score > bestScore) {
      best = route;
      bestScore = score;
    }
  }
  return best;
}

function scoreOf(route: Route, head: RequestHead): number {
  const wanted = head.path.slice(1).split("/");
  const pattern = route.pattern.slice(1).split("/");
  let shared = 0;
  while (shared < wanted.length && matches(pattern[shared], wanted[shared])) shared++;
  const same = route.methods === null || route.methods.includes(head.method) ? 1 : 0;
  const lengths = Math.abs(pattern.length - wanted.length);
  return shared * 1000 + same * 100 + Math.max(0, 99 - lengths);
}

function matches(pattern: string | undefined, segment: string | undefined): boolean {
  if (pattern === undefined || segment === undefined) return false;
  return pattern.startsWith(":") || pattern.toLowerCase() === segment.toLowerCase();
}
