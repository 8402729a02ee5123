/**
 * `node writer.ts STORE_URL`: makes and revokes keys without a pause, and prints each that was acknowledged, until it is
 * killed. A line says what is done: nothing is printed before the store has said so.
 */
import { randomBytes } from "node:crypto";
import { writeSync } from "node:fs";
import { systemClock } from "../../../src/core/clock.ts";
import { isScope, type Scope } from "../../../src/core/ids.ts";
import { createDigester } from "../../../src/credentials/digest.ts";
import { createKeyService } from "../../../src/credentials/key-service.ts";
import { openStore } from "../../../src/store/open.ts";

const [url = ""] = process.argv.slice(2);
const store = openStore(url, { clock: systemClock });
const scopes = new Map<Scope, string>(["tickets:read"].filter(isScope).map((scope) => [scope, "test"]));
const digester = createDigester({ pepper: null });
const keys = createKeyService({ keys: store.keys, digester, clock: systemClock, randomBytes, scopes });
const wish = { name: "crash", portal: null, expiresInMs: null, subject: "crash", createdBy: "crash" };

for (let number = 0; ; number += 1) {
  // One after the other: what is printed is in the order in which it was done.
  const { record } = await keys.create({ ...wish, scopes: ["tickets:read"] });
  writeSync(1, `created ${record.id}\n`);
  if (number % 2 === 1) continue;
  await keys.revoke(record.id);
  writeSync(1, `revoked ${record.id}\n`);
}
