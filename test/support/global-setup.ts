import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { killRegistered, REGISTRY_VARIABLE } from "./process-registry.ts";

/**
 * Runs once around all tests. Processes that tests start are written down in a folder, so that those of a test worker
 * that died without its own clean-up are ended here.
 */
export default async function setup(): Promise<() => Promise<void>> {
  process.env["NODE_ENV"] = "test";
  const registry = await mkdtemp(join(tmpdir(), "portcullis-processes-"));
  process.env[REGISTRY_VARIABLE] = registry;
  return async () => {
    await killRegistered(registry);
    await rm(registry, { recursive: true, force: true });
  };
}
