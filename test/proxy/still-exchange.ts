import { Socket } from "node:net";
import { deny } from "../../src/core/decision.ts";
import { ClientConnection } from "../../src/proxy/client-connection.ts";
import { Exchange, type ExchangeStart } from "../../src/proxy/exchange.ts";
import type { CollectedBody } from "../../src/proxy/request-body.ts";
import { unreadHead } from "../../src/proxy/request-reader.ts";
import { TrustedProxies } from "../../src/proxy/trusted-proxies.ts";
import { policyOf, rulesText } from "../policy/rules.ts";

const START: ExchangeStart = {
  head: unreadHead(deny("bad_request")),
  connection: new ClientConnection(new Socket(), false, new TrustedProxies([]), () => undefined),
  requestId: "still",
  startedAt: 0,
  active: { policy: await policyOf(rulesText()), routes: [] },
};

/** An exchange of which nothing moves, on no route. */
export class StillExchange extends Exchange {
  readonly over = false;

  constructor() {
    super(START);
  }

  readBody(): Promise<CollectedBody> {
    return Promise.resolve({ kind: "client_gone" });
  }

  serveOwn(): boolean {
    return false;
  }

  takeBack(): "taken" {
    return "taken";
  }

  awaitsBody(): boolean {
    return false;
  }

  awaitsClient(): boolean {
    return false;
  }

  answer(): void {}
  forward(): void {}
  cut(): void {}
  abandoned(): void {}
  malformed(): void {}
}
