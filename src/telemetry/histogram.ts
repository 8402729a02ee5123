import { Histogram } from "prom-client";

/** Counts of one label set. `observe` is a short search and two array writes. */
export class Buckets {
  readonly #boundsMs: Float64Array;
  /** One count a bound, one beyond the last bound, then the sum in milliseconds. */
  readonly #counts: Float64Array;

  constructor(boundsMs: Float64Array) {
    this.#boundsMs = boundsMs;
    this.#counts = new Float64Array(boundsMs.length + 2);
  }

  /** Counts a duration in milliseconds. Negative ones, which only a fault can give, count as zero. */
  observe(ms: number): void {
    const bounds = this.#boundsMs;
    const value = ms > 0 ? ms : 0;
    let index = 0;
    while (index < bounds.length && value > (bounds[index] ?? 0)) index += 1;
    this.#counts[index] = (this.#counts[index] ?? 0) + 1;
    const sum = bounds.length + 1;
    this.#counts[sum] = (this.#counts[sum] ?? 0) + value;
  }

  /** Cumulative counts by upper bound, as Prometheus has them; the last one is all observations. */
  cumulative(): number[] {
    let total = 0;
    return Array.from(this.#counts.subarray(0, -1), (value) => (total += value));
  }

  sumSeconds(): number {
    return (this.#counts[this.#counts.length - 1] ?? 0) / 1000;
  }
}

type Labels = Readonly<Record<string, string>>;
interface Series {
  readonly labels: Labels;
  readonly buckets: Buckets;
}

interface Sample {
  readonly metricName: string;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
  /** prom-client expects it; ours share none. */
  readonly sharedLabels: Readonly<Record<string, string>>;
}

const NONE_SHARED = {};

/**
 * A histogram whose series are bound once and kept as arrays. prom-client's own one hashes labels on each
 * observation; only what it does at a scrape is replaced here.
 */
export class BoundHistogram extends Histogram {
  readonly #name: string;
  readonly #help: string;
  readonly #boundsSeconds: readonly number[];
  readonly #boundsMs: Float64Array;
  readonly #series: Series[] = [];

  /** Is in no registry until the caller puts it into one. Bounds are in seconds, ascending. */
  constructor(name: string, help: string, boundsSeconds: readonly number[]) {
    super({ name, help, registers: [] });
    this.#name = name;
    this.#help = help;
    this.#boundsSeconds = boundsSeconds;
    this.#boundsMs = Float64Array.from(boundsSeconds, (seconds) => Math.round(seconds * 1e6) / 1e3);
  }

  /** Adds a series. The caller keeps it and never asks twice for the same labels. */
  bind(labels: Labels): Buckets {
    const buckets = new Buckets(this.#boundsMs);
    this.#series.push({ labels, buckets });
    return buckets;
  }

  /** What prom-client's registry calls at a scrape, and `get` too. Not in its types, but the only way that it offers. */
  getForPromString(): Promise<{ name: string; help: string; type: string; aggregator: string; values: Sample[] }> {
    const values = this.#series.flatMap((series) => this.#samples(series));
    return Promise.resolve({ name: this.#name, help: this.#help, type: "histogram", aggregator: "sum", values });
  }

  #samples({ labels, buckets }: Series): Sample[] {
    const counts = buckets.cumulative();
    const total = counts.at(-1) ?? 0;
    // A series that never counted says nothing: rules are many.
    if (total === 0 && Object.keys(labels).length > 0) return [];
    const bucket = `${this.#name}_bucket`;
    return [
      ...counts.map((value, index) => ({
        metricName: bucket,
        labels: { le: this.#boundsSeconds[index] ?? "+Inf", ...labels },
        value,
        sharedLabels: NONE_SHARED,
      })),
      { metricName: `${this.#name}_sum`, labels, value: buckets.sumSeconds(), sharedLabels: NONE_SHARED },
      { metricName: `${this.#name}_count`, labels, value: total, sharedLabels: NONE_SHARED },
    ];
  }
}
