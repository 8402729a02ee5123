import type { Machine } from "./machine.ts";
import type { Sample } from "./measure.ts";
import { median, type Spread, spread } from "./stats.ts";

/** All rounds of one scenario on one system. */
export interface Series {
  readonly system: string;
  readonly scenario: string;
  readonly samples: readonly Sample[];
}

/** What one run of the bench found. */
export interface Report {
  readonly machine: Machine;
  readonly rounds: number;
  readonly seconds: number;
  readonly connections: number;
  readonly loadGenerator: string;
  readonly pinned: boolean;
  readonly series: readonly Series[];
}

/** Share of a core from which it counts as saturated. */
const SATURATED = 0.97;

/** The report as Markdown: one table, and what to make of it. */
export function markdown(report: Report): string {
  const { machine } = report;
  return `# Bench

${machine.cores} cores, ${machine.cpu}, ${machine.memoryGiB} GiB, ${machine.platform}, kernel ${machine.kernel}, Node ${machine.node}.
${report.rounds} interleaved rounds of ${report.seconds} s each, ${report.connections} connections, ${report.loadGenerator}; ${pinning(report)}.
Figures are medians, with the least and the greatest in brackets. CPU is user and system time of the proxy's process.

| scenario | system | CPU µs/request | requests/s | p50 ms | p99 ms | RSS MB | proxy busy | load core busy |
|---|---|---|---|---|---|---|---|---|
${sorted(report.series).map(row).join("\n")}

${notes(report).join("\n")}
`;
}

function pinning({ pinned }: Report): string {
  return pinned ? "the proxy has one core, load generator and upstream share another" : "nothing is pinned to a core";
}

function sorted(series: readonly Series[]): readonly Series[] {
  const order = [...new Set(series.map(({ scenario }) => scenario))];
  return series.toSorted((a, b) => order.indexOf(a.scenario) - order.indexOf(b.scenario));
}

function row({ scenario, system, samples }: Series): string {
  const over = (read: (sample: Sample) => number): Spread => spread(samples.map(read));
  const loads = samples.map((sample) => sample.loadBusy).filter((share) => share !== null);
  const cells = [
    scenario,
    system,
    text(
      over((sample) => sample.cpuMicros),
      1,
    ),
    text(
      over((sample) => sample.requestsPerSecond),
      0,
    ),
    text(
      over((sample) => sample.p50Us / 1000),
      2,
    ),
    text(
      over((sample) => sample.p99Us / 1000),
      2,
    ),
    median(samples.map((sample) => sample.residentBytes / 1e6)).toFixed(0),
    percent(median(samples.map((sample) => sample.proxyBusy))),
    loads.length === 0 ? "?" : percent(median(loads)),
  ];
  return `| ${cells.join(" | ")} |`;
}

function text({ median: middle, min, max }: Spread, digits: number): string {
  return `${middle.toFixed(digits)} (${min.toFixed(digits)}–${max.toFixed(digits)})`;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(0)} %`;
}

/** Median CPU of one scenario on one system; `null` where it was not measured. */
function cpu({ series }: Report, system: string, scenario: string): number | null {
  const found = series.find((one) => one.system === system && one.scenario === scenario);
  return found === undefined ? null : median(found.samples.map((sample) => sample.cpuMicros));
}

/** Median over the rounds of what two scenarios of the sidecar cost side by side; `null` where one was not measured. */
function pairedRatio({ series }: Report, above: string, below: string): number | null {
  const of = (name: string) => series.find(({ system, scenario }) => system === "portcullis" && scenario === name);
  const [upper, lower] = [of(above), of(below)];
  if (upper === undefined || lower === undefined) return null;
  return median(upper.samples.map(({ cpuMicros }, at) => cpuMicros / (lower.samples[at]?.cpuMicros ?? Number.NaN)));
}

/** Ratios of CPU per request, and a warning where requests per second mean nothing. */
function notes(report: Report): string[] {
  const lines: string[] = [];
  const ratio = (label: string, above: number | null, below: number | null): void => {
    if (above !== null && below !== null) lines.push(`- CPU per request, ${label}: ${(above / below).toFixed(2)}`);
  };
  for (const scenario of ["small", "large"]) {
    const ours = cpu(report, "portcullis", scenario);
    for (const peer of ["http-proxy", "http-proxy-3", "floor"]) {
      ratio(`${scenario}, portcullis ÷ ${peer}`, ours, cpu(report, peer, scenario));
    }
  }
  const token = pairedRatio(report, "token", "small");
  if (token !== null) lines.push(`- CPU per request, token ÷ key: ${token.toFixed(3)} (median of the rounds)`);
  ratio("authorization on ÷ off", cpu(report, "portcullis", "small"), cpu(report, "portcullis", "public"));
  const limited = report.series.filter(({ samples }) => {
    return median(samples.map((sample) => sample.proxyBusy)) < SATURATED && isLoadBound(samples);
  });
  if (limited.length > 0) {
    const names = limited.map(({ system, scenario }) => `${system} ${scenario}`).join(", ");
    lines.push(
      `- The load core saturated before the proxy's, so their requests/s and latencies mean nothing: ${names}.`,
    );
  }
  return lines;
}

function isLoadBound(samples: readonly Sample[]): boolean {
  return median(samples.map((sample) => sample.loadBusy ?? 0)) >= SATURATED;
}
