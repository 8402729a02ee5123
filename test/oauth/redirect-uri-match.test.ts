import { describe, expect, it } from "vitest";
import { isRedirectUriOf } from "../../src/oauth/redirect-uri-match.ts";

describe("redirect URIs", () => {
  it.each([
    ["https://app.example/cb", "https://app.example/cb", true],
    ["https://app.example/cb", "https://app.example/cb/", false],
    ["https://app.example/cb", "https://app.example:443/cb", false],
    ["https://app.example:1/cb", "https://app.example:2/cb", false],
    ["http://127.0.0.1/cb", "http://127.0.0.1:49152/cb", true],
    ["http://127.0.0.1:1/cb", "http://127.0.0.1/cb", true],
    ["http://[::1]:1/cb", "http://[::1]:2/cb", true],
    ["http://localhost/cb?a=1", "http://localhost:9/cb?a=1", true],
    ["http://localhost/cb", "http://localhost:9/cb?a=1", false],
    ["http://localhost/cb", "http://127.0.0.1/cb", false],
    ["http://127.0.0.1/cb", "http://127.0.0.1:99999/cb", false],
    ["http://127.0.0.1/cb", "http://127.0.0.1:1/cb#x", false],
    ["http://127.0.0.1/cb", "http://127.0.0.1:1@evil.example/cb", false],
    ["http://127.0.0.1/cb", "http://127.0.0.1.evil.example/cb", false],
    ["http://127.0.0.1/cb", "http://127.0.0.1:1\\@evil.example/cb", false],
    ["http://127.0.0.1/cb", "HTTP://127.0.0.1:1/cb", false],
  ])("%s takes %s: %s", (registered, asked, taken) => {
    expect(isRedirectUriOf([registered], asked)).toBe(taken);
  });

  it("takes nothing that is no text", () => {
    expect(isRedirectUriOf(["https://app.example/cb"], ["https://app.example/cb"])).toBe(false);
  });
});
