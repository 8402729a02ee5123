import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { jsonSchemas } from "../../src/config/json-schema.ts";

describe("JSON Schema files", () => {
  it.each(Object.entries(jsonSchemas()))("config/%s is what `node scripts/schema.ts` writes", async (name, schema) => {
    const file = resolve(import.meta.dirname, "../../config", name);
    const written: unknown = JSON.parse(await readFile(file, "utf8"));
    expect(written).toEqual(JSON.parse(JSON.stringify(schema)));
  });

  it("describe every key", () => {
    const missing: string[] = [];
    const visit = (node: unknown, path: string): void => {
      if (typeof node !== "object" || node === null) return;
      for (const [key, value] of Object.entries(node)) {
        if (key === "properties") {
          for (const [name, property] of Object.entries(Object(value))) {
            if (!Object.hasOwn(Object(property), "description")) missing.push(`${path}.${name}`);
          }
        }
        visit(value, `${path}.${key}`);
      }
    };
    visit(jsonSchemas(), "");
    expect(missing).toEqual([]);
  });
});
