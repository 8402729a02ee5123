import { once } from "node:events";
import { connect } from "node:net";
import {
  freePort,
  outputOf,
  type RunningProcess,
  spawnProcess,
  stop as stopProcess,
  waitForLine,
} from "./processes.ts";
import { tempFolder } from "./temp.ts";

export interface RedisServer {
  readonly port: number;
  /** `redis://127.0.0.1:port` */
  readonly url: string;
  /** Ends it in order. */
  stop(): Promise<void>;
  /** Ends it as a crash does (SIGKILL). */
  kill(): Promise<void>;
  /** SIGSTOP: its sockets stay open, and nothing is answered. */
  pause(): void;
  resume(): void;
  /** Ends it as a crash does, if it runs, and starts it on the same port and files. */
  restart(): Promise<void>;
  /** One command by the inline protocol; the first line of the answer. */
  command(line: string): Promise<string>;
}

interface RedisServerOptions {
  readonly port?: number;
  /** More arguments, such as `["--requirepass", "x"]`. */
  readonly args?: readonly string[];
}

/** Starts a real `redis-server`, in a folder of its own, that has on disk what it acknowledged. Answers when it does. */
export async function startRedis(options: RedisServerOptions = {}): Promise<RedisServer> {
  const port = options.port ?? (await freePort());
  const folder = tempFolder();
  const args = ["--port", String(port), "--bind", "127.0.0.1", "--dir", folder, "--save", ""];
  args.push("--appendonly", "yes", "--appendfsync", "always", ...(options.args ?? []));
  let running = await start();

  async function start(): Promise<RunningProcess> {
    const server = spawnProcess("redis-server", args);
    await waitForLine(server, (line) => line.includes("Ready to accept connections"));
    const answer = await command("PING");
    // A server that wants a password, or a Sentinel's, is up as well.
    if (!/^(\+PONG|-NOAUTH)/.test(answer)) throw new Error(`PING: ${answer}\n${outputOf(server)}`);
    return server;
  }

  async function command(line: string): Promise<string> {
    const socket = connect(port, "127.0.0.1");
    try {
      await once(socket, "connect");
      socket.write(`${line}\r\n`);
      let text = "";
      for await (const chunk of socket.setEncoding("latin1")) {
        text += String(chunk);
        if (text.includes("\r\n")) break;
      }
      return text.slice(0, text.indexOf("\r\n"));
    } finally {
      socket.destroy();
    }
  }

  async function kill(): Promise<void> {
    running.child.kill("SIGKILL");
    await running.exited;
  }

  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    command,
    kill,
    async stop() {
      running.child.kill("SIGCONT");
      await stopProcess(running);
    },
    pause: () => void running.child.kill("SIGSTOP"),
    resume: () => void running.child.kill("SIGCONT"),
    async restart() {
      await kill();
      running = await start();
    },
  };
}
