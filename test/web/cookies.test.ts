import { describe, expect, test } from "vitest";
import { createCookies } from "../../src/web/cookies.ts";

describe("cookies", () => {
  test("on https are bound to the host and never sent in the clear", () => {
    const cookies = createCookies({ secure: true });
    expect(cookies.name("portcullis_session")).toBe("__Host-portcullis_session");
    expect(cookies.options(90_500)).toEqual({ path: "/", httpOnly: true, secure: true, sameSite: "lax", maxAge: 90 });
  });

  test("on plain http have no prefix, as browsers refuse it there", () => {
    const cookies = createCookies({ secure: false });
    expect(cookies.name("portcullis_session")).toBe("portcullis_session");
    expect(cookies.options(null)).toEqual({ path: "/", httpOnly: true, secure: false, sameSite: "lax" });
  });

  test("never have a negative age", () => {
    expect(createCookies({ secure: true }).options(-5).maxAge).toBe(0);
  });
});
