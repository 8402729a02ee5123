/** `node deploy/demo/service/main.ts --port 9000`: runs the demo ticket service until SIGTERM or SIGINT. */
import { parseArgs } from "node:util";
import { startDemoService } from "./server.ts";

const USAGE = "usage: main.ts [--port N] [--host ADDRESS] [--quiet]\n";

/** Port of the option, or `null` where it is none. */
function portOf(text: string): number | null {
  const port = /^\d{1,5}$/u.test(text) ? Number(text) : Number.NaN;
  return port <= 65_535 ? port : null;
}

function readOptions(): { port: number; host: string; quiet: boolean } | null {
  try {
    const { values } = parseArgs({
      options: {
        port: { type: "string", default: "9000" },
        host: { type: "string", default: "127.0.0.1" },
        quiet: { type: "boolean", default: false },
      },
    });
    const port = portOf(values.port);
    return port === null ? null : { port, host: values.host, quiet: values.quiet };
  } catch {
    return null;
  }
}

function log(line: string): void {
  process.stderr.write(`${line}\n`);
}

async function main(): Promise<void> {
  const options = readOptions();
  if (options === null) {
    process.stderr.write(USAGE);
    process.exitCode = 2;
    return;
  }
  const { port, host, quiet } = options;
  const service = await startDemoService({ port, host, ...(quiet ? {} : { log }) });
  process.stdout.write(`demo ticket service on ${service.url}\n`);
  const stop = (): void => {
    service.close().catch((error: unknown) => {
      process.stderr.write(`${String(error)}\n`);
      process.exitCode = 1;
    });
  };
  process.once("SIGTERM", stop);
  process.once("SIGINT", stop);
}

try {
  await main();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
