import { z } from "zod";
import type { Problem } from "../core/problem.ts";
import { suggestion } from "../core/suggest.ts";
import type { Path, YamlTree } from "./yaml.ts";

/** What a schema finds wrong in a file, each where it stands. Never quotes a value. */
export function schemaProblems(schema: z.ZodType, tree: YamlTree): readonly Problem[] {
  const result = schema.safeParse(tree.value);
  if (result.success) return [];
  return result.error.issues.flatMap((issue) => issueProblems(issue, schema, tree));
}

function issueProblems(issue: z.core.$ZodIssue, schema: z.ZodType, tree: YamlTree): readonly Problem[] {
  const path = issue.path.map((part) => (typeof part === "symbol" ? String(part) : part));
  if (tree.isBroken(path)) return [];
  if (issue.code === "unrecognized_keys") {
    const known = keysAt(schema, path);
    return issue.keys.map((key) => ({
      ...tree.position([...path, key], "key"),
      message: `unknown key \`${key}\`${suggestion(key, known)}`,
    }));
  }
  if (issue.code === "invalid_key") {
    const message = issue.issues[0]?.message ?? issue.message;
    return [{ ...tree.position(path, "key"), message }];
  }
  if (valueAt(tree.value, path) === undefined) {
    return [{ ...tree.position(path), message: `missing key \`${path.at(-1) ?? ""}\`` }];
  }
  if (issue.code === "invalid_type" && issue.expected === "array" && tree.written(path) !== "") {
    return [{ ...tree.position(path), message: `write it as a list: [${tree.written(path)}]` }];
  }
  // A key that may not be there at all is wrong by itself, not by its value.
  const part = issue.code === "invalid_type" && issue.expected === "never" ? "key" : "value";
  return [{ ...tree.position(path, part), message: issue.message.replace("Invalid input: ", "") }];
}

/** The value at a path of plain objects and lists; `undefined` where there is none. */
export function valueAt(root: unknown, path: Path): unknown {
  let value = root;
  for (const part of path) {
    if (typeof value !== "object" || value === null) return undefined;
    value = Object.hasOwn(value, part) ? Reflect.get(value, part) : undefined;
  }
  return value;
}

/** The keys that the schema knows at a path, for suggestions. */
function keysAt(root: z.ZodType, path: Path): readonly string[] {
  let schema: unknown = unwrap(root);
  for (const part of path) {
    if (schema instanceof z.ZodObject) schema = unwrap(schema.shape[part]);
    else if (schema instanceof z.ZodArray) schema = unwrap(schema.element);
    else if (schema instanceof z.ZodRecord) schema = unwrap(schema.valueType);
    else return [];
  }
  return schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
}

function unwrap(schema: unknown): unknown {
  let inner = schema;
  while (inner instanceof z.ZodDefault || inner instanceof z.ZodPrefault || inner instanceof z.ZodOptional) {
    inner = inner.unwrap();
  }
  return inner;
}
