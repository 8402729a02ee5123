import { randomBytes } from "node:crypto";
import type { Clock } from "../../src/core/clock.ts";
import { isScope } from "../../src/core/ids.ts";
import { createDeviceCodes } from "../../src/oauth/device-codes.ts";
import { createGrantApproval } from "../../src/oauth/grant-approval.ts";
import { clientId, type Stage } from "./oauth-stage.ts";

/** What the device page does once a person has decided. */
export async function decideDevice(
  stage: Stage,
  clock: Clock,
  userCode: string,
  what: "approve" | "deny",
): Promise<boolean> {
  const { store, provider, grants, person } = stage;
  const codes = createDeviceCodes({ documents: store.documents, digester: stage.digester, clock });
  const found = await codes.find(userCode.replace("-", ""));
  if (found?.kind !== "pending") throw new Error(`the code is ${found?.kind ?? "unknown"}`);
  const claimed = await codes.claim(found.device, person.id);
  if (claimed === null) throw new Error("claimed by another");
  if (what === "deny") return codes.deny(claimed);
  const { params } = found.device;
  const approve = createGrantApproval({ provider, grants, clock, randomBytes, lifetimeMs: 86_400_000 });
  const scope = String(params["scope"]);
  const resource = String(params["resource"]);
  const grant = await approve({
    person,
    client: { id: clientId(String(params["client_id"])) },
    scopes: scope.split(" ").filter(isScope),
    oidcScopes: [],
    portal: null,
    resource: { asked: resource, url: resource, name: "test" },
    flow: "device_code",
  });
  return codes.approve(claimed, { grant, scope, resource, signedInAt: clock.now() });
}
