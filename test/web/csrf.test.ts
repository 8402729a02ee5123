import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createCsrf } from "../../src/web/csrf.ts";

const csrf = createCsrf({ keys: ["newest key", "old key"] });

describe("CSRF tokens", () => {
  test("are good for the binding that they were made for, and for no other", () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), fc.string(), (binding, other) => {
        const token = csrf.token(binding);
        expect(csrf.check(binding, token)).toBe(true);
        expect(csrf.check(other, token)).toBe(other === binding);
      }),
    );
  });

  test("never repeat, not even in part, for the same binding", () => {
    const tokens = Array.from({ length: 200 }, () => csrf.token("session"));
    expect(new Set(tokens).size).toBe(200);
    expect(new Set(tokens.map((token) => token.slice(0, 20))).size).toBe(200);
    expect(new Set(tokens.map((token) => token.slice(-20))).size).toBe(200);
  });

  test("of an older key stay good; those of a key that is gone do not", () => {
    const before = createCsrf({ keys: ["old key"] }).token("session");
    expect(csrf.check("session", before)).toBe(true);
    expect(createCsrf({ keys: ["newest key"] }).check("session", before)).toBe(false);
    expect(createCsrf({ keys: ["newest key"] }).check("session", csrf.token("session"))).toBe(true);
  });

  test("with one character changed are refused", () => {
    const token = csrf.token("session");
    fc.assert(
      fc.property(fc.nat(token.length - 1), fc.constantFrom("A", "b", "_"), (at, letter) => {
        const changed = token.slice(0, at) + letter + token.slice(at + 1);
        expect(csrf.check("session", changed)).toBe(changed === token);
      }),
    );
  });

  test.each([undefined, null, 7, "", "short", ["x"], {}, "A".repeat(64), `${"A".repeat(63)}=`, "é".repeat(64)])(
    "that are none (%j) are refused",
    (token) => {
      expect(csrf.check("session", token)).toBe(false);
    },
  );

  test("are refused in a list, and for nobody's session", () => {
    expect(csrf.check("session", [csrf.token("session")])).toBe(false);
    expect(csrf.check("", csrf.token(""))).toBe(false);
  });

  test.each([[[]], [[""]], [["good", ""]]])("cannot be made with the keys %j", (keys) => {
    expect(() => createCsrf({ keys })).toThrow(/key/);
  });
});
