import { once } from "node:events";
import { connect } from "node:net";
import { expect, it, onTestFinished } from "vitest";
import { isAlive, strictClient } from "./oauth-client.ts";
import { addClient, openStage } from "./oauth-stage.ts";

/** Longer than answers are held. */
const BUSY_MS = 150;

it("a refresh that waited unread while the server was busy is the loser of a race, and no replay", async () => {
  const meanwhile: { run: (() => void) | null } = { run: null };
  const stage = await openStage({ hold: async () => meanwhile.run?.() });
  onTestFinished(() => stage.close());
  const client = await strictClient(stage.issuer);
  const app = await addClient(stage);
  const { refresh_token: token } = await client.tokens(app);
  const { hostname, port } = new URL(stage.issuer);
  const socket = connect(Number(port), hostname).setEncoding("latin1");
  onTestFinished(() => void socket.destroy());
  // The connection is accepted, and lies idle.
  socket.write("GET /oauth/jwks HTTP/1.1\r\nHost: x\r\n\r\n");
  await once(socket, "data");
  let answer = "";
  socket.on("data", (text) => (answer += String(text)));
  meanwhile.run = () => {
    meanwhile.run = null;
    const body = new URLSearchParams({
      grant_type: "refresh_token",
      client_id: app.id,
      refresh_token: token,
    }).toString();
    const type = "application/x-www-form-urlencoded";
    socket.write(
      `POST /oauth/token HTTP/1.1\r\nHost: x\r\nContent-Type: ${type}\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    const until = performance.now() + BUSY_MS;
    while (performance.now() < until);
  };
  const won = await client.refresh(app, token);
  while (!answer.includes("invalid_grant")) await once(socket, "data");
  expect(await isAlive(stage, won.access_token)).toBe(true);
  expect(stage.events.filter(({ action }) => action === "grant.reuse")).toEqual([]);
});
