import * as fc from "fast-check";
import { expect, test } from "vitest";
import { z } from "zod";
import { onBothStores } from "../../store/both-stores.ts";
import { type ApiDocument, type ApiOperation, invalidOf, readDocument, validOf } from "./document.ts";
import { type Answer, type Call, startApi } from "./stage.ts";

/** Requests that are made of the API's own description: what it says is what it does. */

const RUNS = 15;

interface Made {
  readonly path: string;
  readonly body: unknown;
  readonly headers: Readonly<Record<string, string>>;
}

const idOf = ({ json }: Answer): string => z.object({ id: z.string() }).parse(json).id;

/** Ids that are there, so that not all requests end with 404. */
async function knownIds(call: Call): Promise<Readonly<Record<string, string>>> {
  const key = await call("POST", "/keys", { name: "known", scopes: ["tickets:read"] });
  const client = await call("POST", "/clients", { name: "known", redirect_uris: ["http://127.0.0.1:9/cb"] });
  const person = await call("POST", "/people", { email: "known@example.com", name: "Known" });
  const token = await call("POST", "/tokens", { name: "known" });
  return { keys: idOf(key), clients: idOf(client), people: idOf(person), tokens: idOf(token) };
}

function parametersOf(document: ApiDocument, each: ApiOperation, ids: Readonly<Record<string, string>>) {
  const known = ids[each.path.split("/")[1] ?? ""];
  const model = Object.fromEntries(
    each.parameters.map((parameter) => {
      const made = validOf(document, parameter.schema);
      return [
        parameter.name,
        parameter.in === "path" && known !== undefined ? fc.oneof(made, fc.constant(known)) : made,
      ];
    }),
  );
  const required = each.parameters.filter((parameter) => parameter.required).map(({ name }) => name);
  return fc.record(model, { requiredKeys: required });
}

function requests(
  document: ApiDocument,
  each: ApiOperation,
  ids: Readonly<Record<string, string>>,
  bodies: fc.Arbitrary<unknown>,
): fc.Arbitrary<Made> {
  return fc.tuple(parametersOf(document, each, ids), bodies).map(([values, body]) => {
    const given = new Map(Object.entries(values).map(([name, value]) => [name, z.coerce.string().parse(value)]));
    const query = new URLSearchParams();
    const headers: Record<string, string> = {};
    let { path } = each;
    for (const parameter of each.parameters) {
      const value = given.get(parameter.name);
      if (value === undefined) continue;
      if (parameter.in === "path") path = path.replace(`{${parameter.name}}`, encodeURIComponent(value));
      else if (parameter.in === "query") query.append(parameter.name, value);
      else headers[parameter.name] = value;
    }
    return { path: query.size === 0 ? path : `${path}?${query.toString()}`, body, headers };
  });
}

onBothStores("the administration API, by its own description", (stores) => {
  test("answers what fits the description as the description says", { timeout: 120_000 }, async () => {
    const stage = await startApi(stores());
    const document = readDocument((await stage.call("GET", "/openapi.json")).json);
    const call = await stage.administrator();
    const ids = await knownIds(call);
    for (const each of document.operations) {
      const schema = each.requestBody?.content["application/json"]?.schema;
      const bodies = schema === undefined ? fc.constant(undefined) : validOf(document, schema);
      await fc.assert(
        fc.asyncProperty(requests(document, each, ids, bodies), async ({ body, headers, path }) => {
          const answer = await call(each.method, path, body, headers);
          expect([each.operationId, document.complaint(each, answer), answer.status < 500]).toEqual([
            each.operationId,
            null,
            true,
          ]);
        }),
        { numRuns: RUNS },
      );
    }
    expect(stage.faults).toEqual([]);
    // What is generated may all be refused, for a cursor is seldom one of ours. Without parameters, each read answers.
    const reads = document.operations.filter(({ method, path }) => method === "GET" && !path.includes("{"));
    expect(reads.length).toBeGreaterThan(8);
    for (const { operationId, path } of reads) {
      expect([operationId, (await stage.call("GET", path)).status]).toEqual([operationId, 200]);
    }
  });

  test("refuses what does not fit with a problem of 4xx, and never fails", { timeout: 120_000 }, async () => {
    const stage = await startApi(stores());
    const document = readDocument((await stage.call("GET", "/openapi.json")).json);
    const call = await stage.administrator();
    const ids = await knownIds(call);
    const withBody = document.operations.filter(({ requestBody }) => requestBody !== undefined);
    expect(withBody.length).toBeGreaterThan(8);
    for (const each of withBody) {
      const schema = each.requestBody?.content["application/json"]?.schema ?? {};
      await fc.assert(
        fc.asyncProperty(
          requests(document, each, ids, invalidOf(document, schema)),
          async ({ body, headers, path }) => {
            const answer = await call(each.method, path, body, headers);
            expect([each.operationId, document.complaint(each, answer)]).toEqual([each.operationId, null]);
            expect([each.operationId, answer.status < 500]).toEqual([each.operationId, true]);
          },
        ),
        { numRuns: RUNS },
      );
      for (const body of [null, 7, "text", [], { no_such_field: 1 }]) {
        const path = each.path.replaceAll(/\{\w+\}/g, () => ids[each.path.split("/")[1] ?? ""] ?? "x");
        const answer = await call(each.method, path, body);
        expect([each.operationId, body, answer.status]).toEqual([each.operationId, body, 422]);
      }
    }
    expect(stage.faults).toEqual([]);
  });

  test("refuses parameters that are none, unknown ones, and one that comes twice", async () => {
    const stage = await startApi(stores());
    for (const path of [
      "/keys?limit=0",
      "/keys?limit=201",
      "/keys?limit=1.5",
      "/keys?limit=x",
      "/keys?limit=",
      "/keys?limit=1&limit=2",
      "/keys?cursor=%00",
      "/keys?state=gone",
      "/keys?access_token=abc",
      "/keys?search=",
      `/keys?search=${"x".repeat(101)}`,
      "/keys/key_",
      "/people/usr_%00",
      "/grants/grant_x",
      "/activity?from=yesterday",
    ]) {
      const answer = await stage.call("GET", path);
      expect([path, answer.status, answer.headers.get("content-type")?.split(";")[0]]).toEqual([
        path,
        400,
        "application/problem+json",
      ]);
    }
  });

  test("reads JSON only, of 64 KiB at most, without two readings", async () => {
    const stage = await startApi(stores());
    const send = (body: string, type = "application/json") =>
      fetch(`${stage.origin}/api/v1/keys`, {
        method: "POST",
        headers: { authorization: `Bearer ${stage.token}`, "content-type": type },
        body,
      });
    const statusOf = async (body: string, type?: string) => (await send(body, type)).status;
    const good = JSON.stringify({ name: "k", scopes: ["tickets:read"] });
    expect(await statusOf(good)).toBe(201);
    expect(await statusOf(good, "application/json; charset=utf-8")).toBe(201);
    for (const type of ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/xml"]) {
      expect([type, await statusOf(good, type)]).toEqual([type, 415]);
    }
    expect(await statusOf("{")).toBe(400);
    expect(await statusOf('{"name":"a","name":"b","scopes":["tickets:read"]}')).toBe(400);
    expect(await statusOf('{"__proto__":{"name":"a"},"scopes":["tickets:read"]}')).toBe(400);
    expect(await statusOf("[".repeat(10_000))).toBe(400);
    expect(await statusOf(JSON.stringify({ name: "x".repeat(66_000), scopes: [] }))).toBe(413);
  });
});
