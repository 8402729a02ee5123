import { basename } from "node:path";
import type { Clock } from "../core/clock.ts";
import { isCredentialId, isPortalId, isScope, type Scope } from "../core/ids.ts";
import type { Principal } from "../core/principal.ts";
import { inCatalogue } from "../core/scopes.ts";
import { keyState } from "../credentials/key-state.ts";
import { principalOf } from "../credentials/principal.ts";
import type { ExplainInput, Explanation } from "../policy/explain.ts";
import type { ApiKeyRecord } from "../store/types.ts";
import type { Settings } from "../store/settings.ts";
import type { ExplainQuestion } from "./administration.ts";
import { InvalidRequest } from "../core/invalid-request.ts";

export interface ExplainDeps {
  readonly explain: (input: ExplainInput) => Explanation | Promise<Explanation>;
  readonly keys: { get(id: ApiKeyRecord["id"]): Promise<ApiKeyRecord | null> };
  readonly settings: { read(): Promise<Settings> };
  readonly scopes: () => ReadonlyMap<Scope, string>;
  readonly clock: Pick<Clock, "now">;
}

/** Decides on a described request as the rules in force do. Rejects with `InvalidRequest` on a caller that cannot be. */
export async function explainQuestion(question: ExplainQuestion, deps: ExplainDeps): Promise<Explanation> {
  const { body, headers, method, target } = question;
  const principal = await principalFor(question.caller, deps);
  const { mcpAccess } = await deps.settings.read();
  const bytes = body === null ? null : new TextEncoder().encode(body);
  return withoutFolders(await deps.explain({ method, target, headers, body: bytes, principal, mcpAccess }));
}

/** Where the rules lie on the machine is not for who asks over the network. */
function withoutFolders(explanation: Explanation): Explanation {
  const steps = explanation.steps.map((step) =>
    step.source === undefined ? step : { ...step, source: { ...step.source, file: basename(step.source.file) } },
  );
  return { ...explanation, steps };
}

async function principalFor(caller: ExplainQuestion["caller"], deps: ExplainDeps): Promise<ExplainInput["principal"]> {
  switch (caller.kind) {
    case "anonymous":
      return { problem: "credential_missing" };
    case "refused":
      return { problem: caller.problem };
    case "key": {
      const record = await deps.keys.get(caller.id);
      if (record === null) throw new InvalidRequest([{ field: "caller", text: `there is no key ${caller.id}` }]);
      const state = keyState(record, deps.clock.now());
      if (state === "active") return principalOf(record);
      return { problem: `credential_${state}`, told: `API key ${record.id} is ${state}` };
    }
    case "scopes":
      return imagined(caller, deps.scopes());
  }
}

/** A caller that does not exist, with the scopes to try. */
function imagined(
  { portal, scopes }: { readonly scopes: readonly string[]; readonly portal: string | null },
  catalogue: ReadonlyMap<Scope, string>,
): Principal {
  const known = new Set(catalogue.keys());
  const unknown = scopes.find((scope) => !isScope(scope) || !inCatalogue(known, scope));
  if (unknown !== undefined) {
    throw new InvalidRequest([{ field: "caller", text: `unknown scope ${JSON.stringify(unknown)}` }]);
  }
  if (portal !== null && !isPortalId(portal)) {
    throw new InvalidRequest([{ field: "caller", text: `${JSON.stringify(portal)} is no portal id` }]);
  }
  const credentialId = "key_0000000000000000";
  if (!isCredentialId(credentialId)) throw new Error("the id of the imagined key is malformed");
  const held = new Set(scopes.filter(isScope));
  return { kind: "api_key", credentialId, subject: "explain", scopes: held, portal, expiresAt: null };
}
