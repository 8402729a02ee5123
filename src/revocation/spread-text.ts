import type { Spread } from "./spread.ts";

/** How a change has spread, in sentences for people; `null` where no instance was there to be told. */
export function spreadText({ applied, instances, lapsed, ms, out, streamsClosed }: Spread): string | null {
  if (instances === 0) return null;
  const sentences = [`Applied by ${applied} of ${count(instances, "instance")} in ${Math.max(1, Math.round(ms))} ms.`];
  if (streamsClosed > 0) sentences.push(`${count(streamsClosed, "open stream")} closed.`);
  for (const { instance, forMs } of out) {
    sentences.push(`${instance} does not answer, and may go on as before for ${Math.ceil(forMs / 1000)} s at most.`);
  }
  if (lapsed.length > 0) sentences.push(`Out, and serving nobody until they have caught up: ${lapsed.join(", ")}.`);
  return sentences.join(" ");
}

/** The same for programs, as the API and `--json` have it. */
export function spreadJson({ applied, instances, lapsed, ms, out, streamsClosed }: Spread) {
  return {
    instances,
    applied,
    ms: Math.round(ms),
    streams_closed: streamsClosed,
    out: out.map(({ forMs, instance }) => ({ instance, for_ms: Math.ceil(forMs) })),
    lapsed: [...lapsed],
  };
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? "" : "s"}`;
}
