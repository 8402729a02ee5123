/** A process of its own on a database file: `create FILE COUNT`, `revoke FILE ID`, `consume FILE COUNT`, `hold FILE MS`. */
import { DatabaseSync } from "node:sqlite";
import { setTimeout as pause } from "node:timers/promises";
import { systemClock } from "../../src/core/clock.ts";
import { openSqliteStore } from "../../src/store/sqlite.ts";
import { credentialId, record } from "./records.ts";

const [action, file = "", argument = ""] = process.argv.slice(2);

if (action === "hold") {
  const database = new DatabaseSync(file);
  database.exec("BEGIN IMMEDIATE");
  console.log("held");
  await pause(Number(argument));
  database.exec("COMMIT");
  database.close();
} else {
  const store = openSqliteStore({ file, clock: systemClock });
  if (action === "revoke") await store.keys.revoke(credentialId(argument), Date.now());
  const tried = action === "consume" ? Number(argument) : 0;
  for (let at = 0; at < tried; at += 1) {
    if (await store.documents.consume("thing", `t${at}`, Date.now())) console.log(`t${at}`);
  }
  const wanted = action === "create" ? Number(argument) : 0;
  for (let made = 0; made < wanted; made += 1) {
    const one = record();
    await store.keys.create(one);
    console.log(one.id);
  }
  await store.close();
}
