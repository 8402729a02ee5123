import { beforeAll, expect, test } from "vitest";
import { OK, type RawUpstream, startRawUpstream } from "../support/raw-upstream.ts";
import { type Sidecar, startSidecar } from "../support/sidecar.ts";
import { type Message, statusOf, valuesOf } from "../support/wire.ts";
import { ask, head, TICKETS } from "./client.ts";

let upstream: RawUpstream;
let sidecar: Sidecar;
let behindProxy: Sidecar;

beforeAll(async () => {
  upstream = await startRawUpstream((request) =>
    request.startLine.includes("/evil")
      ? "HTTP/1.1 200 OK\r\nConnection: X-Hop, keep-alive\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nProxy-Authenticate: Basic\r\n" +
        "X-Portcullis-Subject: evil\r\nX-Request-Id: evil\r\nUpgrade: h2c\r\nX-Kept: 1\r\nDate: then\r\nContent-Length: 2\r\n\r\nok"
      : OK,
  );
  sidecar = await startSidecar({ upstreamUrl: upstream.url });
  behindProxy = await startSidecar({ upstreamUrl: upstream.url, config: { trusted_proxies: ["127.0.0.0/8"] } });
});

async function sent(fields: readonly string[], through = sidecar, key = true): Promise<Message> {
  const index = upstream.requests.length;
  const credential = key ? [`X-API-Key: ${through.keys.acme.key}`] : [];
  const response = await ask(through, head(`GET ${key ? TICKETS : "/open/x"}`, [...fields, ...credential]));
  expect(statusOf(response)).toBe(200);
  return upstream.request(index);
}

test.each([
  "X-Portcullis-Subject",
  "x-portcullis-portal",
  "X_Portcullis_Scopes",
  "X.Portcullis.Client",
  "X-Portcullis-Anything",
  "X-Portcullis_Portal",
  "Forwarded",
  "X-Real-IP",
  "X-Forwarded-Port",
  "X_Forwarded_For",
  "X.Forwarded.Host",
  "X-Forwarded-User",
  "X-HTTP-Method-Override",
  "X-HTTP-Method",
  "X-Method-Override",
  "X_HTTP_Method_Override",
  "X-Original-URL",
  "X-Rewrite-URL",
  "X-Original-Host",
  "Proxy-Authorization",
  "Proxy-Connection",
  "Keep-Alive",
  "TE",
  "HTTP2-Settings",
  "X_API_Key",
  "X.Api.Key",
  "Content_Length",
  "Transfer_Encoding",
])("%s from a client never reaches the upstream", async (name) => {
  const request = await sent([`${name}: evil-value`]);
  expect(request.head).not.toContain("evil-value");
});

test.each([
  "Cookie",
  "Accept",
  "Range",
  "If-None-Match",
  "X-Custom",
  "X-Custom_Name",
  "Traceparent",
  "Origin",
  "Trailer",
])("%s goes on as it came", async (name) => {
  const request = await sent([`${name}: Some Value`]);
  expect(request.head).toContain(`\r\n${name}: Some Value\r\n`);
});

test("the upstream is told who calls, once, and not the key", async () => {
  const request = await sent(["X-Portcullis-Subject: evil"]);
  const told = request.fields.filter(([name]) => name.toLowerCase().startsWith("x-portcullis-"));
  expect(Object.fromEntries(told)).toEqual({
    "X-Portcullis-Subject": "test-subject",
    "X-Portcullis-Credential": sidecar.keys.acme.id,
    "X-Portcullis-Credential-Kind": "api_key",
    "X-Portcullis-Scopes": "tickets:read",
    "X-Portcullis-Portal": "acme",
  });
  expect(told).toHaveLength(5);
  expect(request.head).not.toContain(sidecar.keys.acme.key);
});

test("a bearer key goes no further either, and a public route tells of nobody", async () => {
  const index = upstream.requests.length;
  await ask(sidecar, head(`GET ${TICKETS}`, [`Authorization: Bearer ${sidecar.keys.acme.key}`]));
  expect((await upstream.request(index)).head).not.toMatch(/authorization|noice_sk/i);
  expect((await sent(["X-Portcullis-Subject: evil"], sidecar, false)).head).not.toMatch(/x-portcullis/i);
});

test.each([
  ["X-Portcullis-Portal, X-Portcullis-Subject", "X-Portcullis-Portal", /^acme$/],
  ["X-Forwarded-For", "X-Forwarded-For", /^127\.0\.0\.1$/],
  ["Host", "Host", /^desk\.example\.com$/],
  ["close, X-Request-Id", "X-Request-Id", /^[0-9a-f-]{36}$/],
])("`Connection: %s` takes none of ours away", async (names, field, value) => {
  const request = await sent([`Connection: ${names}`]);
  const values = valuesOf(request, field.toLowerCase());
  expect(values).toHaveLength(1);
  expect(values[0]).toMatch(value);
  expect(valuesOf(request, "connection")).toEqual([]);
});

test("what `Connection` names ends here, in either case and over several fields", async () => {
  const request = await sent([
    "Connection: x-hop",
    "connection: keep-alive, X-ALSO",
    "X-Hop: 1",
    "x-also: 2",
    "X-Stays: 3",
  ]);
  expect(request.head).not.toMatch(/x-hop|x-also/i);
  expect(valuesOf(request, "x-stays")).toEqual(["3"]);
});

test("forwarded fields of a stranger are replaced by what is known", async () => {
  const request = await sent(["X-Forwarded-For: 203.0.113.9", "X-Forwarded-Proto: https", "X-Forwarded-Host: evil"]);
  expect(valuesOf(request, "x-forwarded-for")).toEqual(["127.0.0.1"]);
  expect(valuesOf(request, "x-forwarded-proto")).toEqual(["http"]);
  expect(valuesOf(request, "x-forwarded-host")).toEqual(["desk.example.com"]);
  const line = await sidecar.auditLine({ request_id: valuesOf(request, "x-request-id")[0] });
  expect(line["client_ip"]).toBe("127.0.0.1");
});

test("a trusted proxy is believed for forwarded fields, and for nothing else", async () => {
  const request = await sent(
    [
      "X-Forwarded-For: 198.51.100.7, 203.0.113.9",
      "X-Forwarded-Proto: https",
      "X-Forwarded-Host: desk.example.org",
      "Forwarded: for=203.0.113.9",
      "X-Forwarded-Port: 443",
      "X_Forwarded_For: evil",
      "X-Portcullis-Subject: evil",
    ],
    behindProxy,
  );
  expect(valuesOf(request, "x-forwarded-for")).toEqual(["198.51.100.7, 203.0.113.9, 127.0.0.1"]);
  expect(valuesOf(request, "x-forwarded-proto")).toEqual(["https"]);
  expect(valuesOf(request, "x-forwarded-host")).toEqual(["desk.example.org"]);
  expect(valuesOf(request, "forwarded")).toEqual(["for=203.0.113.9"]);
  expect(valuesOf(request, "x-forwarded-port")).toEqual(["443"]);
  expect(request.head).not.toContain("evil");
  const line = await behindProxy.auditLine({ request_id: valuesOf(request, "x-request-id")[0] });
  expect(line["client_ip"]).toBe("203.0.113.9");
});

test("of the response, what ends at this hop and what only we may say is taken off", async () => {
  const response = await ask(sidecar, head("GET /open/evil"));
  const names = response.fields.map(([name]) => name.toLowerCase());
  for (const name of ["x-hop", "proxy-authenticate", "x-portcullis-subject", "upgrade"])
    expect(names).not.toContain(name);
  expect(valuesOf(response, "keep-alive")).not.toContain("timeout=5");
  expect(valuesOf(response, "x-kept")).toEqual(["1"]);
  expect(valuesOf(response, "date")).toEqual(["then"]);
  expect(valuesOf(response, "x-request-id")).toEqual(valuesOf(upstream.requests.at(-1) ?? response, "x-request-id"));
});
