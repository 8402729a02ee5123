import { once } from "node:events";
import { get, type IncomingMessage } from "node:http";

/** An event stream through the sidecar, as its client has it. */
export interface EventStream {
  readonly isOpen: () => boolean;
  /** How and when (`performance.now()`) it ended. */
  readonly ended: Promise<{ readonly how: "whole" | "cut"; readonly at: number }>;
  close(): void;
}

/** Opens the events of a ticket, on a connection of its own; resolves once the first is there. */
export async function openStream(url: string, key: string): Promise<EventStream> {
  const asked = Promise.withResolvers<IncomingMessage>();
  const options = { headers: { authorization: `Bearer ${key}` }, agent: false };
  get(`${url}/tickets/acme`, options, asked.resolve).on("error", asked.reject);
  const response = await asked.promise;
  if (response.statusCode !== 200) throw new Error(`status ${response.statusCode}`);
  const ended: PromiseWithResolvers<Awaited<EventStream["ended"]>> = Promise.withResolvers();
  response.on("error", () => undefined);
  response.on("close", () => ended.resolve({ how: response.complete ? "whole" : "cut", at: performance.now() }));
  await once(response, "data");
  response.resume();
  return { ended: ended.promise, isOpen: () => !response.closed, close: () => response.destroy() };
}
