import {
  CallToolRequestSchema,
  JSONRPCMessageSchema,
  ReadResourceRequestSchema,
} from "@modelcontextprotocol/sdk/types.js";
import { UriTemplate } from "@modelcontextprotocol/sdk/shared/uriTemplate.js";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { valueAt } from "../../src/config/validate.ts";
import { isObject, type McpMessage, readMessages } from "../../src/mcp/message.ts";
import { matchTemplate, parseTemplate, uriProblem } from "../../src/policy/uri-template.ts";
import { bytes, PROTOCOL_VERSIONS } from "./rules.ts";

const KEYS = ["jsonrpc", "id", "method", "params", "result", "error", "name", "arguments", "uri", "_meta", "portal_id"];
const key = fc.oneof(
  fc.constantFrom(...KEYS),
  fc.constantFrom("Method", "NAME", "Arguments", "params ", "toString", "constructor"),
  fc.string({ maxLength: 6 }),
);
const scalar = fc.oneof(
  fc.constantFrom("2.0", "tools/call", "resources/read", "get_ticket", "acme", "ticket://acme/1", 1, null, 1.5),
  fc.string({ maxLength: 8 }),
  fc.integer(),
);
const tree = fc.letrec((tie) => ({
  value: fc.oneof({ maxDepth: 3 }, scalar, fc.array(tie("value"), { maxLength: 3 }), tie("object")),
  object: fc.dictionary(key, tie("value"), { maxKeys: 4 }),
}));
const params = fc.record(
  {
    name: fc.oneof({ weight: 5, arbitrary: fc.constant("get_ticket") }, scalar),
    arguments: fc.oneof({ weight: 5, arbitrary: fc.dictionary(key, tree.value, { maxKeys: 3 }) }, tree.value),
    uri: fc.oneof(fc.constant("ticket://acme/1"), scalar),
    extra: tree.value,
  },
  { requiredKeys: [] },
);
const body = fc.oneof(
  fc.record(
    {
      jsonrpc: fc.constant("2.0"),
      id: fc.oneof(fc.integer(), fc.string({ maxLength: 4 })),
      method: fc.constantFrom("tools/call", "resources/read", "ping", "tools/list"),
      params: fc.oneof({ weight: 6, arbitrary: params }, tree.value),
    },
    { requiredKeys: ["jsonrpc", "method"] },
  ),
  tree.object,
);
const version = fc.constantFrom(...PROTOCOL_VERSIONS);

/** Writes JSON as nobody would: keys and letters escaped at random, spaces in between. */
function scrambled(value: unknown, random: readonly number[], at: { next: number }): string {
  const roll = (): number => random[at.next++ % random.length] ?? 0;
  const space = (): string => ["", " ", "\n", "\t "][roll() % 4] ?? "";
  const text = (plain: string): string => {
    const letters = Array.from({ length: plain.length }, (_, index) => {
      const hex = `\\u${plain.charCodeAt(index).toString(16).padStart(4, "0")}`;
      return roll() % 3 === 0 ? hex : JSON.stringify(plain.charAt(index)).slice(1, -1);
    });
    return `"${letters.join("")}"`;
  };
  if (typeof value === "string") return text(value);
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  if (Array.isArray(value))
    return `[${space()}${value.map((item) => scrambled(item, random, at)).join(`,${space()}`)}]`;
  const members = Object.entries(value).map(([name, item]) => `${text(name)}${space()}:${scrambled(item, random, at)}`);
  return `{${space()}${members.join(`${space()},`)}${space()}}`;
}

/** What a reader takes from a body: the members that JSON.parse and the SDK's schemas hand on. */
interface View {
  readonly kind: "request" | "notification" | "response";
  readonly id: unknown;
  readonly method: unknown;
  readonly params: unknown;
  readonly tool: { readonly name: unknown; readonly arguments: unknown } | null;
  readonly uri: unknown;
}

/** `null` where the SDK refuses the body. */
function upstreamView(parsed: unknown): View | null {
  const schema = JSONRPCMessageSchema.safeParse(parsed);
  if (!schema.success) return null;
  const { data } = schema;
  const id = "id" in data ? data.id : null;
  if (!("method" in data)) return { kind: "response", id, method: null, params: null, tool: null, uri: null };
  const call = CallToolRequestSchema.safeParse(parsed);
  const read = ReadResourceRequestSchema.safeParse(parsed);
  return {
    kind: "id" in data ? "request" : "notification",
    id,
    method: data.method,
    params: valueAt(parsed, ["params"]) ?? null,
    tool: call.success ? { name: call.data.params.name, arguments: call.data.params.arguments } : null,
    uri: read.success ? read.data.params.uri : null,
  };
}

function ourView(message: McpMessage): View {
  if (message.kind === "response") return { ...message, method: null, params: null, tool: null, uri: null };
  const { kind, method, params: read } = message;
  const { name, arguments: args, uri } = read ?? {};
  const isCall = method === "tools/call" && typeof name === "string" && (args === undefined || isObject(args));
  return {
    kind,
    id: kind === "request" ? message.id : null,
    method,
    params: read,
    tool: isCall ? { name, arguments: args } : null,
    uri: method === "resources/read" && typeof uri === "string" ? uri : null,
  };
}

describe("what is read, against what an upstream reads", () => {
  it("is what JSON.parse and the SDK's own schemas see, for every body that is accepted", () => {
    let accepted = 0;
    let calls = 0;
    fc.assert(
      fc.property(body, version, fc.array(fc.nat(255), { minLength: 8, maxLength: 32 }), (value, revision, random) => {
        const text = scrambled(value, random, { next: 0 });
        const reading = readMessages(Buffer.from(text, "utf8"), revision);
        if (!reading.ok) return;
        accepted++;
        const [message] = reading.messages;
        const parsed: unknown = JSON.parse(text);
        const theirs = upstreamView(parsed);
        // What the SDK refuses on top (a progress token that is none) never gets to a tool.
        if (theirs === null || message === undefined) return;
        if (theirs.tool !== null) calls++;
        expect(ourView(message)).toEqual(theirs);
      }),
      { numRuns: 4000 },
    );
    // The property says something only where bodies get that far.
    expect(accepted).toBeGreaterThan(400);
    expect(calls).toBeGreaterThan(50);
  });

  it("never throws, whatever the bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), version, (raw, revision) => {
        const reading = readMessages(raw, revision);
        expect(reading.ok || reading.detail !== "").toBe(true);
      }),
    );
  });

  it("refuses a message with one more key that folds to a known one", () => {
    const spell = fc.mixedCase(fc.constantFrom("jsonrpc", "id", "method", "params", "result", "error"));
    fc.assert(
      fc.property(spell, (extra) => {
        const value = { jsonrpc: "2.0", id: 1, method: "ping", params: {} };
        fc.pre(!Object.hasOwn(value, extra));
        expect(readMessages(bytes({ ...value, [extra]: {} }), "2025-11-25").ok).toBe(false);
      }),
    );
  });
});

describe("a template, against the SDK's", () => {
  const templates = ["ticket://{portal}/{id}", "https://desk.example/p/{portal}/t-{id}.json", "db:{table}/rows"];
  const odd = fc.constantFrom("/", "..", "%2F", "%E4%B8%96", "?", "@", ":", "\\", "é", "#x", " ");
  const value = fc.oneof(
    { weight: 4, arbitrary: fc.stringMatching(/^[A-Za-z0-9._~-]{1,6}$/) },
    fc.array(fc.oneof(odd, fc.constant("acme")), { maxLength: 3 }).map((parts) => parts.join("")),
  );

  it("finds the same variables in every URI that is accepted", () => {
    let matched = 0;
    fc.assert(
      fc.property(fc.constantFrom(...templates), fc.tuple(value, value), (text, values) => {
        const uri = text.replaceAll(/\{\w+\}/g, (name) => values[name === "{id}" ? 1 : 0] ?? "");
        if (uriProblem(uri) !== null) return;
        // The server resolves the URI first, then matches what came out.
        const resolved = new URL(uri).toString();
        const parsed = parseTemplate(text);
        const found = parsed.ok ? matchTemplate(parsed.template, uri) : null;
        if (!parsed.ok || found === null) return;
        matched++;
        const sdk = new UriTemplate(text).match(resolved);
        expect(parsed.template.variables.map((name, index) => [name, found[index]])).toEqual(Object.entries(sdk ?? {}));
      }),
      { numRuns: 2000 },
    );
    expect(matched).toBeGreaterThan(400);
  });
});
