import { Ajv2020 } from "ajv/dist/2020.js";
import * as fc from "fast-check";
import { z } from "zod";
import type { Answer } from "./stage.ts";

/** The API's own description, read as a stranger would: nothing here knows the code that made it. */

const schema = z.record(z.string(), z.unknown());
export type JsonSchema = z.infer<typeof schema>;
const content = z.record(z.string(), z.object({ schema }));
const parameter = z.object({
  name: z.string(),
  in: z.enum(["path", "query", "header"]),
  required: z.boolean(),
  schema,
});
const operation = z.object({
  operationId: z.string(),
  security: z.array(schema).min(1),
  parameters: z.array(parameter).default([]),
  requestBody: z.object({ content }).optional(),
  responses: z.record(z.string(), z.object({ content: content.optional() })),
});
const documentSchema = z.object({
  openapi: z.literal("3.1.0"),
  paths: z.record(z.string(), z.record(z.string(), operation)),
  components: z.object({ schemas: z.record(z.string(), schema) }),
});

export interface ApiOperation extends z.infer<typeof operation> {
  readonly method: string;
  readonly path: string;
}

export interface ApiDocument {
  readonly operations: readonly ApiOperation[];
  resolve(from: JsonSchema): JsonSchema;
  /** What is wrong with an answer, by what the document says of the operation; `null` is nothing. */
  complaint(operation: ApiOperation, answer: Answer): string | null;
}

export function readDocument(json: unknown): ApiDocument {
  const parsed = documentSchema.parse(json);
  const ajv = new Ajv2020({ strict: false, validateFormats: false });
  ajv.addSchema({ $id: "document", components: parsed.components });
  const operations = Object.entries(parsed.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, each]) => ({ ...each, path, method: method.toUpperCase() })),
  );
  const { schemas } = parsed.components;
  return {
    operations,
    resolve(from) {
      const ref = from["$ref"];
      if (typeof ref !== "string") return from;
      const named = schemas[ref.replace("#/components/schemas/", "")];
      if (named === undefined) throw new Error(`${ref} leads nowhere`);
      return named;
    },
    complaint(each, answer) {
      const documented = each.responses[String(answer.status)];
      if (documented === undefined) return `status ${answer.status} is not documented: ${answer.text}`;
      const type = (answer.headers.get("content-type") ?? "").split(";")[0] ?? "";
      const ref = documented.content?.[type]?.schema["$ref"];
      if (typeof ref !== "string") return `type ${type} is not documented for ${answer.status}`;
      const validate = ajv.compile({ $ref: `document${ref}` });
      return validate(answer.json) ? null : `${ref}: ${ajv.errorsText(validate.errors)}: ${answer.text}`;
    },
  };
}

/** Names that a page, a log or a header could trip over. */
export const HOSTILE: readonly string[] = [
  "<script>alert(1)</script>",
  '"><img src=x onerror=alert(1)>',
  "a\r\nset-cookie: x=1",
  "${jndi:ldap://x}",
  "';DROP TABLE documents;--",
  "__proto__",
  "\u202egnp.exe",
  "{{7*7}}",
  "\u0000",
  "😀".repeat(30),
];

/** Values that satisfy a schema, as far as it says. */
export function validOf(document: ApiDocument, from: JsonSchema): fc.Arbitrary<unknown> {
  const at = document.resolve(from);
  const options = at["anyOf"] ?? at["oneOf"];
  if (Array.isArray(options)) return fc.oneof(...options.map((option) => validOf(document, schema.parse(option))));
  if ("const" in at) return fc.constant(at["const"]);
  if (Array.isArray(at["enum"])) return fc.constantFrom(...at["enum"]);
  const { type } = at;
  if (Array.isArray(type)) return fc.oneof(...type.map((one) => validOf(document, { ...at, type: one })));
  switch (type) {
    case "null":
      return fc.constant(null);
    case "boolean":
      return fc.boolean();
    case "integer":
    case "number":
      return fc.integer({ min: Number(at["minimum"] ?? 0), max: Math.min(Number(at["maximum"] ?? 1000), 2 ** 31 - 1) });
    case "string":
      return textOf(at);
    case "array":
      return arrayOf(document, at);
    case "object":
      return objectOf(document, at);
    default:
      throw new Error(`no values for ${JSON.stringify(at)}`);
  }
}

function textOf(at: JsonSchema): fc.Arbitrary<string> {
  if (at["format"] === "date-time") {
    return fc
      .date({ min: new Date("2000-01-01"), max: new Date("2099-12-31"), noInvalidDate: true })
      .map((date) => date.toISOString());
  }
  if (typeof at["pattern"] === "string") return fc.stringMatching(new RegExp(at["pattern"]));
  const minLength = Number(at["minLength"] ?? 0);
  const maxLength = Math.min(Number(at["maxLength"] ?? 50), 300);
  const fits = HOSTILE.filter(({ length }) => length >= minLength && length <= maxLength);
  return fc.oneof(
    fc.string({ minLength, maxLength, unit: "grapheme-ascii" }),
    fc.constantFrom("tickets:read", "acme", ...fits).filter(({ length }) => length >= minLength && length <= maxLength),
  );
}

function arrayOf(document: ApiDocument, at: JsonSchema): fc.Arbitrary<unknown> {
  if (Array.isArray(at["prefixItems"])) {
    return fc.tuple(...at["prefixItems"].map((item) => validOf(document, schema.parse(item))));
  }
  const minLength = Number(at["minItems"] ?? 0);
  return fc.array(validOf(document, schema.parse(at["items"])), { minLength, maxLength: Math.max(minLength, 4) });
}

function objectOf(document: ApiDocument, at: JsonSchema): fc.Arbitrary<unknown> {
  const properties = Object.entries(schema.parse(at["properties"] ?? {}));
  const required = z.array(z.string()).parse(at["required"] ?? []);
  const model = Object.fromEntries(properties.map(([name, each]) => [name, validOf(document, schema.parse(each))]));
  return fc.record(model, { requiredKeys: required });
}

/** Values that break a schema in one place, and values of every other kind. */
export function invalidOf(document: ApiDocument, from: JsonSchema): fc.Arbitrary<unknown> {
  const at = document.resolve(from);
  const properties = Object.keys(schema.parse(at["properties"] ?? {}));
  const wrongKind = fc.constantFrom<unknown>(null, 7, "text", [], [{}], true);
  const strange = fc.constantFrom<unknown>({}, -1, 1e308, 0.5, [[]], { a: 1 }, "x".repeat(5000));
  const broken = fc
    .tuple(validOf(document, at), fc.constantFrom(...properties, "no_such_field"), strange)
    .map(([valid, name, value]) => ({ ...schema.parse(valid), [name]: value }));
  return fc.oneof({ weight: 1, arbitrary: wrongKind }, { weight: 4, arbitrary: broken });
}
