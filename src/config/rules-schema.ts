import { z } from "zod";
import { isPortalId, isRouteId, isScope } from "../core/ids.ts";
import { METHODS } from "../core/methods.ts";
import { count, duration, parseOrigin, section, sizeOrUnlimited, text } from "./fields.ts";

/** The one source of what `rules.yaml` may say: types, defaults and the JSON Schema come from it. */

/** The scopes of the product, for rules that bring no catalogue. */
const DEFAULT_SCOPES: Readonly<Record<string, string>> = {
  "tickets:read": "Read ticket details, comments, and attachments",
  "tickets:write": "Create and update tickets, add comments",
  "workflows:*": "Trigger and manage AI workflows",
  "portals:read": "Read portal configuration and user lists",
  "portals:write": "Update portal settings",
  "users:read": "Read user profiles and roles",
  "users:write": "Invite users and update roles",
};

const scope = text.refine(isScope, "expected a scope such as tickets:read or workflows:*");

export const upstreamSchema = section({
  url: text
    .refine((value) => parseOrigin(value) !== null, "expected http(s)://HOST[:PORT] without path, query or user")
    .transform((value) => parseOrigin(value)?.origin ?? value)
    .describe("Where the service is: http(s)://HOST[:PORT]."),
  connect_timeout: duration.prefault("2s").describe("Time to connect, TLS included."),
  response_timeout: duration.prefault("30s").describe("Time to the head of the response."),
  idle_timeout: duration
    .prefault("60s")
    .describe("Silence allowed in a response body, or while the upstream takes no more of a request body."),
  stream_idle_timeout: duration.prefault("1h").describe("How long a stream or WebSocket may be silent."),
  max_connections: count(1, 65_535).prefault(256).describe("Connections at once."),
  max_queue: count(0, 1_000_000).prefault(1024).describe("Requests that wait for a connection."),
  host: z
    .enum(["client", "upstream"], { error: "expected client or upstream" })
    .default("client")
    .describe("`Host` that the upstream gets: the client's, or that of the URL."),
  tls: section({
    ca: text.optional().describe("Authorities to trust instead of the system's, PEM."),
    cert: text.optional().describe("Client certificate, PEM."),
    key: text.optional().describe("Key of the client certificate, PEM."),
    server_name: text.optional().describe("Name to send and verify instead of the URL's."),
  })
    .optional()
    .describe("TLS to the upstream; the URL must be https."),
});

const memberSchema = section({
  scopes: z.array(scope).min(1, "name at least one scope").describe("Scopes that the credential needs, all of them."),
  portal: text.describe(
    "Where the message names the portal: argument:NAME, argument:/POINTER, uri:VARIABLE (resources), upstream, unrestricted.",
  ),
});

const mcpSchema = section({
  tools: z.record(text, memberSchema).default({}).describe("Tools, by exact name or by prefix (`report_*`)."),
  prompts: z.record(text, memberSchema).default({}).describe("Prompts, by exact name or by prefix."),
  resources: z
    .record(text, memberSchema)
    .default({})
    .describe("Resources, by URI or by template (`ticket://{portal}/{id}`)."),
  methods: z.record(text, memberSchema).default({}).describe("Other methods, by exact name."),
  filter_lists: z
    .boolean({ error: "expected true or false" })
    .default(true)
    .describe("Lists show a caller only what it may use."),
  origins: z
    .array(
      text
        .refine((value) => parseOrigin(value) !== null, "expected http(s)://HOST[:PORT]")
        .transform((value) => parseOrigin(value)?.origin ?? value),
    )
    .default([])
    .describe("`Origin` values that are accepted. Requests without `Origin` always are."),
});

function methodMessage(input: unknown): string {
  const upper = METHODS.find((method) => typeof input === "string" && method === input.toUpperCase());
  return upper === undefined ? `expected one of ${METHODS.join(", ")}` : `write ${upper}`;
}

export const routeSchema = section({
  id: text
    .refine(isRouteId, "expected lower-case letters, digits, `.`, `_` and `-`, 64 at most")
    .describe("Name in metrics and audit."),
  match: section({
    methods: z
      .array(z.enum(METHODS, { error: ({ input }) => methodMessage(input) }))
      .min(1, "name at least one method, or leave `methods` out")
      .optional()
      .describe("Methods; left out, all of them. GET does not imply HEAD."),
    path: text.describe("Segments: static, `:name` for one whole segment, `*` at the end for zero or more."),
  }).describe("Which requests the rule is for."),
  upstream: text.describe("Name of the upstream."),
  public: z.boolean({ error: "expected true or false" }).optional().describe("No credential is asked for."),
  scopes: z
    .array(scope)
    .min(1, "name at least one scope")
    .optional()
    .describe("Scopes that the credential needs, all of them."),
  portal: text
    .optional()
    .describe(
      "Where the portal is named: path:NAME, query:NAME, header:NAME, host:BASE (the label before it), host (the first label), json:/POINTER, upstream, unrestricted.",
    ),
  path_parameters: z
    .enum(["refuse", "allow"], { error: "expected refuse or allow" })
    .default("refuse")
    .describe("What happens to a path with `;`."),
  method_override: z
    .enum(["refuse", "allow"], { error: "expected refuse or allow" })
    .default("refuse")
    .describe("What happens to a query that names a method (`_method`), which some services obey."),
  body_bytes: sizeOrUnlimited.optional().describe("Limit of the body, instead of the configuration's."),
  mcp: mcpSchema
    .optional()
    .describe("The path is an MCP endpoint: rules for its tools, prompts, resources and methods."),
});

const portalSchema = section({
  id: text.refine(isPortalId, "expected 1 to 64 letters, digits, `.`, `_`, `~` or `-`").describe("The portal's id."),
  name: text.optional().describe("Name for people; the id where left out."),
});

export const rulesSchema = section({
  version: z.literal(1, { error: "only version 1 is known" }).describe("Version of this format."),
  scopes: z
    .record(scope, text)
    .default({ ...DEFAULT_SCOPES })
    .describe("The scope catalogue: each scope with what it allows, in words."),
  portals: z.array(portalSchema).default([]).describe("The portals, for pages and checks."),
  upstreams: z
    .record(text.regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, "expected a lower-case name"), upstreamSchema)
    .default({})
    .describe("The services behind, by name."),
  routes: z.array(routeSchema).describe("The rules. What no rule matches is refused."),
});

/** One upstream: durations in ms, file names absolute. */
export type UpstreamSettings = z.output<typeof upstreamSchema>;
export type RouteRules = z.output<typeof routeSchema>;

const memberDrafts = z
  .record(
    z.string(),
    z
      .object({
        scopes: z.array(z.string().catch("")).catch([]),
        portal: text.optional().catch(undefined),
      })
      .catch({ scopes: [] }),
  )
  .catch({});

const mcpDraftSchema = z.object({
  tools: memberDrafts,
  prompts: memberDrafts,
  resources: memberDrafts,
  methods: memberDrafts,
  filter_lists: mcpSchema.shape.filter_lists.catch(true),
  origins: mcpSchema.shape.origins.catch([]),
});

/** `mcp:` of a rule, what is right in it. */
export type McpDraft = z.output<typeof mcpDraftSchema>;

/** Each field by itself, `undefined` where it is missing or wrong: for checks on a file with mistakes. */
export const routeDraftSchema = z.object({
  id: routeSchema.shape.id.optional().catch(undefined),
  match: z
    .object({
      methods: routeSchema.shape.match.shape.methods.catch(undefined),
      path: routeSchema.shape.match.shape.path.optional().catch(undefined),
    })
    .optional()
    .catch(undefined),
  upstream: routeSchema.shape.upstream.optional().catch(undefined),
  public: routeSchema.shape.public.catch(undefined),
  portal: routeSchema.shape.portal.catch(undefined),
  path_parameters: routeSchema.shape.path_parameters.catch("refuse"),
  method_override: routeSchema.shape.method_override.catch("refuse"),
  mcp: mcpDraftSchema.optional().catch(undefined),
});

export type RouteDraft = z.output<typeof routeDraftSchema>;
