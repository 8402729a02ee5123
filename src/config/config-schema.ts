import { z } from "zod";
import { adminSection } from "./admin-schema.ts";
import { signinSection } from "./signin-schema.ts";
import { oauthSection } from "./oauth-schema.ts";
import {
  address,
  count,
  duration,
  durationWithin,
  isRange,
  parseOrigin,
  section,
  size,
  sizeOrUnlimited,
  text,
} from "./fields.ts";
import { secret } from "./secret-field.ts";

/** The one source of what `portcullis.yaml` may say: types, defaults and the JSON Schema come from it. */

const tls = section({
  cert: text.describe("Certificate chain, PEM."),
  key: text.describe("Private key, PEM."),
});

const hostName = text
  .regex(/^(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])$/, "expected a host name or address, without a port")
  .transform((name) => name.toLowerCase());

const publicListener = section({
  address: address.prefault("127.0.0.1:8080").describe("HOST:PORT to listen on."),
  tls: tls.optional().describe("Serve HTTPS with this certificate; without it, HTTP."),
  hosts: z.array(hostName).default([]).describe("Values of `Host` that are served, without their port; empty is any."),
});

const adminListener = section({
  address: address.prefault("127.0.0.1:9901").describe("HOST:PORT of the admin listener. Keep it private."),
  tls: tls.optional().describe("Serve HTTPS with this certificate; without it, HTTP."),
  hosts: z
    .array(hostName)
    .default([])
    .describe("Values of `Host` that are served beside loopback and the listener's own address, without their port."),
});

const STORE_URL =
  /^(?:sqlite:(?!\/\/(?!\/))[^?#]+|rediss?:\/\/\S+|rediss?\+sentinel:\/\/[^\s/]+\/[^\s/]+(?:\/\d+)?|rediss?\+cluster:\/\/[^\s/]+)$/;

const storeUrl = text
  .regex(
    STORE_URL,
    "expected sqlite:PATH, redis://HOST, rediss://HOST, redis+sentinel://H1,H2/NAME or redis+cluster://H1,H2",
  )
  .refine((url) => url !== "sqlite::memory:", "a store in memory would forget every key; give a file");

const storeTls = section({
  ca: text.optional().describe("Certificates of who may have signed the server's, PEM. Default: public authorities."),
  cert: text.optional().describe("Our own certificate chain, PEM, where the server asks for one."),
  key: text.optional().describe("Private key of `cert`, PEM."),
}).refine(({ cert, key }) => (cert === undefined) === (key === undefined), "`cert` and `key` go together");

const sink = z.union(
  [
    section({ file: text.describe("File that lines are added to.") }),
    section({ stdout: z.literal(true).describe("Standard output.") }),
  ],
  { error: "expected { file: PATH } or { stdout: true }" },
);

const limits = section({
  head_bytes: size.prefault("16KiB").describe("Request head: request line and fields."),
  target_bytes: size.prefault("8KiB").describe("Request target."),
  body_bytes: sizeOrUnlimited.prefault("10MiB").describe("Request body, or `unlimited`."),
  inspect_bytes: size
    .prefault("1MiB")
    .describe("Request body that is read before the decision, for its portal or MCP message."),
  inspect_total: size.prefault("64MiB").describe("Such bodies at once, over all requests; more get 429."),
  idle: duration
    .prefault("60s")
    .describe("Silence allowed on a client's connection: between requests, and inside one."),
  head_timeout: duration.prefault("10s").describe("Time for a request head to arrive whole."),
  connections: count(1, 1_000_000).prefault(20_000).describe("Client connections at once."),
  drain: duration.prefault("30s").describe("Time that open requests get at shutdown."),
});

export const configSchema = section({
  version: z.literal(1, { error: "only version 1 is known" }).describe("Version of this format."),
  public_url: text
    .refine((value) => parseOrigin(value) !== null, "expected http(s)://HOST[:PORT] without path or query")
    .transform((value) => parseOrigin(value)?.origin ?? value)
    .optional()
    .describe(
      "URL that clients use: issuer, audience and links come from it. Default: the address of the public listener.",
    ),
  listen: section({
    public: publicListener.prefault({}).describe("Listener for clients."),
    admin: adminListener.prefault({}).describe("Listener for operators: metrics and health."),
  })
    .prefault({})
    .describe("Where to listen."),
  trusted_proxies: z
    .array(text.refine(isRange, "expected an IP address or a CIDR range"))
    .default([])
    .describe("Addresses and CIDR ranges whose X-Forwarded-* are believed; empty believes none."),
  store: section({
    url: storeUrl
      .prefault("sqlite:./data/portcullis.db")
      .describe("Where keys live. A file is relative to this file; `rediss` in place of `redis` is TLS."),
    tls: storeTls.optional().describe("Certificates for `rediss:`. Read at the start."),
  })
    .prefault({})
    .describe("Where keys live."),
  cache: section({
    max_entries: count(1, 10_000_000).prefault(100_000).describe("Credentials kept in memory."),
    ttl: duration.prefault("60s").describe("How long a known credential is kept."),
    negative_ttl: duration.prefault("5s").describe("How long an unknown credential is kept."),
  })
    .prefault({})
    .describe("Cache of credentials."),
  revocation: section({
    lease: durationWithin("1s", "10m")
      .prefault("10s")
      .describe(
        "How long an instance that is cut off from the store trusts its cache, and a revocation waits for one that does not answer.",
      ),
  })
    .prefault({})
    .describe("How revocation spreads."),
  limits: limits.prefault({}).describe("Bounds on what clients may send and hold."),
  audit: section({
    sinks: z
      .array(sink)
      .min(1, "name at least one sink")
      .prefault([{ file: "./data/audit.ndjson" }])
      .describe("Where audit lines go."),
    when_full: z
      .enum(["refuse", "drop"], { error: "expected refuse or drop" })
      .default("refuse")
      .describe("What happens to requests that cannot be recorded."),
    queue_bytes: size.prefault("8MiB").describe("Lines that wait for a slow sink."),
  })
    .prefault({})
    .describe("The audit log."),
  log: section({
    level: z
      .enum(["fatal", "error", "warn", "info", "debug", "trace", "silent"], {
        error: "expected fatal, error, warn, info, debug, trace or silent",
      })
      .default("info")
      .describe("Least severe level that is logged."),
  })
    .prefault({})
    .describe("The operator log."),
  oauth: oauthSection.prefault({}).describe("The authorization server for MCP clients."),
  signin: signinSection.prefault({}).describe("How people sign in."),
  admin: adminSection.prefault({}).describe("Pages and API of administrators."),
  rules: text.default("./rules.yaml").describe("The rules file, relative to this file. Reloads."),
  workers: z.literal(1, { error: "only one worker is supported yet" }).default(1).describe("Worker processes."),
  secrets: section({
    pepper: secret.optional().describe("Key of the digests of API keys. Redis needs one; see also the store."),
    cookies: z
      .array(secret)
      .min(1, "name at least one")
      .optional()
      .describe("Keys that sign cookies and forms, newest first. Where none is given they are made from the pepper."),
  })
    .prefault({})
    .describe("Secrets. Take them from the environment: ${NAME}."),
});

type ConfigFile = z.output<typeof configSchema>;

/** The configuration, complete: defaults filled in, durations in ms, sizes in bytes, paths absolute. */
export type Config = Omit<ConfigFile, "public_url"> & { readonly public_url: string };
