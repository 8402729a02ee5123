import { join } from "node:path";
import { type Command, readArgs, type Terminal, UsageError } from "./command.ts";
import { type DemoOptions, type DemoStage, startDemo } from "./demo-stage.ts";
import { tour } from "./demo-tour.ts";
import { closeTelling, takeSignals } from "./signals.ts";

/** `portcullis demo`: a ticket service, the sidecar in front, seeded keys, and a tour of real requests. */
export const demo: Command = {
  usage: "portcullis demo [--port N] [--tour | --json] [--store URL] [--data DIR]",
  details: `  --port N     port of the public listener; the admin listener takes N + 1 (default: 8080; 0 takes two free ones)
  --tour       makes the requests of the tour and ends: exit 0 only if every verdict is the expected one
  --json       prints one line of JSON once everything is up, and makes no tour
  --store URL  another store (default: an embedded one in the data folder)
  --data DIR   folder for database and audit (default: a new one in the system's temporary folder)

Ctrl-C ends it; a second one at once.

Exit codes: 0 ended, and the tour as expected; 1 it could not start, or the tour was not as expected; 2 wrong usage.

Example: portcullis demo --port 0 --tour`,
  async run(args, terminal) {
    const { values, positionals } = readArgs(args, {
      port: { type: "string" },
      tour: { type: "boolean" },
      json: { type: "boolean" },
      store: { type: "string" },
      data: { type: "string" },
    });
    if (positionals.length > 0) throw new UsageError(`unexpected argument: ${positionals[0]}`);
    if (values.tour === true && values.json === true) throw new UsageError("--tour or --json, not both");
    const signals = takeSignals();
    const stage = await startDemo(stageOptions(values), terminal);
    try {
      if (values.json === true) {
        terminal.out(`${JSON.stringify(stageJson(stage))}\n`);
      } else {
        const right = await showTour(stage, terminal);
        if (values.tour === true) return right ? 0 : 1;
        terminal.out(whatToTry(stage));
      }
      await signals.stopped;
      return 0;
    } finally {
      if (values.tour === true) await stage.close();
      else await closeTelling(stage, stage.drainMs, terminal);
      terminal.error(`kept: ${stage.dataDir}\n`);
    }
  },
};

function stageOptions(values: { port?: string; store?: string; data?: string; tour?: boolean }): DemoOptions {
  // A tour that ends by itself needs no particular port, so it disturbs nobody.
  const text = values.port ?? (values.tour === true ? "0" : "8080");
  const port = /^[0-9]{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (!(port >= 0 && port <= 65_534))
    throw new UsageError(`--port ${text}: give 0 (any free) to 65534; the admin listener takes the next port`);
  return { port, store: values.store, data: values.data };
}

function stageJson(stage: DemoStage): Record<string, unknown> {
  return {
    public_url: stage.publicUrl,
    admin_url: stage.adminUrl,
    mcp_url: `${stage.publicUrl}/mcp`,
    data_dir: stage.dataDir,
    keys: stage.keys,
    ...stage.people,
  };
}

async function showTour(stage: DemoStage, terminal: Terminal): Promise<boolean> {
  terminal.out(`A ticket service that knows nothing of keys runs at ${stage.serviceUrl}.\n`);
  terminal.out(`Portcullis stands in front of it at ${stage.publicUrl}. The tour:\n\n`);
  let right = true;
  let count = 0;
  for await (const stop of tour(stage)) {
    count++;
    const ok = stop.seen === stop.expected;
    right &&= ok;
    terminal.out(`${ok ? "✓" : "✗"} ${stop.title.padEnd(34)} ${stop.seen}\n    ${stop.request}\n`);
    if (!ok) terminal.out(`    expected ${stop.expected}\n`);
  }
  terminal.out(
    right
      ? `\nAll ${count} verdicts are as expected. Each has its line in ${auditFile(stage)}.\n`
      : "\nSome verdicts are NOT as expected: see the lines with ✗.\n",
  );
  return right;
}

function whatToTry(stage: DemoStage): string {
  const { acme, reader, writer } = stage.keys;
  const { admin, member } = stage.people;
  const tickets = `${stage.publicUrl}/api/portals`;
  return `
It stays up. Keys of the demo:
${Object.entries(stage.keys)
  .map(([name, { key }]) => `  ${name.padEnd(10)} ${key}\n`)
  .join("")}
Try:
  curl -i -H 'Authorization: Bearer ${reader.key}' ${tickets}/acme/tickets
  curl -i -H 'Authorization: Bearer ${acme.key}' ${tickets}/globex/tickets
  curl -i -H 'Authorization: Bearer ${writer.key}' -H 'Content-Type: application/json' -d '{"subject":"Hello"}' ${tickets}/acme/tickets
  curl -N -H 'Authorization: Bearer ${reader.key}' ${tickets}/acme/events
  curl -s ${stage.adminUrl}/metrics | grep ^portcullis_requests_total
  tail -f ${auditFile(stage)}
  npm start -- explain --config ${stage.dataDir}/demo.yaml --key ${acme.id} GET /api/portals/globex/tickets
  npm start -- check --config ${stage.dataDir}/demo.yaml --against ${stage.serviceUrl}/mcp

Sign in at ${stage.publicUrl}/signin:
  administrator  ${admin.email}   ${admin.password}
  member         ${member.email}  ${member.password}
The administrator's pages, Settings › MCP Access, are at ${stage.adminUrl}/
Connect an MCP client to ${stage.publicUrl}/mcp. It sends you to sign in and asks for your consent. A new client waits
until an administrator approves it:
  npx mcp-remote ${stage.publicUrl}/mcp --allow-http
  npm start -- clients list --config ${stage.dataDir}/demo.yaml
  npm start -- clients approve ID --config ${stage.dataDir}/demo.yaml
On a machine without a browser, a device code does it:
  npm start -- login --device --url ${stage.publicUrl}
Or give the client the header "Authorization: Bearer …" with one of the keys.

Ctrl-C ends it; the folder stays.
`;
}

function auditFile(stage: DemoStage): string {
  return join(stage.dataDir, "audit.ndjson");
}
