import { expect, test } from "vitest";
import { startDemo } from "../e2e/oauth/support.ts";
import { blocksIn, shell } from "./shell.ts";

/** The command, as where it is installed and has a configuration; the password comes from no terminal here. */
const INSTALLED = `portcullis() {
  echo "a long enough password" | "$NODE" src/cli/bin.ts "$@" --password-stdin --config "$CONFIG"
}`;

test("the command of docs/console.md adds an administrator", { timeout: 60_000 }, async () => {
  const demo = await startDemo();
  const [command = "", ...others] = blocksIn("docs/console.md", "sh");
  expect(others).toEqual([]);
  await shell(`${INSTALLED}\n${command}`, { NODE: process.execPath, CONFIG: demo.config });
  const listed: unknown = JSON.parse(await demo.command("users", "list", "--json"));
  expect(JSON.stringify(listed)).toContain('"email":"ada@example.com"');
  expect(listed).toContainEqual(expect.objectContaining({ email: "ada@example.com", role: "admin" }));
});
