/** What the metrics say at one scrape. */
export interface MetricsBook {
  /** `portcullis_requests_total` by `route decision reason status`. */
  readonly requests: ReadonlyMap<string, number>;
  readonly total: number;
  /** Observations of `portcullis_request_duration_seconds`, all routes together. */
  readonly durations: number;
  /** Series without labels, by name. */
  readonly gauges: ReadonlyMap<string, number>;
}

/** Reads Prometheus' text format, as far as the books need it. */
export function readMetrics(text: string): MetricsBook {
  const requests = new Map<string, number>();
  const gauges = new Map<string, number>();
  let durations = 0;
  for (const line of text.split("\n")) {
    if (line.startsWith("#")) continue;
    const [, name = "", labels = "", value = ""] = /^(\w+)(?:\{(.*)\})? (\S+)/.exec(line) ?? [];
    if (name === "portcullis_requests_total") requests.set(cellOf(labels), Number(value));
    else if (name === "portcullis_request_duration_seconds_count") durations += Number(value);
    else if (labels === "") gauges.set(name, Number(value));
  }
  const total = [...requests.values()].reduce((sum, count) => sum + count, 0);
  return { requests, total, durations, gauges };
}

function cellOf(labels: string): string {
  const value = (name: string): string => new RegExp(`(?:^|,)${name}="([^"]*)"`).exec(labels)?.[1] ?? "?";
  return ["route", "decision", "reason", "status"].map(value).join(" ");
}
