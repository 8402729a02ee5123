import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { beforeAll, expect, onTestFinished, test, vi } from "vitest";
import { approveDevice } from "../../support/person-at-browser.ts";
import { tempFolder } from "../../support/temp.ts";
import {
  type Demo,
  grantsOf,
  readElsewhere,
  readTicket,
  startDemo,
  toolNames,
  waitingClient,
  writeTicket,
} from "./support.ts";

// Processes start, and polls of the device flow wait 5 s.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

/** `mcp-remote`, the bridge that most desktop clients use, as a program of its own. */

const PROGRAM = resolve(import.meta.dirname, "../../../node_modules/.bin/mcp-remote");
const FOLLOW = resolve(import.meta.dirname, "../../support/follow-authorization.ts");

const LINK = /\s(http\S+[?&]user_code=\S+)\s/;

let demo: Demo;
beforeAll(async () => {
  demo = await startDemo();
});

interface Bridge {
  readonly client: Client;
  /** Resolves once it serves. */
  readonly connected: Promise<void>;
  /** The next match in what it prints on standard error, from the match before on. */
  printed(pattern: RegExp): Promise<RegExpExecArray>;
}

/** Starts it with a client in front. It ends with the test, and keeps its tokens in a folder of the test. */
function startBridge(folder: string, args: readonly string[], env: Record<string, string> = {}): Bridge {
  const transport = new StdioClientTransport({
    command: PROGRAM,
    args: [demo.mcpUrl, "--transport", "http-only", ...args],
    env: { PATH: process.env["PATH"] ?? "", HOME: folder, MCP_REMOTE_CONFIG_DIR: folder, ...env },
    stderr: "pipe",
  });
  const client = new Client({ name: "test", version: "1" });
  onTestFinished(() => client.close());
  const { stderr } = transport;
  let text = "";
  let read = 0;
  stderr?.on("data", (chunk: Buffer) => void (text += chunk.toString()));
  const connected = client.connect(transport).catch((error: unknown) => {
    throw new Error(`${String(error)}\n${text}`, { cause: error });
  });
  connected.catch(() => {});
  return {
    client,
    connected,
    async printed(pattern) {
      const deadline = AbortSignal.timeout(15_000);
      for (;;) {
        const found = pattern.exec(text.slice(read));
        if (found !== null) {
          read += found.index + found[0].length;
          return found;
        }
        if (deadline.aborted) throw new Error(`not printed: ${pattern}\n${text}`);
        await new Promise((done) => {
          stderr?.once("data", done);
          deadline.addEventListener("abort", done, { once: true });
        });
      }
    },
  };
}

/** A program for `BROWSER`: a person who signs in, and allows what is asked for on one portal. */
function browserProgram(folder: string): string {
  const file = join(folder, "browser.sh");
  writeFileSync(file, `#!/bin/sh\nexec "${process.execPath}" "${FOLLOW}" "$1" >"${folder}/browser.log" 2>&1\n`);
  chmodSync(file, 0o700);
  return file;
}

async function expectOnePortal(client: Client): Promise<void> {
  expect(await toolNames(client)).toContain("get_ticket");
  expect(await client.callTool(readTicket)).toMatchObject({ structuredContent: { ticket: { id: "1001" } } });
  await expect(client.callTool(readElsewhere)).rejects.toThrow(/./);
}

test("signs in through a browser where any client may register, and starts again without one", async () => {
  await demo.command("clients", "policy", "open");
  const folder = tempFolder();
  const person = { PERSON_EMAIL: demo.member.email, PERSON_PASSWORD: demo.member.password, PERSON_PORTAL: "acme" };
  const first = startBridge(folder, [], { BROWSER: browserProgram(folder), ...person });
  await first.connected;
  await expectOnePortal(first.client);
  await first.client.close();
  expect(readFileSync(join(folder, "browser.log"), "utf8")).toBe("");
  const again = startBridge(folder, [], { BROWSER: "/bin/false" });
  await again.connected;
  await expectOnePortal(again.client);
});

test("signs in by device code once it is approved, and again for what needs more", async () => {
  await demo.command("clients", "policy", "approved");
  const bridge = startBridge(tempFolder(), ["--device-code"]);
  const [, link = ""] = await bridge.printed(LINK);
  expect(new URL(link).searchParams.get("user_code")).toMatch(/^[B-Z]{4}-[B-Z]{4}$/);
  const id = await waitingClient(demo);
  await demo.command("clients", "approve", id);
  await approveDevice(link, demo.member, { portal: "acme", scope: ["tickets:read"] });
  await bridge.connected;
  await expectOnePortal(bridge.client);
  expect(await toolNames(bridge.client)).toEqual(["get_ticket", "list_tickets"]);
  const allowed = { flow: "device_code", portal: "acme" };
  expect(await grantsOf(demo, id)).toMatchObject([{ ...allowed, scopes: ["tickets:read"] }]);

  const written = bridge.client.callTool(writeTicket);
  const [, wider = ""] = await bridge.printed(LINK);
  expect(wider).not.toBe(link);
  await approveDevice(wider, demo.member, { portal: "acme", scope: ["tickets:read", "tickets:write"] });
  expect(await written).toMatchObject({ structuredContent: { ticket: { id: "1001" } } });
  await expectOnePortal(bridge.client);
  const [newest] = await grantsOf(demo, id);
  expect(newest).toMatchObject({ ...allowed, scopes: ["tickets:read", "tickets:write"] });
});
