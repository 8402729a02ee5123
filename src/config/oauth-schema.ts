import { z } from "zod";
import { count, lifetime, pathPrefix, section, text } from "./fields.ts";

const HOST = /^(?:\*\.)?[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?$/i;

/** `oauth:` of the configuration. */
export const oauthSection = section({
  enabled: z
    .boolean({ error: "expected true or false" })
    .default(true)
    .describe("Serve OAuth, sign-in and metadata. Without it, API keys alone are credentials."),
  path: pathPrefix.default("/oauth").describe("Where its endpoints and pages are; metadata stays under /.well-known."),
  access_token: lifetime.prefault("1h").describe("Life of an access token."),
  refresh_token: lifetime.prefault("30d").describe("Life of a grant: its refresh tokens end then."),
  device_code: lifetime
    .refine((ms) => ms <= 600_000, "at most 10m")
    .prefault("10m")
    .describe("Life of a device code, 10m at most."),
  metadata_hosts: z
    .array(text.regex(HOST, "expected a host name, or *.NAME").transform((name) => name.toLowerCase()))
    .default([])
    .describe("Hosts whose client metadata documents make a client; empty is none. `*.NAME` is every host under NAME."),
  registrations_per_hour: count(1, 100_000)
    .prefault(20)
    .describe("Clients that one address may register in an hour; ten times as many over all addresses."),
});
