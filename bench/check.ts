import type { Scenario, System } from "./systems.ts";

/** Asks each kind of request once. Rejects where an answer is not the right one: then timing it would mean nothing. */
export async function checkAnswers(system: System): Promise<void> {
  for (const scenario of [...system.scenarios, ...system.checks]) await checkAnswer(system, scenario);
}

async function checkAnswer(system: System, scenario: Scenario): Promise<void> {
  const { path, headers, status, bodyBytes } = scenario;
  const response = await fetch(system.server.url + path, { headers });
  const body = await response.arrayBuffer();
  const where = `${system.name}, ${scenario.name}`;
  if (response.status !== status) throw new Error(`${where}: status ${response.status} in place of ${status}`);
  if (bodyBytes !== undefined && body.byteLength !== bodyBytes) {
    throw new Error(`${where}: ${body.byteLength} bytes in place of ${bodyBytes}`);
  }
}
