// oxlint-disable vitest/expect-expect -- the assertions of a refusal are in support/stage.ts
import { describe, expect, test } from "vitest";
import { statusOf } from "../support/wire.ts";
import { auditOf, dial, expectRefused, expectServed, leaks, openStage, request } from "./support/stage.ts";

const TICKET = "/api/portals/acme/tickets/1";
const QUICK = { limits: { drain: "1s", head_timeout: "300ms", idle: "5s" } };

describe("what comes in one packet behind a request whose framing was refused is no request", () => {
  test.each([
    ["TE.TE, the first unknown", ["Transfer-Encoding: identity", "Transfer-Encoding: chunked"]],
    ["another coding before chunked", ["Transfer-Encoding: gzip, chunked"]],
  ])("%s", async (_name, lines) => {
    const own = await openStage();
    // With an idle connection to the upstream, what is forwarded leaves at once.
    await expectServed(own);
    const wire = await dial(own);
    await wire.write(request("POST /open/a", lines, "0\r\n\r\n") + request("GET /open/xsmuggledx"));
    expect(statusOf(await wire.nextResponse())).toBe(400);
    await wire.end();
    wire.socket.destroy();
    await expectServed(own);
    expect(leaks(own)).toBe(0);
  });
});

describe("a version of HTTP that is not spoken is refused", () => {
  test.each(["HTTP/0.9", "HTTP/2.0"])("%s", async (version) => {
    const own = await openStage();
    const attack = `GET /open/xsmuggledx ${version}\r\nHost: desk.example\r\n\r\n`;
    await expectRefused(own, attack, { status: 400, code: "bad_request" });
  });

  test("a request line without a version, as HTTP/0.9 has it", async () => {
    const own = await openStage();
    const attack = "GET /open/xsmuggledx\r\nHost: desk.example\r\n\r\n";
    await expectRefused(own, attack, { status: 400, code: "bad_request" });
  });
});

describe("the audit has one line for a request, with the reason of its answer", () => {
  test("where the client of a slow head leaves behind its 408", async () => {
    const own = await openStage({ config: QUICK });
    const wire = await dial(own);
    await wire.write("GET /open/a HTTP/1.1\r\nHost: desk.example\r\n");
    const answer = await wire.nextResponse();
    expect(statusOf(answer)).toBe(408);
    await wire.end();
    wire.socket.destroy();
    expect(await auditOf(own, answer)).toMatchObject({ reason: "request_timeout", status: 408 });
  });

  test("where the client of a refused request leaves inside its chunked body", async () => {
    const own = await openStage();
    const wire = await dial(own);
    await wire.write(request(`POST ${TICKET}`, ["Transfer-Encoding: chunked"], "5\r\nabc"));
    const answer = await wire.nextResponse();
    expect(statusOf(answer)).toBe(401);
    wire.socket.destroy();
    expect(await auditOf(own, answer)).toMatchObject({ reason: "credential_missing", status: 401 });
  });

  test("where the client of a refused request leaves inside its body", async () => {
    const own = await openStage();
    const wire = await dial(own);
    await wire.write(request(`POST ${TICKET}`, ["Content-Length: 100"], "abc"));
    expect(statusOf(await wire.nextResponse())).toBe(401);
    wire.socket.destroy();
    // The end of the connection is seen before a request on a new one.
    await wire.closed;
    for (let count = 0; count < 5; count += 1) await expectServed(own);
    expect(own.sidecar.audit()).toHaveLength(6);
  });
});
