import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { DemoService } from "../../deploy/demo/service/server.ts";
import { call, startService, until } from "./support.ts";

const EVENTS = "/api/portals/acme/events";
const TICKETS = "/api/portals/acme/tickets";
let service: DemoService;

beforeEach(async () => {
  service = await startService();
});
afterEach(() => service.close());

interface Follower {
  readonly headers: Headers;
  /** Resolves with all text so far once it has `text`. Rejects where the stream ends before. */
  upTo(text: string): Promise<string>;
  /** Resolves with all text once the stream ends. */
  end(): Promise<string>;
  leave(): void;
}

async function follow(target: DemoService, lastEventId?: string): Promise<Follower> {
  const leaving = new AbortController();
  const headers = lastEventId === undefined ? {} : { "Last-Event-ID": lastEventId };
  const response = await fetch(target.url + EVENTS, { headers, signal: leaving.signal });
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let seen = "";
  const more = async (): Promise<boolean> => {
    const chunk = await reader?.read();
    seen += chunk?.value ?? "";
    return chunk?.done === false;
  };
  return {
    headers: response.headers,
    async upTo(text) {
      while (!seen.includes(text)) if (!(await more())) throw new Error(`the stream ended after: ${seen}`);
      return seen;
    },
    async end() {
      while (await more());
      return seen;
    },
    leave: () => leaving.abort(),
  };
}

/** The ids and names of the events in a piece of a stream. */
function eventsIn(text: string): string[] {
  return [...text.matchAll(/^id: (\d+)\nevent: (\S+)\ndata: (.*)\n\n/gmu)].map(([, id, name]) => `${id} ${name}`);
}

describe("the event stream", () => {
  test("greets at once", async () => {
    const stream = await follow(service);
    expect(stream.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
    expect(await stream.upTo("\n\n")).toBe(
      'id: 0\nevent: hello\ndata: {"portal_id":"acme","last_id":0,"missed":false}\n\n',
    );
  });

  test("tells of each change of a ticket of its portal, and of no other portal", async () => {
    const stream = await follow(service);
    await stream.upTo("hello");
    await call(service, "POST", "/api/portals/globex/tickets", { body: { subject: "Elsewhere" } });
    await call(service, "POST", TICKETS, { body: { subject: "Here" } });
    await call(service, "PATCH", `${TICKETS}/1009`, { body: { status: "solved" } });
    await call(service, "POST", `${TICKETS}/1009/comments`, { body: { body: "Done" } });
    await call(service, "PUT", `${TICKETS}/1009/attachments/a.txt`, { body: "a" });
    await call(service, "DELETE", `${TICKETS}/1009`);
    const text = await stream.upTo("id: 5\nevent: ticket.deleted\n");
    expect(text).not.toContain("Elsewhere");
    expect(text.match(/^event: .*$/gmu)).toEqual([
      "event: hello",
      "event: ticket.created",
      "event: ticket.updated",
      "event: ticket.commented",
      "event: ticket.attached",
      "event: ticket.deleted",
    ]);
  });

  test("replays what came behind Last-Event-ID, then goes on", async () => {
    for (const subject of ["One", "Two", "Three"]) await call(service, "POST", TICKETS, { body: { subject } });
    const stream = await follow(service, "1");
    await stream.upTo("Three");
    await call(service, "POST", TICKETS, { body: { subject: "Four" } });
    const text = await stream.upTo('"subject":"Four"');
    expect(eventsIn(`${text.slice(0, text.lastIndexOf("\n\n"))}\n\n`).slice(0, 3)).toEqual([
      "1 hello",
      "2 ticket.created",
      "3 ticket.created",
    ]);
    expect(text).toContain("id: 4\nevent: ticket.created");
    expect(text).not.toContain('"subject":"One"');
  });

  test("says that events were missed where the buffer no longer has them, or the id is none", async () => {
    for (let i = 0; i < 258; i += 1) await call(service, "PATCH", `${TICKETS}/1001`, { body: { tags: [`t${i}`] } });
    for (const id of ["1", "259", "x"]) {
      const stream = await follow(service, id);
      expect(await stream.upTo("\n\n")).toContain('"last_id":258,"missed":true');
      stream.leave();
    }
    const stream = await follow(service, "2");
    expect(await stream.upTo('"t257"')).toContain("id: 3\n");
    stream.leave();
  });

  test("sends comments as heartbeat", async () => {
    const lively = await startService({ heartbeatMs: 10 });
    try {
      const stream = await follow(lively);
      expect(await stream.upTo(": heartbeat\n\n: heartbeat\n\n")).toContain("event: hello");
    } finally {
      await lively.close();
    }
  });

  test("keeps nothing of a client that went away", async () => {
    const stream = await follow(service);
    expect(service.open().streams).toBe(1);
    stream.leave();
    await until(() => service.open().streams === 0);
  });

  test("ends properly when the service closes", async () => {
    const stream = await follow(service);
    await stream.upTo("hello");
    const ended = stream.end();
    await service.close();
    expect(await ended).toContain("hello");
  });

  test("is 404 for an unknown portal, and its HEAD ends at once", async () => {
    expect((await call(service, "GET", "/api/portals/initech/events")).status).toBe(404);
    expect(await call(service, "HEAD", EVENTS)).toMatchObject({ status: 200, text: "" });
  });
});
