import type { AuditBook, Final } from "./audit-book.ts";
import type { Observed } from "./client.ts";
import { isUnreadable, outcomesOf, refusalOf } from "./expectation.ts";
import type { MetricsBook } from "./metrics-book.ts";
import { makePlan, type Plan } from "./plan.ts";
import type { Seen } from "./upstream.ts";

/** The four books, each kept by another party. */
export interface Books {
  readonly seed: number;
  readonly observed: readonly Observed[];
  readonly seen: ReadonlyMap<number, Seen>;
  readonly audit: AuditBook;
  readonly metrics: MetricsBook;
}

/** Compares the books with each other and with what the plans allow. Returns everything that does not add up. */
export function reconcile(books: Books): string[] {
  const problems = [...books.audit.problems, ...totals(books), ...cells(books)];
  for (const [index, observed] of books.observed.entries()) {
    const plan = makePlan(books.seed, index);
    const final = books.audit.finals.get(index);
    const found = isUnreadable(plan)
      ? unreadable(plan, final, books.seen.get(index))
      : request(plan, observed, final, books.seen.get(index));
    for (const problem of found) {
      problems.push(
        `m${index}: ${problem}\n  ${JSON.stringify({ plan, observed, final, seen: books.seen.get(index) })}`,
      );
    }
  }
  return problems;
}

function unreadable({ route }: Plan, final: Final | undefined, seen: Seen | undefined): string[] {
  const problems: string[] = [];
  if (final !== undefined) problems.push(`a line for a head that cannot be read (${route})`);
  if (seen !== undefined) problems.push("the upstream saw a head that cannot be read");
  return problems;
}

function totals({ seed, observed, audit, metrics }: Books): string[] {
  const plans = observed.map((_, index) => makePlan(seed, index));
  const resets = plans.filter(({ abort }) => abort === "partial-reset").length;
  const unread = plans.filter((plan) => isUnreadable(plan)).length - resets;
  return [
    ...equal("lines of unreadable heads", audit.unreadable.length, unread),
    ...equal("last lines in the audit and requests sent", audit.total, observed.length - resets),
    ...equal("requests in the metrics and last lines in the audit", metrics.total, audit.total),
    ...equal("durations in the metrics and last lines in the audit", metrics.durations, audit.total),
    ...equal("open streams", metrics.gauges.get("portcullis_open_streams") ?? -1, 0),
    ...equal("lost audit lines", metrics.gauges.get("portcullis_audit_lost_total") ?? -1, 0),
  ];
}

function equal(what: string, actual: number, expected: number): string[] {
  return actual === expected ? [] : [`${what}: ${actual}, expected ${expected}`];
}

/** Audit and metrics agree on each combination of rule, decision, reason and status. */
function cells({ audit, metrics }: Books): string[] {
  const names = new Set([...audit.cells.keys(), ...metrics.requests.keys()]);
  return [...names].flatMap((name) => {
    return equal(`metrics and audit on \`${name}\``, metrics.requests.get(name) ?? 0, audit.cells.get(name) ?? 0);
  });
}

function request(plan: Plan, observed: Observed, final: Final | undefined, seen: Seen | undefined): string[] {
  if (final === undefined) return ["no last line in the audit"];
  return [
    ...verdict(plan, final),
    ...answer(plan, observed, final),
    ...forwarded(plan, final, seen),
    ...bytes(plan, observed, final, seen),
  ];
}

/** The decision is the one of the rules; the outcome one that the plan allows. */
function verdict(plan: Plan, final: Final): string[] {
  const refusal = refusalOf(plan);
  const problems: string[] = [];
  const leftBeforeDecision = plan.route === "hook" && plan.abort !== "none" && LEFT.has(final.reason);
  if (leftBeforeDecision) return problems;
  if (final.decision !== (refusal === null ? "allow" : "deny")) problems.push(`decided ${final.decision}`);
  const allowed = refusal === null ? outcomesOf(plan) : [refusal];
  const left = plan.abort !== "none" && LEFT.has(final.reason);
  if (!left && !allowed.includes(final.reason)) problems.push(`${final.reason}, expected ${allowed.join(" or ")}`);
  return problems;
}

/** Outcomes of requests whose client left: gone, or found to be cut short by the parser. */
const LEFT = new Set(["client_closed", "bad_request"]);

/** What the client read is what the audit says. */
function answer(plan: Plan, observed: Observed, final: Final): string[] {
  const problems: string[] = [];
  if (observed.status !== 0) {
    if (observed.status !== final.status)
      problems.push(`the client got ${observed.status}, the audit says ${final.status}`);
    if (observed.requestId !== final.request_id) problems.push("another request id");
    if (observed.marker !== null && observed.marker !== `m${plan.index}`) problems.push(`answer of ${observed.marker}`);
  }
  if (plan.abort !== "none") return problems;
  if (observed.status === 0) problems.push("the client got no answer");
  if (observed.complete === (final.reason === "upstream_cut")) {
    problems.push(`the client's answer is ${observed.complete ? "complete" : "cut"}, the audit says ${final.reason}`);
  }
  const fine = final.reason === "allowed" || final.reason === "public";
  if (fine && observed.status !== plan.status)
    problems.push(`status ${observed.status}, the upstream gave ${plan.status}`);
  return problems;
}

/** Allowed means seen by the upstream; refused means never seen. */
function forwarded(plan: Plan, final: Final, seen: Seen | undefined): string[] {
  const heads = seen?.heads ?? 0;
  if (final.decision === "deny") return heads === 0 ? [] : ["refused, but the upstream saw it"];
  if (heads === 0) {
    const before = LEFT.has(final.reason) || plan.route === "down" || final.reason === "body_too_large";
    return before ? [] : ["allowed, but the upstream never saw it"];
  }
  // Tried again: only without a body, idempotent, and where the connection broke before any answer.
  const mayRetry =
    plan.bodySize === 0 && plan.bodyFraming !== "chunked" && IDEMPOTENT.has(plan.method) && plan.fault === "reset";
  if (heads > (mayRetry ? 2 : 1)) return [`the upstream saw it ${heads} times`];
  return [];
}

const IDEMPOTENT = new Set(["GET", "HEAD", "OPTIONS", "PUT", "DELETE"]);

/** Bytes of requests that went through whole, as all parties count them. */
function bytes(plan: Plan, observed: Observed, final: Final, seen: Seen | undefined): string[] {
  if (plan.abort !== "none" || plan.route === "live") return [];
  const problems: string[] = [];
  if (observed.complete && observed.bodyBytes !== final.bytes_out) {
    problems.push(`bytes out: client ${observed.bodyBytes}, audit ${final.bytes_out}`);
  }
  const fine = final.reason === "allowed" || final.reason === "public";
  if (!fine || seen === undefined) return problems;
  if (observed.bodyBytes !== seen.sent) problems.push(`bytes out: client ${observed.bodyBytes}, upstream ${seen.sent}`);
  if (plan.fault === "early") return problems;
  if (!seen.bodyWhole) problems.push("the upstream got no whole body");
  if (seen.bodyBytes !== plan.bodySize || final.bytes_in !== plan.bodySize) {
    problems.push(`bytes in: client ${plan.bodySize}, audit ${final.bytes_in}, upstream ${seen.bodyBytes}`);
  }
  return problems;
}
