import { lookup as resolve } from "node:dns";
import type { IncomingMessage } from "node:http";
import { request } from "node:https";
import { isIP, type LookupFunction } from "node:net";
import { isPublicAddress } from "./public-address.ts";

const TIMEOUT_MS = 5000;
const MAX_BYTES = 16 * 1024;
const JSON_TYPE = /^application\/(?:[\w.-]+\+)?json\s*(?:;|$)/i;
/** A document is asked for again after this long at the latest, and not before the other. */
const LONGEST_MS = 3_600_000;
const SHORTEST_MS = 60_000;

export interface FetchedDocument {
  readonly value: unknown;
  /** How long it is good for. */
  readonly freshMs: number;
}

/** Fetches JSON from a URL that a stranger named. Rejects with what went wrong, for the operator. */
export type FetchDocument = (url: string) => Promise<FetchedDocument>;

interface Answer {
  readonly status: number;
  readonly header: (name: string) => string | null;
  readonly body: AsyncIterable<Uint8Array>;
}

/**
 * Fetches with a GET that follows no redirect, in 5 s and 16 KiB. Without `fetch` it connects to public addresses only:
 * what the name resolves to is looked at and used in one, so that a second look-up cannot tell another story.
 */
export function createFetchDocument(options: { readonly fetch?: typeof fetch }): FetchDocument {
  const { fetch: given } = options;
  return async (url) => {
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const answer = given === undefined ? await openPublic(url, signal) : await openWith(given, url, signal);
    return readDocument(answer);
  };
}

async function readDocument({ body, header, status }: Answer): Promise<FetchedDocument> {
  if (status !== 200) throw new Error(`the answer has status ${status}`);
  if (!JSON_TYPE.test(header("content-type") ?? "")) throw new Error("the answer is no JSON");
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body) {
    length += chunk.length;
    if (length > MAX_BYTES) throw new Error("the answer is too long");
    chunks.push(chunk);
  }
  const text = new TextDecoder("utf-8", { fatal: true }).decode(Buffer.concat(chunks));
  return { value: JSON.parse(text), freshMs: freshness(header("cache-control") ?? "") };
}

function freshness(cacheControl: string): number {
  const seconds = /(?:^|,)\s*max-age\s*=\s*"?(\d{1,9})/i.exec(cacheControl)?.[1];
  return Math.min(LONGEST_MS, Math.max(SHORTEST_MS, Number(seconds ?? 0) * 1000));
}

async function openWith(fetchIt: typeof fetch, url: string, signal: AbortSignal): Promise<Answer> {
  const response = await fetchIt(url, { redirect: "manual", signal, headers: { accept: "application/json" } });
  return {
    status: response.status,
    header: (name) => response.headers.get(name),
    body: response.body ?? emptyBody(),
  };
}

async function* emptyBody(): AsyncGenerator<Uint8Array> {
  // Nothing to yield.
}

/** The same, straight to a public address. */
async function openPublic(url: string, signal: AbortSignal): Promise<Answer> {
  const { hostname } = new URL(url);
  const literal = hostname.replace(/^\[|\]$/g, "");
  if (isIP(literal) !== 0 && !isPublicAddress(literal)) throw new Error("the address is not public");
  const response = await new Promise<IncomingMessage>((onResponse, onError) => {
    const headers = { accept: "application/json", "accept-encoding": "identity" };
    const sent = request(
      url,
      { agent: false, headers, lookup: lookupPublic, signal, maxHeaderSize: 16_384 },
      onResponse,
    );
    sent.on("error", onError);
    sent.end();
  });
  return {
    status: response.statusCode ?? 0,
    header: (name) => {
      const value = response.headers[name];
      return typeof value === "string" ? value : null;
    },
    body: response,
  };
}

/** Resolves a name and fails where any of its addresses is not public. */
const lookupPublic: LookupFunction = (hostname, { all }, callback) => {
  resolve(hostname, { all: true }, (error, addresses) => {
    const [first] = addresses ?? [];
    if (error !== null) callback(error, "", 0);
    else if (first === undefined || !addresses.every(({ address }) => isPublicAddress(address))) {
      callback(new Error("the name resolves to an address that is not public"), "", 0);
    } else if (all === true) callback(null, addresses);
    else callback(null, first.address, first.family);
  });
};
