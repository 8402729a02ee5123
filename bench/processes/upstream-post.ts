/**
 * As upstream.ts, for requests with a body: reads it by its Content-Length, and answers with a JSON-RPC result of 512
 * bytes.
 */
import { createServer, type Socket } from "node:net";
import { announce } from "./announce.ts";

const RESULT = { content: [{ type: "text", text: "" }] };
const ENVELOPE = JSON.stringify({ jsonrpc: "2.0", id: 17, result: RESULT });
const BODY = ENVELOPE.replace('"text":""', `"text":"${"x".repeat(512 - ENVELOPE.length)}"`);
const ANSWER = Buffer.from(
  `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${BODY.length}\r\n\r\n${BODY}`,
  "latin1",
);
const LENGTH = /\r\ncontent-length: (\d+)\r\n/i;

function serve(socket: Socket): void {
  let rest = "";
  socket.setNoDelay(true);
  socket.on("error", () => socket.destroy());
  socket.on("data", (bytes) => {
    rest += bytes.toString("latin1");
    for (let end = rest.indexOf("\r\n\r\n"); end >= 0; end = rest.indexOf("\r\n\r\n")) {
      const whole = end + 4 + Number(LENGTH.exec(rest.slice(0, end + 2))?.[1] ?? 0);
      if (rest.length < whole) return;
      socket.write(ANSWER);
      rest = rest.slice(whole);
    }
  });
}

announce(createServer(serve));
