import { describe, expect, test } from "vitest";
import { scriptElement } from "../../src/web/html.ts";
import { contentSecurityPolicy } from "../../src/web/security-headers.ts";

describe("the policy of a page", () => {
  test("allows no script where none is asked for", () => {
    expect(contentSecurityPolicy()).not.toMatch(/script-src|connect-src/);
    expect(contentSecurityPolicy({ formAction: ["https://client.example"] })).not.toMatch(/script-src|connect-src/);
  });

  test("allows files of ours, and nothing inline, where scripts are asked for", () => {
    const policy = contentSecurityPolicy({ scripts: true });
    expect(policy).toContain("script-src 'self'; connect-src 'self';");
    expect(policy).not.toMatch(/unsafe|data:.*script/);
    expect(policy).toContain("default-src 'none'");
  });
});

describe("a script element", () => {
  test("names a file of ours", () => {
    expect(scriptElement("/assets/copy.0123.js").toString()).toBe('<script src="/assets/copy.0123.js" defer></script>');
  });

  test.each(["https://elsewhere.example/a.js", "//elsewhere.example/a.js", "a.js", '/a.js"></script>', ""])(
    "is never made of %s",
    (path) => {
      expect(() => scriptElement(path)).toThrow("html:");
    },
  );
});
