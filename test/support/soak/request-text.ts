import type { KeyName, Plan } from "./plan.ts";

/** The secret of each key; `none` and `double` need none of their own. */
export type Secrets = Readonly<Record<Exclude<KeyName, "none" | "double">, string>>;

/** The target of a request. Its last segment is the marker, by which all books find it again. */
export function targetOf({ route, index }: Plan): string {
  switch (route) {
    case "tickets.read":
    case "tickets.write":
      return `/api/portals/acme/tickets/m${index}`;
    case "events":
    case "live":
      return `/api/portals/acme/${route}/m${index}`;
    case "search":
      return `/search/m${index}?portal_id=acme&q=x`;
    case "not-allowed":
      return `/search/m${index}?portal_id=acme`;
    default:
      return `/${route}/m${index}`;
  }
}

/** The number of a request by its path or target; -1 where it has no marker. */
export function indexOf(path: string): number {
  const match = /\/m(\d+)(?:\?|$)/.exec(path);
  return match === null ? -1 : Number(match[1]);
}

/** The head of a request as bytes on the wire. */
export function headText(plan: Plan, secrets: Secrets): string {
  if (plan.route === "garbage") return "GET /broken HTTP/1.1\r\nHost : two words\r\n\r\n";
  const lines = [`${plan.method} ${targetOf(plan)} HTTP/1.1`, "Host: desk.test", "User-Agent: soak"];
  lines.push(...credentialLines(plan.key, secrets));
  if (plan.route === "small") lines.push("X-Portal: acme");
  if (plan.route === "hook") lines.push("Content-Type: application/json");
  if (plan.route === "live") {
    lines.push("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13");
    lines.push("Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==");
  }
  if (plan.bodyFraming === "length") lines.push(`Content-Length: ${plan.bodySize}`);
  if (plan.bodyFraming === "chunked") lines.push("Transfer-Encoding: chunked");
  if (plan.expectContinue) lines.push("Expect: 100-continue");
  return `${lines.join("\r\n")}\r\n\r\n`;
}

function credentialLines(key: KeyName, secrets: Secrets): string[] {
  if (key === "none") return [];
  if (key === "double") return [`Authorization: Bearer ${secrets.good}`, `X-API-Key: ${secrets.good}`];
  return [`Authorization: Bearer ${secrets[key]}`];
}

const FILLER = Buffer.alloc(1024 * 1024, "x");

/** The body of a request: JSON that names the portal on `hook`, else filler. */
export function bodyOf(plan: Plan): Buffer {
  if (plan.route !== "hook") return FILLER.subarray(0, plan.bodySize);
  const text = '{"portal_id":"acme","pad":""}';
  const pad = "x".repeat(Math.max(0, plan.bodySize - text.length));
  return Buffer.from(text.replace('""', `"${pad}"`));
}

/** A body in the chunked coding: some chunks, then the end. */
export function chunked(body: Buffer): Buffer {
  const parts: Buffer[] = [];
  const size = Math.max(1, Math.ceil(body.length / 3));
  for (let at = 0; at < body.length; at += size) {
    const chunk = body.subarray(at, at + size);
    parts.push(Buffer.from(`${chunk.length.toString(16)}\r\n`), chunk, Buffer.from("\r\n"));
  }
  return Buffer.concat([...parts, Buffer.from("0\r\n\r\n")]);
}
