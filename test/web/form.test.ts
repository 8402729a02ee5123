import { describe, expect, test } from "vitest";
import { z } from "zod";
import { listOf, readForm } from "../../src/web/form.ts";

const schema = z.object({
  email: z.string().min(1).max(10),
  decision: z.enum(["approve", "deny"]),
  scope: listOf(z.string()),
  name: z.string({ error: "Tell us your name." }).optional(),
});

const good = { email: "a@b", decision: "deny", scope: "x" };

describe("a form", () => {
  test.each([
    ["once", { scope: "x" }, ["x"]],
    ["twice", { scope: ["x", "y"] }, ["x", "y"]],
    ["not at all", { scope: undefined }, []],
  ])("has a list of what came %s", (_name, change, scope) => {
    expect(readForm({ ...good, ...change }, schema)).toEqual({ ok: true, value: { ...good, scope } });
  });

  test("is read where its body has no prototype, as the parser leaves it", () => {
    expect(readForm(Object.assign(Object.create(null), good), schema).ok).toBe(true);
  });

  test.each([
    ["a field sent twice", { email: ["a", "b"] }, { email: "Send this once." }],
    ["a field left out", { email: undefined }, { email: "Fill this in." }],
    ["an empty field", { email: "" }, { email: "Fill this in." }],
    ["a field that is too long", { email: "x".repeat(11) }, { email: "This is too long." }],
    ["a choice that is none", { decision: "maybe" }, { decision: "This is not valid." }],
    ["a choice sent twice", { decision: ["approve", "deny"] }, { decision: "This is not valid." }],
    ["a schema's own words", { name: 7 }, { name: "Tell us your name." }],
    ["a list that is too long", { scope: Array.from({ length: 101 }, () => "x") }, { scope: "This is too long." }],
    ["several at once", { email: "", decision: "" }, { email: "Fill this in.", decision: "This is not valid." }],
  ])("says beside the field what is wrong with %s", (_name, change, problems) => {
    expect(readForm({ ...good, ...change }, schema)).toEqual({ ok: false, problems });
  });

  test.each([undefined, null, "text", 7, []])("that is no form (%j) has one problem of its own", (body) => {
    expect(readForm(body, schema)).toEqual({ ok: false, problems: { "": "The form could not be read." } });
  });

  test("never quotes a value", () => {
    const result = readForm({ ...good, decision: "s3cret", email: "s3cret".repeat(9) }, schema);
    expect(JSON.stringify(result)).not.toContain("s3cret");
  });

  test("takes no field named __proto__ for a problem list", () => {
    const odd = z.object({ ["__proto__"]: z.string(), email: z.string() });
    const result = readForm({}, odd);
    expect(result.ok).toBe(false);
    expect(Object.getPrototypeOf({})).toBe(Object.prototype);
  });
});
