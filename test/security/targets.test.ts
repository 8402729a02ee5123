// oxlint-disable vitest/expect-expect -- the assertions of a refusal are in support/stage.ts
import * as fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { statusOf, valuesOf } from "../support/wire.ts";
import { ask, dial, expectRefused, expectServed, openStage, request, type Stage } from "./support/stage.ts";

const BAD_REQUEST = { status: 400, code: "bad_request" };

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
});

describe("a path that is not in its normal form is refused, with or without a credential", () => {
  test.each([
    ["a dot segment", "/open/./xsmuggledx"],
    ["a double dot segment", "/open/../api/portals/acme/tickets/xsmuggledx"],
    ["a double dot segment at the end", "/open/xsmuggledx/.."],
    ["encoded dots", "/open/%2e%2e/api/portals/acme/tickets/xsmuggledx"],
    ["encoded dots in upper case", "/open/%2E%2E/xsmuggledx"],
    ["one encoded dot", "/open/.%2e/xsmuggledx"],
    ["an encoded slash", "/open%2fxsmuggledx"],
    ["an encoded slash in upper case", "/open/a%2Fxsmuggledx"],
    ["a backslash", "/open/..\\xsmuggledx"],
    ["an encoded backslash", "/open/..%5cxsmuggledx"],
    ["an encoded backslash in upper case", "/open/..%5Cxsmuggledx"],
    ["an empty segment", "/open//xsmuggledx"],
    ["two slashes at the start", "//open/xsmuggledx"],
    ["an encoded NUL", "/open/%00xsmuggledx"],
    ["an encoded line end", "/open/%0d%0aX:xsmuggledx"],
    ["an encoded line end in upper case", "/open/%0D%0AX:xsmuggledx"],
    ["an encoded DEL", "/open/%7Fxsmuggledx"],
    ["an encoded C1 control", "/open/%C2%85xsmuggledx"],
    ["an encoded letter", "/%6Fpen/xsmuggledx"],
    ["hex in lower case", "/open/%c3%a9xsmuggledx"],
    ["a percent sign alone", "/open/%xsmuggledx"],
    ["one hex digit", "/open/%4"],
    ["no hex digits", "/open/%zzxsmuggledx"],
    ["%u of old", "/open/%u002fxsmuggledx"],
    ["an overlong slash", "/open/%C0%AFxsmuggledx"],
    ["an overlong slash of three bytes", "/open/%E0%80%AFxsmuggledx"],
    ["a surrogate", "/open/%ED%A0%80xsmuggledx"],
    ["a byte that is no UTF-8", "/open/%FFxsmuggledx"],
    ["a fragment", "/open/xsmuggledx#a"],
    ["a path parameter", "/open/a;x=xsmuggledx"],
    ["a path parameter that hides dots", "/open/..;/api/xsmuggledx"],
    ["a double quote", '/open/"xsmuggledx'],
    ["a bracket", "/open/<xsmuggledx>"],
    ["a caret", "/open/^xsmuggledx"],
    ["a pipe", "/open/|xsmuggledx"],
    ["a NUL in the query", "/open/a?b=%00xsmuggledx"],
    ["a percent sign alone in the query", "/open/a?b=%xsmuggledx"],
    ["a fragment in the query", "/open/a?b#xsmuggledx"],
  ])("%s", async (_name, target) => {
    await expectRefused(stage, request(`GET ${target}`), BAD_REQUEST);
    await expectRefused(stage, request(`GET ${target}`, [`X-API-Key: ${stage.sidecar.keys.manager.key}`]), BAD_REQUEST);
  });

  test("a byte above 0x7f, which no parser reads twice the same way", async () => {
    await expectRefused(stage, request("GET /open/\x80xsmuggledx"), BAD_REQUEST);
  });
});

describe("the query never reaches the matcher", () => {
  test.each([
    "/api/portals/acme/tickets/xsmuggledx?/open/a",
    "/api/portals/acme/tickets/xsmuggledx?x=/open/a",
    "/api/portals/acme/tickets/xsmuggledx?/../../../../open/a",
    "/api/portals/acme/tickets/xsmuggledx??/open/",
  ])("%s is no public path", async (target) => {
    await expectRefused(stage, request(`GET ${target}`), { status: 401, code: "credential_missing" });
  });

  test("a path behind the query's `?` does not name the portal", async () => {
    const lines = [`X-API-Key: ${stage.sidecar.keys.acme.key}`];
    const target = "/api/portals/globex/tickets/xsmuggledx?/api/portals/acme/tickets/1";
    await expectRefused(stage, request(`GET ${target}`, lines), { status: 403, code: "portal_forbidden" });
  });
});

describe("an encoded parameter cannot leave its route", () => {
  test.each(["acme%2Ftickets%2F1", "acme%2f..%2fglobex", "..%2Facme", "acme%3F", "acme%23", "acme%20"])(
    "%s as the portal",
    async (portal) => {
      const lines = [`X-API-Key: ${stage.sidecar.keys.acme.key}`];
      const { answer } = await expectRefused(
        stage,
        request(`GET /api/portals/${portal}/tickets/xsmuggledx`, lines),
        BAD_REQUEST,
      );
      expect(statusOf(answer)).toBe(400);
    },
  );
});

/** What the rules say, read as naively as can be: segments of what stands before the first `?`. */
function naiveRoute(method: string, target: string): string | null {
  const segments = (target.split("?")[0] ?? "").split("/").slice(1);
  const [first, , , fourth] = segments;
  if (first === "open") return "open";
  if (segments.length === 1 && method === "GET" && ["query", "header", "list"].includes(first ?? ""))
    return first ?? null;
  if (first !== "api" || segments[1] !== "portals") return null;
  if (fourth === "tickets") return method === "POST" ? "tickets.write" : "tickets.read";
  return fourth === "live" && segments.length === 4 && method === "GET" ? "live" : null;
}

const piece = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.constantFrom("open", "api", "portals", "acme", "globex", "tickets", "live", "query", "list"),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      ".",
      "..",
      "",
      "%2e",
      "%2F",
      "%5C",
      "%00",
      "a;b",
      "%C3%A9",
      "%41",
      "*",
      "Open",
      "...",
      "%20",
    ),
  },
  {
    weight: 2,
    arbitrary: fc.string({
      unit: fc.constantFrom(...Array.from("ab.%2eF/;?:@!$&'()*+,=~_-\\|#")),
      minLength: 0,
      maxLength: 6,
    }),
  },
);
const shaped = fc.oneof(
  fc.array(piece, { minLength: 1, maxLength: 6 }).map((segments) => `/${segments.join("/")}`),
  fc
    .tuple(fc.constantFrom("acme", "globex"), fc.array(piece, { maxLength: 3 }))
    .map(([portal, rest]) => `/api/portals/${portal}/tickets/${rest.join("/")}`),
  fc.array(piece, { maxLength: 4 }).map((rest) => `/open/${rest.join("/")}`),
);
const targets = fc
  .tuple(shaped, fc.option(fc.array(piece, { maxLength: 3 }), { nil: null }))
  .map(([path, query]) => (query === null ? path : `${path}?${query.join("&")}`));

test("what is served is forwarded byte for byte, by the route that a naive reading names", async () => {
  const key = stage.sidecar.keys.manager.key;
  const served: { readonly id: string; readonly route: string | null; readonly target: string }[] = [];
  await fc.assert(
    fc.asyncProperty(fc.constantFrom("GET", "POST"), targets, async (method, target) => {
      const before = stage.upstream.requests.length;
      const lines = [`X-API-Key: ${key}`, "Connection: close"];
      const answer = await ask(stage, request(`${method} ${target}`, lines));
      const got = stage.upstream.requests.slice(before);
      const isServed = statusOf(answer) === 200;
      expect(got.map(({ startLine }) => startLine)).toEqual(isServed ? [`${method} ${target} HTTP/1.1`] : []);
      if (!isServed) return;
      const [id = ""] = valuesOf(answer, "x-request-id");
      served.push({ id, route: naiveRoute(method, target), target });
    }),
    { numRuns: 1000, seed: 20_260_401 },
  );
  await expectServed(stage);
  expect(served.length).toBeGreaterThan(100);
  const routes = new Map(stage.sidecar.audit().map((line) => [line["request_id"], line["route"]]));
  expect(served.map(({ id, target }) => ({ target, route: routes.get(id) }))).toEqual(
    served.map(({ route, target }) => ({ target, route })),
  );
}, 60_000);

test("on one connection each answer belongs to its own target, and a 400 is the last", async () => {
  const before = stage.upstream.requests.length;
  const wire = await dial(stage);
  await wire.write(request("GET /open/a") + request("GET /open/../b") + request("GET /open/xsmuggledx"));
  const answers = [await wire.nextResponse(), await wire.nextResponse()];
  await wire.end();
  wire.socket.destroy();
  expect(answers.map(statusOf)).toEqual([200, 400]);
  expect(wire.text.match(/HTTP\/1\.1 [0-9]{3}/g)).toHaveLength(2);
  await expectServed(stage);
  expect(stage.upstream.requests.slice(before).map(({ startLine }) => startLine)).toEqual([
    "GET /open/a HTTP/1.1",
    expect.stringMatching(/^GET \/open\/good-/),
  ]);
});
