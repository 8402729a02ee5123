/**
 * `npm run bench`: the sidecar beside bare proxies and a floor, all on the same upstream. Rounds are interleaved, so
 * that a slow minute of the machine hits all alike. Writes bench/results/latest.md and latest.json, or under the name
 * that `--out` gives.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { checkAnswers } from "./check.ts";
import { canPin, LOAD_CORE, startServer } from "./child.ts";
import { loadGenerator } from "./load.ts";
import { describeMachine } from "./machine.ts";
import { measure, type Sample } from "./measure.ts";
import { type BenchOptions, readOptions } from "./options.ts";
import { type Scenario, startSystem, type System, SYSTEM_NAMES } from "./systems.ts";
import { markdown, type Report } from "./table.ts";

interface Cell {
  readonly system: System;
  readonly scenario: Scenario;
  readonly samples: Sample[];
}

const options = readOptions(process.argv.slice(2));
const upstream = await startServer(LOAD_CORE, [join(import.meta.dirname, "processes", "upstream.ts")]);
const systems = await startSystems(options, upstream.url);
const cells = cellsOf(systems, options);
if (cells.length === 0) throw new Error("--only names no system or scenario");

for (const { system, scenario } of cells) await measure(system, scenario, { ...options, seconds: 2 });
for (let round = 1; round <= options.rounds; round++) {
  console.error(`round ${round} of ${options.rounds}`);
  // By turns from the one end and the other, so that none always comes after the same one.
  const turn = round % 2 === 0 ? cells.toReversed() : cells;
  for (const { system, scenario, samples } of turn) samples.push(await measure(system, scenario, options));
}
await Promise.all([...systems.map(({ server }) => server.stop()), upstream.stop()]);
await writeReport({
  machine: describeMachine(),
  rounds: options.rounds,
  seconds: options.seconds,
  connections: options.connections,
  loadGenerator,
  pinned: canPin,
  series: cells.map(({ system, scenario, samples }) => ({ system: system.name, scenario: scenario.name, samples })),
});

/** Starts those that are asked for, one after the other, and checks their answers. */
async function startSystems({ only }: BenchOptions, url: string): Promise<System[]> {
  const named = SYSTEM_NAMES.filter((name) => only.has(name));
  const started: System[] = [];
  for (const name of named.length === 0 ? SYSTEM_NAMES : named) {
    const system = await startSystem(name, url);
    await checkAnswers(system);
    started.push(system);
  }
  return started;
}

/** Scenario by scenario, so that what is compared runs side by side. */
function cellsOf(all: readonly System[], { only }: BenchOptions): Cell[] {
  const every = all.flatMap((system) => system.scenarios.map((scenario) => ({ system, scenario, samples: [] })));
  const names = [...new Set(every.map(({ scenario }) => scenario.name))];
  const asked = names.some((name) => only.has(name)) ? names.filter((name) => only.has(name)) : names;
  return asked.flatMap((name) => every.filter(({ scenario }) => scenario.name === name));
}

async function writeReport(report: Report): Promise<void> {
  const folder = join(import.meta.dirname, "results");
  await mkdir(folder, { recursive: true });
  const text = markdown(report);
  await writeFile(join(folder, `${options.out}.md`), text);
  await writeFile(join(folder, `${options.out}.json`), `${JSON.stringify(report, null, 1)}\n`);
  console.log(text);
}
