import { expect, test } from "vitest";
import { connectTo, head } from "../proxy/client.ts";
import { startSidecar } from "../support/sidecar.ts";
import { statusOf } from "../support/wire.ts";

/** What the admin listener answers to a request under the name `desk.example.com`. */
async function adminStatus(hosts: readonly string[]): Promise<number> {
  const address = "127.0.0.1:0";
  const listen = { public: { address }, admin: { address, hosts } };
  const sidecar = await startSidecar({ upstreamUrl: "http://127.0.0.1:1", config: { listen } });
  const wire = await connectTo({ port: Number(new URL(sidecar.adminUrl).port) });
  await wire.write(head("GET /healthz"));
  return statusOf(await wire.nextResponse());
}

test("the admin listener is served under its configured names too, and under no others", async () => {
  expect(await adminStatus(["Desk.Example.com"])).toBe(200);
  expect(await adminStatus(["ops.example.com"])).toBe(421);
});
