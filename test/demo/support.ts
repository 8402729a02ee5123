import { startDemoService, type DemoService, type DemoServiceOptions } from "../../deploy/demo/service/server.ts";

export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly json: unknown;
}

export const NOON = Date.UTC(2026, 1, 2, 12);

/** A service on a free port whose clock stands still at `NOON`. */
export function startService(options: Partial<DemoServiceOptions> = {}): Promise<DemoService> {
  return startDemoService({ port: 0, now: () => NOON, ...options });
}

/** Makes a request and reads the whole answer. An object as `body` is sent as JSON. */
export async function call(
  service: DemoService,
  method: string,
  path: string,
  options: { readonly body?: unknown; readonly headers?: Record<string, string> } = {},
): Promise<Reply> {
  const { body, headers = {} } = options;
  const content = body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) };
  const response = await fetch(service.url + path, { method, headers, ...content });
  const text = await response.text();
  const isJson = response.headers.get("content-type")?.startsWith("application/json") ?? false;
  return {
    status: response.status,
    headers: response.headers,
    text,
    json: isJson && text !== "" ? JSON.parse(text) : null,
  };
}

/** Resolves once `condition` holds; looks again on each turn of the event loop. The test's time-out is the bound. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}
