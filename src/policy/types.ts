import type { UpstreamSettings } from "../config/rules-schema.ts";
import type { Deny } from "../core/decision.ts";
import type { PortalId, RouteId, Scope } from "../core/ids.ts";
import type { RequestHead } from "../core/request.ts";
import type { ScopeNeed } from "../core/scopes.ts";
import type { UriTemplate } from "./uri-template.ts";

export type { UpstreamSettings };

/** Where something stands in the rules file. Lines and columns count from 1. */
export interface SourcePosition {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** Where a request names its portal, compiled from `portal:` of a rule. */
export type PortalSelector =
  /** A whole segment of the path; `segment` counts from 0. */
  | { readonly kind: "path"; readonly name: string; readonly segment: number }
  /** A parameter of the query string; `folded` is what look-alikes of the name fold to. */
  | { readonly kind: "query"; readonly name: string; readonly folded: string }
  /** A header; `name` is lower case. */
  | { readonly kind: "header"; readonly name: string }
  /** The first label of `Host`; with a `base`, in lower case, only where nothing but the base follows it. */
  | { readonly kind: "host"; readonly base: string | null }
  /** A string in the JSON body; `tokens` of the pointer, unescaped (RFC 6901). */
  | {
      readonly kind: "json";
      readonly pointer: string;
      readonly tokens: readonly string[];
      readonly folded: readonly string[];
    }
  /** The upstream filters; every credential passes. */
  | { readonly kind: "upstream" }
  /** Only credentials without a portal restriction pass. */
  | { readonly kind: "unrestricted" };

/** Where an MCP message names its portal, compiled from `portal:` of a member of `mcp:`. */
export type McpPortalSelector =
  /** A string in `params.arguments`; `tokens` of the JSON pointer, unescaped. */
  | {
      readonly kind: "argument";
      readonly text: string;
      readonly tokens: readonly string[];
      readonly folded: readonly string[];
    }
  /** A variable of the resource's template; `variable` counts from 0. */
  | { readonly kind: "uri"; readonly name: string; readonly variable: number }
  | { readonly kind: "upstream" }
  | { readonly kind: "unrestricted" };

/** What one tool, prompt, resource or method asks for. */
export interface McpRule {
  /** As the rules write it (`get_ticket`, `report_*`, a template): the label of audit and metrics. */
  readonly name: string;
  readonly needs: readonly ScopeNeed[];
  readonly scopes: readonly Scope[];
  readonly scopeText: string;
  readonly portal: McpPortalSelector;
  readonly source: SourcePosition;
}

/** Rules by name: exact goes before prefix, a longer prefix before a shorter one. */
export interface McpNames {
  readonly exact: ReadonlyMap<string, McpRule>;
  /** What the exact names fold to, so that a prefix does not take their look-alikes. */
  readonly foldedExact: ReadonlySet<string>;
  /** Longest first. */
  readonly prefixes: readonly { readonly prefix: string; readonly folded: string; readonly rule: McpRule }[];
}

export interface McpTemplateRule {
  readonly template: UriTemplate;
  /** Matches what `foldUri` makes of the template's URIs. */
  readonly folded: RegExp;
  readonly rule: McpRule;
}

/** Rules by URI: a literal goes before a template, and no two templates match the same URI. */
export interface McpResources {
  readonly literals: ReadonlyMap<string, McpRule>;
  /** What the literals fold to, so that a template does not take their look-alikes. */
  readonly foldedLiterals: ReadonlySet<string>;
  readonly templates: readonly McpTemplateRule[];
}

/** `mcp:` of a rule: what may be done through an MCP endpoint. What nothing names is refused. */
export interface McpRules {
  readonly tools: McpNames;
  readonly prompts: McpNames;
  readonly resources: McpResources;
  /** Methods that have no table of their own, by their exact names. */
  readonly methods: ReadonlyMap<string, McpRule>;
  /** Lists show a caller only what it may use. */
  readonly filterLists: boolean;
  /** `Origin` values that are accepted, in their normal form. */
  readonly origins: ReadonlySet<string>;
}

/** A compiled rule. */
export interface Route {
  readonly id: RouteId;
  /** Position among the rules, from 0. */
  readonly index: number;
  readonly pattern: string;
  /** `null` is every method that rules may name. */
  readonly methods: readonly string[] | null;
  /** Name of the upstream in the rules. */
  readonly upstream: string;
  readonly public: boolean;
  readonly needs: readonly ScopeNeed[];
  readonly scopes: readonly Scope[];
  /** The scopes with single spaces between, as `WWW-Authenticate` wants them. */
  readonly scopeText: string;
  /** `null` on public routes and on MCP routes only. */
  readonly portal: PortalSelector | null;
  /** Where set, scopes and portal are decided by message, and `needs` and `portal` say nothing. */
  readonly mcp: McpRules | null;
  /** True where the decision needs the body, parsed as JSON. */
  readonly readsBody: boolean;
  /** Limit of the body, bytes; `null` is the limit of the configuration, `Infinity` is none. */
  readonly bodyBytes: number | null;
  readonly source: SourcePosition;
}

/** Answer of the matcher. Made at compile time, shared by all requests. */
export type Match =
  | { readonly found: true; readonly route: Route }
  /** `allowedMethods` is for the `Allow` field of a 405, else empty. */
  | { readonly found: false; readonly deny: Deny; readonly allowedMethods: readonly string[] };

/** The rules, compiled. Immutable; a reload makes another. */
export interface Policy {
  /** First 12 hex digits of the SHA-256 of the rules file. */
  readonly hash: string;
  readonly routes: readonly Route[];
  readonly upstreams: ReadonlyMap<string, UpstreamSettings>;
  /** The scope catalogue with what each allows, in words. */
  readonly scopes: ReadonlyMap<Scope, string>;
  readonly portals: readonly { readonly id: PortalId; readonly name: string }[];
  /** Finds the rule of a request, or why there is none. Pure; cost does not grow with the number of rules. */
  match(head: RequestHead): Match;
}
