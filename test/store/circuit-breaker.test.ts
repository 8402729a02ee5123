import { describe, expect, test } from "vitest";
import { CircuitBreaker } from "../../src/store/circuit-breaker.ts";

function open(random: number = 1): CircuitBreaker {
  const circuit = new CircuitBreaker({ threshold: 3, firstMs: 100, mostMs: 300, random: () => random });
  for (let turn = 0; turn < 3; turn += 1) circuit.timedOut(1000);
  return circuit;
}

describe("a circuit breaker", () => {
  test("opens after as many time-outs in a row as it is told, and says so once", () => {
    const circuit = new CircuitBreaker({ threshold: 3, firstMs: 100, mostMs: 300, random: () => 1 });
    expect([circuit.timedOut(1), circuit.timedOut(2)]).toEqual([false, false]);
    circuit.answered();
    expect([circuit.timedOut(3), circuit.timedOut(4)]).toEqual([false, false]);
    expect(circuit.isClosed).toBe(true);
    expect(circuit.timedOut(5)).toBe(true);
    expect(circuit.isClosed).toBe(false);
    expect(circuit.timedOut(6)).toBe(false);
  });

  test("lets one try once the back-off is over, and nobody before", () => {
    const circuit = open();
    expect(circuit.trialIn(1000)).toBe(100);
    expect(circuit.beginTrial(1099)).toBe(false);
    expect([circuit.beginTrial(1100), circuit.beginTrial(1100)]).toEqual([true, false]);
    expect(circuit.isClosed).toBe(false);
    expect(circuit.trialIn(1100)).toBeNull();
  });

  test("closes when the trial is answered", () => {
    const circuit = open();
    circuit.beginTrial(1100);
    circuit.endTrial(true, 1150);
    expect(circuit.isClosed).toBe(true);
    expect(circuit.timedOut(1200)).toBe(false);
  });

  test("waits twice as long after each trial that fails, up to its bound", () => {
    const circuit = open();
    const waits: (number | null)[] = [];
    let now = 1000;
    for (let turn = 0; turn < 4; turn += 1) {
      const wait = circuit.trialIn(now);
      waits.push(wait);
      now += wait ?? 0;
      circuit.beginTrial(now);
      circuit.endTrial(false, now);
    }
    expect(waits).toEqual([100, 200, 300, 300]);
  });

  test("is moved by the trial alone while it is open: a late answer or time-out changes nothing", () => {
    const circuit = open();
    circuit.answered();
    circuit.endTrial(true, 1050);
    expect([circuit.isClosed, circuit.trialIn(1050)]).toEqual([false, 50]);
    circuit.beginTrial(1100);
    circuit.answered();
    circuit.timedOut(1100);
    expect(circuit.isClosed).toBe(false);
    circuit.endTrial(true, 1100);
    expect(circuit.isClosed).toBe(true);
  });

  test("spreads the trials over half of the back-off", () => {
    expect([open(0).trialIn(1000), open(0.5).trialIn(1000), open(1).trialIn(1000)]).toEqual([50, 75, 100]);
  });

  test("is closed by a new connection, whatever went before", () => {
    const circuit = open();
    circuit.beginTrial(1100);
    circuit.close();
    circuit.endTrial(false, 1200);
    expect(circuit.isClosed).toBe(true);
  });
});
