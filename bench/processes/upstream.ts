/**
 * The service behind, as lean as Node allows, so that it is not what limits: a raw socket that finds the end of each
 * request head and answers with bytes made beforehand. Requests have no body. A path that ends in `/large` gets 64 KB.
 */
import { createServer, type Socket } from "node:net";
import { announce } from "./announce.ts";

const SMALL = response(512);
const LARGE = response(64 * 1024);

function response(size: number): Buffer {
  const head = `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${size}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head, "latin1"), Buffer.alloc(size, "x")]);
}

function serve(socket: Socket): void {
  let rest = "";
  socket.setNoDelay(true);
  socket.on("error", () => socket.destroy());
  socket.on("data", (bytes) => {
    rest += bytes.toString("latin1");
    for (let end = rest.indexOf("\r\n\r\n"); end >= 0; end = rest.indexOf("\r\n\r\n")) {
      const line = rest.slice(0, rest.indexOf("\r\n"));
      socket.write(line.includes("/large ") ? LARGE : SMALL);
      rest = rest.slice(end + 4);
    }
  });
}

announce(createServer(serve));
