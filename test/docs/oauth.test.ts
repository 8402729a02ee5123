import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { loadConfig } from "../../src/config/config.ts";
import { type Demo, startDemo } from "../e2e/oauth/support.ts";
import { approveDevice } from "../support/person-at-browser.ts";
import { tempFolder } from "../support/temp.ts";
import { blocksIn, shell } from "./shell.ts";

/** What docs/oauth.md and docs/signin.md show is tried out here. */

/** The first block with the addresses of a demo in place of those that are shown. */
function begin(block: string, demo: Demo): string {
  const there = block
    .replace(/^PORTCULLIS=.*$/m, `PORTCULLIS=${demo.url}`)
    .replace(/^CONFIG=.*$/m, `CONFIG=${demo.config}`);
  expect(there).toContain(demo.url);
  expect(there).toContain(demo.config);
  return there;
}

test("the device flow by hand runs against the demo as it is written", { timeout: 60_000 }, async () => {
  const demo = await startDemo();
  const [first = "", ...others] = blocksIn("docs/oauth.md", "sh");
  expect(others).toHaveLength(2);
  const start = begin(first, demo);
  const printed = await shell(`${start}\necho "$CLIENT"\necho "$STARTED"`);
  const [uri = "", CLIENT = "", STARTED = ""] = printed.trim().split("\n");
  expect((await approveDevice(uri, demo.member, { portal: "acme" })).status).toBe(200);
  const setting = start.split("\n").filter((line) => /^(?:PORTCULLIS=|field\(\))/.test(line));
  const answers = await shell([...setting, ...others].join("\n"), { CLIENT, STARTED });
  expect(answers).toContain(`"subject":"${demo.member.email}"`);
  expect(answers).toContain('"scopes":["tickets:read"],"portal":"acme"');
  expect(answers).toContain('"subject":"Cannot sign in after password reset"');
  expect(answers).toMatch(/"code":"credential_invalid"[^\n]*$/);
});

test.each(["docs/oauth.md", "docs/signin.md"])("the configuration that %s shows loads", async (document) => {
  const shown = blocksIn(document, "yaml").filter((block) => block.startsWith("# portcullis.yaml"));
  expect(shown).toHaveLength(1);
  const file = join(tempFolder(), "portcullis.yaml");
  writeFileSync(file, shown[0] ?? "");
  expect(await loadConfig(file, { COMPANY_CLIENT_SECRET: "Zk3vQ9xLr7TnB2mWc5JdY8hGf6Ps4Ka1" })).toMatchObject({
    ok: true,
  });
});
