import { expect, test } from "vitest";
import { startRawUpstream } from "../../support/raw-upstream.ts";
import { startSidecar } from "../../support/sidecar.ts";
import { statusOf } from "../../support/wire.ts";
import { answer, mcpRoutes, post, rpc, SMALL_MCP, startDemoSidecar } from "./support.ts";

/** Lists where nobody asked for them, and what is held of those that were asked for. */

const LIST = JSON.stringify({
  jsonrpc: "2.0",
  id: 7,
  result: { tools: [{ name: "get_ticket" }, { name: "update_ticket" }] },
});
const CALL = rpc("tools/call", { name: "get_ticket", arguments: { portal_id: "acme" } }, 7);

test("a list that comes on the stream of a call with its id shows what the caller may call", async () => {
  const upstream = await startRawUpstream(() => answer("text/event-stream", Buffer.from(`id: 1\ndata: ${LIST}\n\n`)));
  const sidecar = await startDemoSidecar(upstream.url);
  const shown = await post(sidecar, sidecar.keys.reader.key, CALL);
  expect(statusOf(shown)).toBe(200);
  expect(shown.body.toString()).toContain("get_ticket");
  expect(shown.body.toString()).not.toContain("update_ticket");
});

test("a key of the list that is written with an escape is found all the same", async () => {
  const escaped = LIST.replace('"tools"', String.raw`"to\u006fls"`);
  const upstream = await startRawUpstream(() => answer("text/event-stream", Buffer.from(`data: ${escaped}\n\n`)));
  const sidecar = await startDemoSidecar(upstream.url);
  const shown = await post(sidecar, sidecar.keys.reader.key, CALL);
  expect(shown.body.toString()).not.toContain("update_ticket");
});

test("the answer to a call goes on as it came, event by event", async () => {
  const event = 'event: message\r\ndata: {"jsonrpc":"2.0","id":7,"result":{"content":[]}}\r\n\r\n';
  const upstream = await startRawUpstream(() => answer("text/event-stream", Buffer.from(event)));
  const sidecar = await startDemoSidecar(upstream.url);
  expect((await post(sidecar, sidecar.keys.reader.key, CALL)).body.toString()).toBe(event);
});

test("lists that are held share the budget of inspected bodies, and give it back", async () => {
  let large = true;
  const upstream = await startRawUpstream(() =>
    answer("application/json", large ? Buffer.from(LIST.padEnd(40_000, " ")) : Buffer.from(LIST)),
  );
  const sidecar = await startSidecar({
    upstreamUrl: upstream.url,
    routes: [mcpRoutes(SMALL_MCP)],
    config: { limits: { inspect_total: "32KiB" } },
  });
  const refused = await post(sidecar, sidecar.keys.reader.key, rpc("tools/list", {}, 7));
  expect(statusOf(refused)).toBe(502);
  expect(refused.body.toString()).not.toContain("get_ticket");
  large = false;
  for (let count = 0; count < 100; count += 1) {
    expect(statusOf(await post(sidecar, sidecar.keys.reader.key, rpc("tools/list", {}, 7)))).toBe(200);
  }
});

test("Range goes no further where lists are filtered, and only application/json is a message", async () => {
  const upstream = await startRawUpstream(() => answer("application/json", Buffer.from(LIST)));
  const sidecar = await startDemoSidecar(upstream.url);
  await post(sidecar, sidecar.keys.reader.key, rpc("tools/list", {}, 7), ["Range: bytes=10-20", "If-Range: x"]);
  expect((await upstream.request(0)).head).not.toMatch(/range/i);
  const spelled = await post(sidecar, sidecar.keys.reader.key, rpc("tools/list", {}, 7), ["Content_Type: text/xml"]);
  expect(statusOf(spelled)).toBe(415);
  expect(upstream.requests).toHaveLength(1);
});
