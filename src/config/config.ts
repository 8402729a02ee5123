import { dirname, resolve } from "node:path";
import { type Config, configSchema } from "./config-schema.ts";
import { formatAddress } from "./fields.ts";
import type { Env } from "./environment.ts";
import { type Loaded, type Problem, sortProblems } from "../core/problem.ts";
import { readYamlFile } from "./read.ts";
import { schemaProblems, valueAt } from "./validate.ts";
import type { YamlTree } from "./yaml.ts";

export type { Config };

/**
 * Loads the configuration: defaults filled in, `${NAME}` replaced from `env`, durations in ms, sizes in
 * bytes, file names absolute (relative ones start at the file's folder). Where it is not right, all its problems.
 */
export async function loadConfig(file: string, env: Env): Promise<Loaded<Config>> {
  const read = await readYamlFile(file, env);
  if (!("tree" in read)) return { ok: false, problems: [read] };
  const { tree } = read;
  if (tree.value === undefined) return { ok: false, problems: sortProblems(tree.problems) };
  const parsed = configSchema.safeParse(tree.value);
  const problems = [...tree.problems, ...configProblems(tree), ...pepperProblems(tree)];
  if (parsed.success) problems.push(...addressProblems(parsed.data, tree), ...pathProblems(parsed.data, tree));
  if (!parsed.success || problems.length > 0) return { ok: false, problems: sortProblems(problems) };
  return { ok: true, value: complete(parsed.data, dirname(resolve(file))) };
}

/** What the schema finds. A rules file in the place of the configuration is told from a slip in one key. */
function configProblems(tree: YamlTree): readonly Problem[] {
  const problems = schemaProblems(configSchema, tree);
  if (!tree.has(["routes"])) return problems;
  const message = "this looks like a rules file: use --rules of `check`, or name it in `rules:` of a configuration";
  return [...problems, { ...tree.position(["routes"], "key"), message }];
}

const EVERY_INTERFACE = new Set(["0.0.0.0", "::"]);

/** Two listeners on one port, which the system would refuse with less to say. Port 0 is never the same twice. */
function addressProblems({ listen }: Parsed, tree: YamlTree): readonly Problem[] {
  const { host, port } = listen.public.address;
  const admin = listen.admin.address;
  const overlap = host === admin.host || EVERY_INTERFACE.has(host) || EVERY_INTERFACE.has(admin.host);
  if (port === 0 || port !== admin.port || !overlap) return [];
  const path = ["listen", tree.has(["listen", "admin", "address"]) ? "admin" : "public", "address"];
  return [{ ...tree.position(path), message: `both listeners are on port ${port}; give each its own` }];
}

/** Each path has one owner: the authorization server, the sign-in pages, or the administrators' pages. */
function pathProblems({ admin, oauth, signin }: Parsed, tree: YamlTree): readonly Problem[] {
  const problems: Problem[] = [];
  if (holdOneAnother(oauth.path, signin.path)) {
    const path = tree.has(["signin", "path"]) ? ["signin", "path"] : ["oauth", "path"];
    problems.push({ ...tree.position(path), message: "`oauth.path` and `signin.path` must not hold one another" });
  }
  const { public_path: adminPath } = admin;
  const taken = [oauth.path, signin.path].find((path) => adminPath !== undefined && holdOneAnother(adminPath, path));
  if (taken !== undefined) {
    const message = "`admin.public_path` must not hold `oauth.path` or `signin.path`, nor they it";
    problems.push({ ...tree.position(["admin", "public_path"]), message });
  }
  return problems;
}

function holdOneAnother(one: string, other: string): boolean {
  return `${one}/`.startsWith(`${other}/`) || `${other}/`.startsWith(`${one}/`);
}

/** Instances that share a Redis must share the pepper, so none can make its own. */
function pepperProblems(tree: YamlTree): readonly Problem[] {
  const url = valueAt(tree.value, ["store", "url"]);
  if (typeof url !== "string" || !url.startsWith("redis")) return [];
  if (valueAt(tree.value, ["secrets", "pepper"]) !== undefined || tree.isBroken(["secrets", "pepper"])) return [];
  return [{ ...tree.position(["store", "url"]), message: "a Redis store needs `secrets.pepper`" }];
}

type Parsed = ReturnType<typeof configSchema.parse>;

function complete(parsed: Parsed, folder: string): Config {
  const { public: publicListener, admin } = parsed.listen;
  const origin = `${publicListener.tls === undefined ? "http" : "https"}://${formatAddress(publicListener.address)}`;
  return {
    ...parsed,
    public_url: parsed.public_url ?? origin,
    listen: { public: withFiles(publicListener, folder), admin: withFiles(admin, folder) },
    store: storeWithFiles(parsed.store, folder),
    audit: {
      ...parsed.audit,
      sinks: parsed.audit.sinks.map((sink) => ("file" in sink ? { file: resolve(folder, sink.file) } : sink)),
    },
    rules: resolve(folder, parsed.rules),
  };
}

function withFiles<T extends Parsed["listen"]["admin"]>(listener: T, folder: string): T {
  const { tls } = listener;
  if (tls === undefined) return listener;
  return { ...listener, tls: { cert: resolve(folder, tls.cert), key: resolve(folder, tls.key) } };
}

function storeWithFiles({ tls, url }: Parsed["store"], folder: string): Parsed["store"] {
  if (tls === undefined) return { url: storeUrl(url, folder) };
  const file = (path: string | undefined): string | undefined =>
    path === undefined ? undefined : resolve(folder, path);
  return { url: storeUrl(url, folder), tls: { ca: file(tls.ca), cert: file(tls.cert), key: file(tls.key) } };
}

function storeUrl(url: string, folder: string): string {
  return url.startsWith("sqlite:") ? `sqlite:${resolve(folder, url.slice("sqlite:".length))}` : url;
}
