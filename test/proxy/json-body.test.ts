import { beforeAll, expect, test } from "vitest";
import { type RawUpstream, startRawUpstream } from "../support/raw-upstream.ts";
import { type Sidecar, startSidecar } from "../support/sidecar.ts";
import { type Message, statusOf, valuesOf } from "../support/wire.ts";
import { ask, codeOf, connectTo, head } from "./client.ts";

let upstream: RawUpstream;
let sidecar: Sidecar;

beforeAll(async () => {
  upstream = await startRawUpstream();
  const limits = { inspect_bytes: 1000, drain: "1s" };
  sidecar = await startSidecar({ upstreamUrl: upstream.url, config: { limits } });
});

const JSON_TYPE = "Content-Type: application/json";

function fieldsWith(framing: string, type: readonly string[] = [JSON_TYPE]): string[] {
  return [`X-API-Key: ${sidecar.keys.acme.key}`, framing, ...type];
}

function post(body: string, type: readonly string[] = [JSON_TYPE]): Promise<Message> {
  const bytes = Buffer.from(body, "utf8").toString("latin1");
  return ask(sidecar, head("POST /json", fieldsWith(`Content-Length: ${bytes.length}`, type)) + bytes);
}

test("the very bytes that were read are sent", async () => {
  const body = ' {"note" : "é", "n": 1.0e2,\n"portal_id":"acme"} ';
  const index = upstream.requests.length;
  expect(statusOf(await post(body))).toBe(200);
  const request = await upstream.request(index);
  expect(request.body.toString()).toBe(body);
  expect(valuesOf(request, "content-length")).toEqual([String(Buffer.byteLength(body))]);
  expect(await sidecar.auditLine({ path: "/json", status: 200 })).toMatchObject({
    portal_named: "acme",
    bytes_in: Buffer.byteLength(body),
  });
});

test("a chunked body is read whole, and sent with its length", async () => {
  const index = upstream.requests.length;
  const client = await connectTo(sidecar);
  await client.write(head("POST /json", fieldsWith("Transfer-Encoding: chunked")));
  await client.write('8\r\n{"portal\r\n');
  await client.write('c\r\n_id":"acme"}\r\n0\r\n\r\n');
  expect(statusOf(await client.nextResponse())).toBe(200);
  const request = await upstream.request(index);
  expect(request.body.toString()).toBe('{"portal_id":"acme"}');
  expect(valuesOf(request, "content-length")).toEqual(["20"]);
  expect(valuesOf(request, "transfer-encoding")).toEqual([]);
});

test("a body that waits for 100 gets it once", async () => {
  const body = '{"portal_id":"acme"}';
  const client = await connectTo(sidecar);
  await client.write(head("POST /json", [...fieldsWith(`Content-Length: ${body.length}`), "Expect: 100-continue"]));
  expect(statusOf(await client.nextResponse())).toBe(100);
  await client.write(body);
  expect(statusOf(await client.nextResponse())).toBe(200);
});

const OTHER = '{"portal_id":"globex"}';
test.each([
  ["another portal", OTHER, [JSON_TYPE], 403, "portal_forbidden"],
  ["no portal", "{}", [JSON_TYPE], 403, "portal_forbidden"],
  ["a portal that is no text", '{"portal_id":["acme"]}', [JSON_TYPE], 400, "bad_request"],
  ["the portal twice", '{"portal_id":"acme","portal_id":"globex"}', [JSON_TYPE], 400, "bad_request"],
  [
    "the portal twice, once escaped",
    '{"portal_id":"acme","portal\\u005fid":"globex"}',
    [JSON_TYPE],
    400,
    "bad_request",
  ],
  ["no JSON", "portal_id=acme", [JSON_TYPE], 400, "bad_request"],
  ["JSON with something behind", '{"portal_id":"acme"} x', [JSON_TYPE], 400, "bad_request"],
  ["an empty body", "", [JSON_TYPE], 400, "bad_request"],
  ["a byte order mark", '\ufeff{"portal_id":"acme"}', [JSON_TYPE], 400, "bad_request"],
  ["a form", "portal_id=acme", ["Content-Type: application/x-www-form-urlencoded"], 415, "unsupported_media_type"],
  ["no type", '{"portal_id":"acme"}', [], 415, "unsupported_media_type"],
  ["two types", '{"portal_id":"acme"}', [JSON_TYPE, "Content-Type: text/plain"], 415, "unsupported_media_type"],
  ["another charset", '{"portal_id":"acme"}', [`${JSON_TYPE}; charset=utf-16`], 415, "unsupported_media_type"],
  [
    "a type that ends here",
    '{"portal_id":"acme"}',
    [JSON_TYPE, "Connection: Content-Type"],
    415,
    "unsupported_media_type",
  ],
  ["a coding", '{"portal_id":"acme"}', [JSON_TYPE, "Content-Encoding: gzip"], 415, "unsupported_media_type"],
  ["a body over inspect_bytes", `{"portal_id":"acme","x":"${"y".repeat(1000)}"}`, [JSON_TYPE], 413, "body_too_large"],
] as const)("%s is refused, and nothing is forwarded", async (_name, body, type, status, code) => {
  const before = upstream.requests.length;
  const response = await post(body, type);
  expect([statusOf(response), codeOf(response)]).toEqual([status, code]);
  expect(upstream.requests).toHaveLength(before);
});

test("a chunked body that grows over inspect_bytes is refused unforwarded", async () => {
  const before = upstream.requests.length;
  const chunk = "200\r\n" + " ".repeat(512) + "\r\n";
  const response = await ask(sidecar, head("POST /json", fieldsWith("Transfer-Encoding: chunked")) + chunk + chunk);
  expect([statusOf(response), codeOf(response)]).toEqual([413, "body_too_large"]);
  expect(upstream.requests).toHaveLength(before);
});

test("a client that leaves while its body is read is recorded, and nothing is forwarded", async () => {
  const before = upstream.requests.length;
  const client = await connectTo(sidecar);
  await client.write(`${head("POST /json", fieldsWith("Content-Length: 20"))}{"portal`);
  // The answer to a later request says that this one was read.
  expect(statusOf(await post('{"portal_id":"acme"}'))).toBe(200);
  client.reset();
  await sidecar.auditLine({ path: "/json", reason: "client_closed", status: 499 });
  expect(upstream.requests).toHaveLength(before + 1);
});
