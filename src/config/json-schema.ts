import { z } from "zod";
import { configSchema } from "./config-schema.ts";
import { rulesSchema } from "./rules-schema.ts";

/** JSON Schema of both files for editors, made from the schemas that load them. By file name. */
export function jsonSchemas(): Readonly<Record<string, unknown>> {
  return {
    "portcullis.schema.json": { title: "portcullis.yaml", ...z.toJSONSchema(configSchema, { io: "input" }) },
    "rules.schema.json": { title: "rules.yaml", ...z.toJSONSchema(rulesSchema, { io: "input" }) },
  };
}
