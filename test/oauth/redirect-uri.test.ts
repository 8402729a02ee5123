import { describe, expect, test } from "vitest";
import { redirectUriProblem } from "../../src/oauth/redirect-uri.ts";

describe("a redirect URI", () => {
  test.each([
    "https://app.example.com/callback",
    "https://app.example.com:8443/callback?x=1",
    "http://127.0.0.1:33418/callback",
    "http://127.0.0.1/",
    "http://[::1]:8080/cb",
    "http://localhost:3000",
    "https://xn--exmple-cua.com/cb",
    "https://[2001:db8::1]/cb",
    `https://${"a.".repeat(126)}a/cb`,
  ])("may be %s", (uri) => {
    expect(redirectUriProblem(uri)).toBeNull();
  });

  test.each([
    ["http://evil.example/cb", "http_not_loopback"],
    ["http://127.0.0.1.evil.example/cb", "http_not_loopback"],
    ["http://localhost.evil.example/cb", "http_not_loopback"],
    ["http://0.0.0.0/cb", "http_not_loopback"],
    ["http://127.1/cb", "host"],
    ["http://0x7f.1/cb", "host"],
    ["http://2130706433/cb", "host"],
    ["http://127.0.0.1./cb", "host"],
    ["http://LOCALHOST/cb", "host"],
    ["http://[0:0:0:0:0:0:0:1]/cb", "host"],
    ["https://App.example.com/cb", "host"],
    ["https://a;script-src.example.com/cb", "host"],
    ["https://a'b.example.com/cb", "host"],
    ["https://a,b.example.com/cb", "host"],
    ["https://a%2eexample.com/cb", "host"],
    [`https://${"a.".repeat(127)}a/cb`, "host"],
    ["https://app.example.com/cb#fragment", "fragment"],
    ["https://app.example.com/cb#", "fragment"],
    ["https://user:pass@app.example.com/cb", "userinfo"],
    ["https://@app.example.com/cb", "userinfo"],
    ["http://127.0.0.1@evil.example/", "userinfo"],
    ["javascript:alert(1)", "scheme"],
    ["com.example.app:/callback", "scheme"],
    ["data:text/html,x", "scheme"],
    ["ftp://127.0.0.1/", "scheme"],
    ["/callback", "malformed"],
    ["", "malformed"],
    ["https:app.example.com", "malformed"],
    ["https:///app.example.com", "malformed"],
    ["https:\\\\app.example.com", "malformed"],
    ["https://app.example.com\\@evil.example/", "malformed"],
    ["https://app.example.com/\tcb", "malformed"],
    [" https://app.example.com/cb", "malformed"],
    ["https://exämple.com/cb", "malformed"],
    [`https://app.example.com/${"x".repeat(2000)}`, "too_long"],
  ])("may not be %s", (uri, problem) => {
    expect(redirectUriProblem(uri)).toBe(problem);
  });
});
