// oxlint-disable vitest/expect-expect -- the assertions of a refusal are in support/stage.ts
import { beforeAll, describe, expect, test } from "vitest";
import { statusOf } from "../support/wire.ts";
import { ask, expectRefused, openStage, request, type Stage } from "./support/stage.ts";

/** A broad rule for anybody, and narrow ones inside: services that fold paths would mix them up. */
const ROUTES = [
  { id: "broad", match: { path: "/files/*" }, upstream: "up", public: true },
  {
    id: "narrow",
    match: { path: "/files/private/*" },
    upstream: "up",
    scopes: ["tickets:read"],
    portal: "unrestricted",
  },
  { id: "upper", match: { path: "/files/Admin" }, upstream: "up", scopes: ["users:write"], portal: "unrestricted" },
  { id: "open", match: { path: "/open/*" }, upstream: "up", public: true },
];
const LOOK_ALIKE = { status: 400, code: "bad_request" };

let stage: Stage;
beforeAll(async () => {
  stage = await openStage({ routes: ROUTES });
});

describe("a path that a careless service takes for another rule's is refused", () => {
  test.each([
    ["other case", "/files/Private/xsmuggledx"],
    ["upper case", "/files/PRIVATE/xsmuggledx"],
    ["a dotless i", "/files/pr%C4%B1vate/xsmuggledx"],
    ["full-width letters", "/files/%EF%BD%90rivate/xsmuggledx"],
    ["a path parameter", "/files/private;a=b/xsmuggledx"],
    ["a path parameter without a value", "/files/private;/xsmuggledx"],
    ["the admin page in lower case", "/files/admin"],
    ["the admin page in upper case", "/files/ADMIN"],
    ["the admin page with a slash behind", "/files/Admin/"],
    ["the admin page in lower case with a slash behind", "/files/admin/"],
    ["the admin page with a format", "/files/Admin.json"],
    ["the admin page in lower case with a format", "/files/admin.xml"],
    ["the admin page with a dot behind", "/files/Admin."],
    ["the admin page with a space behind", "/files/Admin%20"],
    ["a space behind a segment", "/files/private%20/xsmuggledx"],
    ["a dot behind a segment", "/files/private./xsmuggledx"],
  ])("%s", async (_name, target) => {
    await expectRefused(stage, request(`GET ${target}`), LOOK_ALIKE);
  });

  test("whatever the credential may do", async () => {
    const lines = [`X-API-Key: ${stage.sidecar.keys.manager.key}`];
    await expectRefused(stage, request("GET /files/Private/xsmuggledx", lines), LOOK_ALIKE);
    await expectRefused(stage, request("GET /files/admin/", lines), LOOK_ALIKE);
  });

  test("the paths as they are written are served by their own rules", async () => {
    const lines = [`X-API-Key: ${stage.sidecar.keys.manager.key}`];
    expect(statusOf(await ask(stage, request("GET /files/a")))).toBe(200);
    expect(statusOf(await ask(stage, request("GET /files/Other")))).toBe(200);
    expect(statusOf(await ask(stage, request("GET /files/report.pdf")))).toBe(200);
    expect(statusOf(await ask(stage, request("GET /files/private/a")))).toBe(401);
    expect(statusOf(await ask(stage, request("GET /files/private/a", lines)))).toBe(200);
    expect(statusOf(await ask(stage, request("GET /files/Admin", lines)))).toBe(200);
  });

  test("a slash behind an exact path is no part of it", async () => {
    const own = await openStage({
      routes: [
        { id: "exact", match: { path: "/exact" }, upstream: "up", public: true },
        { id: "open", match: { path: "/open/*" }, upstream: "up", public: true },
      ],
    });
    await expectRefused(own, request("GET /exact/"), { status: 404, code: "no_route" });
    await expectRefused(own, request("GET /Exact"), { status: 404, code: "no_route" });
  });
});
