import type { Server } from "node:net";

/** Listens on a free port of the loopback address and prints its URL, the one line that the bench waits for. */
export function announce(server: Server): void {
  server.listen({ host: "127.0.0.1", port: 0, backlog: 4096 }, () => {
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("the system gave no port");
    console.log(`listening http://127.0.0.1:${address.port}`);
  });
  process.on("SIGTERM", () => process.exit(0));
}
