import { dirname, resolve } from "node:path";
import type { Env } from "./environment.ts";
import { type Loaded, type Problem, sortProblems } from "../core/problem.ts";
import { readYamlFile } from "./read.ts";
import {
  type RouteDraft,
  routeDraftSchema,
  type RouteRules,
  routeSchema,
  rulesSchema,
  type UpstreamSettings,
  upstreamSchema,
} from "./rules-schema.ts";
import { schemaProblems, valueAt } from "./validate.ts";
import type { Path, YamlTree } from "./yaml.ts";

/** One rule as it was read. */
export interface RouteSource {
  /** False where it is not a mapping at all, which has been reported. */
  readonly isMapping: boolean;
  /** Each field that is right by itself. */
  readonly draft: RouteDraft;
  /** The whole rule; `null` where the schema found something wrong in it. */
  readonly rules: RouteRules | null;
}

/**
 * The rules file, checked against its schema, with positions. `problems` holds what the schema found: a
 * source with problems is no policy yet, and `compilePolicy` refuses it together with what it finds itself.
 */
export interface RulesSource {
  readonly file: string;
  /** First 12 hex digits of the SHA-256 of the file's bytes. */
  readonly hash: string;
  readonly scopes: ReadonlyMap<string, string>;
  readonly portals: readonly { readonly id: string; readonly name: string }[];
  readonly upstreams: ReadonlyMap<string, UpstreamSettings>;
  /** Names of all upstreams, those with problems too. */
  readonly upstreamNames: ReadonlySet<string>;
  readonly routes: readonly RouteSource[];
  readonly problems: readonly Problem[];
  /** Where a value of the file stands, or its key. */
  position(path: Path, part?: "key" | "value"): { file: string; line: number; column: number };
  /** True where the file has the key, whatever its value. */
  has(path: Path): boolean;
  /** `scopes:` of a rule, what is text in it. */
  scopesOf(index: number): readonly string[];
  /** A scalar as it is written, with nothing from the environment in it. */
  written(path: Path): string;
}

/**
 * Loads the rules. Refused here is only what cannot be read as a mapping at all; every other problem waits
 * in `problems`, so that `compilePolicy` can report all of them at once.
 */
export async function loadRules(file: string, env: Env): Promise<Loaded<RulesSource>> {
  const read = await readYamlFile(file, env);
  if (!("tree" in read)) return { ok: false, problems: [read] };
  const { tree, hash } = read;
  const found = tree.value === undefined ? [] : schemaProblems(rulesSchema, tree);
  if (typeof tree.value !== "object" || tree.value === null || Array.isArray(tree.value)) {
    return { ok: false, problems: sortProblems([...tree.problems, ...found]) };
  }
  const problems = [...tree.problems, ...found, ...upstreamProblems(tree)];
  return { ok: true, value: makeSource(tree, hash, problems) };
}

function makeSource(tree: YamlTree, hash: string, problems: readonly Problem[]): RulesSource {
  const folder = dirname(resolve(tree.file));
  const upstreams = new Map<string, UpstreamSettings>();
  for (const [name, raw] of entries(tree, "upstreams")) {
    const parsed = upstreamSchema.safeParse(raw);
    if (parsed.success) upstreams.set(name, withFiles(parsed.data, folder));
  }
  return {
    file: tree.file,
    hash,
    scopes: readScopes(tree),
    portals: readPortals(tree),
    upstreams,
    upstreamNames: new Set(entries(tree, "upstreams").map(([name]) => name)),
    routes: list(tree, "routes").map(readRoute),
    problems,
    position: (path, part) => tree.position(path, part),
    has: (path) => tree.has(path),
    scopesOf: (index) => scopesOf(tree, index),
    written: (path) => tree.written(path),
  };
}

function readRoute(raw: unknown): RouteSource {
  const draft = routeDraftSchema.safeParse(raw);
  return {
    isMapping: draft.success,
    draft: draft.data ?? { path_parameters: "refuse", method_override: "refuse" },
    rules: routeSchema.safeParse(raw).data ?? null,
  };
}

/** The catalogue; the product's scopes where the file has none. A word that is wrong does not hide its scope. */
function readScopes(tree: YamlTree): ReadonlyMap<string, string> {
  if (valueAt(tree.value, ["scopes"]) === undefined) {
    return new Map(Object.entries(rulesSchema.shape.scopes.parse(undefined)));
  }
  return new Map(entries(tree, "scopes").map(([name, words]) => [name, typeof words === "string" ? words : ""]));
}

function readPortals(tree: YamlTree): RulesSource["portals"] {
  return list(tree, "portals").map((_, index) => {
    const id = valueAt(tree.value, ["portals", index, "id"]);
    const name = valueAt(tree.value, ["portals", index, "name"]);
    const text = typeof id === "string" ? id : "";
    return { id: text, name: typeof name === "string" ? name : text };
  });
}

/** Keeps the places in the list, so that positions stay right. */
function scopesOf(tree: YamlTree, index: number): readonly string[] {
  const scopes = valueAt(tree.value, ["routes", index, "scopes"]);
  if (!Array.isArray(scopes)) return [];
  return scopes.map((scope: unknown) => (typeof scope === "string" ? scope : ""));
}

/** What single fields of an upstream cannot tell. */
function upstreamProblems(tree: YamlTree): readonly Problem[] {
  const problems: Problem[] = [];
  for (const [name, raw] of entries(tree, "upstreams")) {
    const tls = valueAt(raw, ["tls"]);
    if (tls === undefined) continue;
    const path = ["upstreams", name, "tls"];
    const url = valueAt(raw, ["url"]);
    if (typeof url === "string" && url.startsWith("http:")) {
      problems.push({ ...tree.position(path, "key"), message: "`tls` is for https URLs" });
    }
    if ((valueAt(tls, ["cert"]) === undefined) !== (valueAt(tls, ["key"]) === undefined)) {
      problems.push({ ...tree.position(path, "key"), message: "`cert` and `key` go together" });
    }
  }
  return problems;
}

function withFiles(upstream: UpstreamSettings, folder: string): UpstreamSettings {
  const { tls } = upstream;
  if (tls === undefined) return upstream;
  const absolute = (file: string | undefined): string | undefined =>
    file === undefined ? undefined : resolve(folder, file);
  return { ...upstream, tls: { ...tls, ca: absolute(tls.ca), cert: absolute(tls.cert), key: absolute(tls.key) } };
}

function entries(tree: YamlTree, key: string): readonly [string, unknown][] {
  const value = valueAt(tree.value, [key]);
  return typeof value === "object" && value !== null && !Array.isArray(value) ? Object.entries(value) : [];
}

function list(tree: YamlTree, key: string): readonly unknown[] {
  const value = valueAt(tree.value, [key]);
  return Array.isArray(value) ? value : [];
}
