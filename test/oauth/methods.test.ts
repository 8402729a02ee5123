import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { addClient, type AddedClient, openStage, REDIRECT, setSettings, type Stage } from "./oauth-stage.ts";

let stage: Stage;
let app: AddedClient;

beforeAll(async () => {
  stage = await openStage();
  app = await addClient(stage);
});
afterAll(() => stage.close());

describe.each(["token", "register", "revoke", "introspect", "par", "device_authorization"])(
  "POST alone: %s",
  (name) => {
    it.each(["GET", "HEAD", "PUT", "PATCH", "DELETE"])("refuses %s, and says what it takes", async (method) => {
      const answer = await fetch(`${stage.issuer}/oauth/${name}?client_id=${app.id}`, { method });
      expect([answer.status, answer.headers.get("allow")]).toEqual([405, "POST"]);
      expect(answer.headers.get("cache-control")).toBe("no-store");
      if (method === "HEAD") return;
      expect(await answer.json()).toEqual({ error: "invalid_request", error_description: "use POST" });
    });

    it("says so where a browser asks, and while MCP access is off", async () => {
      await setSettings(stage, { mcpAccess: false });
      const answer = await fetch(`${stage.issuer}/oauth/${name}`, { headers: { accept: "text/html" } });
      await setSettings(stage, { mcpAccess: true });
      expect([answer.status, answer.headers.get("content-type")]).toEqual([405, "application/json; charset=utf-8"]);
    });

    it("answers the preflight of a script", async () => {
      const answer = await fetch(`${stage.issuer}/oauth/${name}`, {
        method: "OPTIONS",
        headers: { origin: new URL(REDIRECT).origin, "access-control-request-method": "POST" },
      });
      expect(answer.status).toBe(204);
      expect(answer.headers.get("access-control-allow-methods")).toContain("POST");
    });
  },
);
