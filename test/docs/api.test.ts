import { expect, test } from "vitest";
import { z } from "zod";
import { startDemo } from "../e2e/oauth/support.ts";
import { blocksIn, shell } from "./shell.ts";

/** The command, as where it is installed and has a configuration. */
const INSTALLED = `portcullis() { "$NODE" src/cli/bin.ts "$@" --config "$CONFIG"; }`;

test("the script of docs/api.md runs against the demo as it is written", { timeout: 60_000 }, async () => {
  const demo = await startDemo();
  const [script = "", ...others] = blocksIn("docs/api.md", "sh");
  expect(others).toEqual([]);
  const lines = script.replace(/^API=.*$/m, `API=${demo.adminUrl}/api/v1`);
  expect(lines).toContain(demo.adminUrl);
  const printed = await shell(`${INSTALLED}\n${lines.replaceAll(/^curl(?:.*\\\n)*.*$/gm, "$&; echo")}`, {
    NODE: process.execPath,
    CONFIG: demo.config,
  });
  const answers = printed.trim().split("\n");
  const [status, made, found] = answers.map((line): unknown => JSON.parse(line));
  expect(answers).toHaveLength(3);
  expect(status).toMatchObject({ mcp_access: true });
  const { id } = z.object({ id: z.string() }).parse(made);
  expect(made).toMatchObject({
    name: "build",
    scopes: ["tickets:read"],
    portal: "acme",
    key: expect.stringMatching(/^noice_sk_live_/),
  });
  expect(found).toMatchObject({ items: [{ id, state: "active" }] });
});
