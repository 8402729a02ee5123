import { expect, onTestFinished, test } from "vitest";
import { isCredentialId } from "../../src/core/ids.ts";
import { startDemo } from "../../src/cli/demo-stage.ts";
import { tempFolder } from "../support/temp.ts";

const ignore = (): void => undefined;
const terminal = { env: {}, out: ignore, error: ignore, readInput: async () => "" };

test("a key that is revoked on the stage is refused at once, and one that is not there is no success", async () => {
  const stage = await startDemo({ port: 0, store: undefined, data: tempFolder() }, terminal);
  onTestFinished(() => stage.close());
  const { id, key } = await stage.issue("short-lived", ["tickets:read"]);
  const status = async (): Promise<number> =>
    (await fetch(`${stage.publicUrl}/api/portals/acme/tickets`, { headers: { "X-API-Key": key } })).status;
  expect(await status()).toBe(200);
  await stage.revoke(id);
  expect(await status()).toBe(401);
  const unknown = "key_00000000000000000000";
  if (!isCredentialId(unknown)) throw new Error("the id is malformed");
  await expect(stage.revoke(unknown)).rejects.toThrow(unknown);
});
