import { afterEach, expect, test, vi } from "vitest";
import { ResourceMetadata } from "../../src/proxy/resource-metadata.ts";
import { policyOf, rulesText } from "../policy/rules.ts";

const mcp = (path: string, id: string) =>
  `{ id: ${id}, match: { path: ${path} }, upstream: desk, mcp: { tools: { t: { scopes: [tickets:read], portal: upstream } } } }`;

const policy = await policyOf(rulesText(mcp("/mcp", "outer"), mcp("/mcp/inner", "inner"), mcp("/a", "a")));
const metadata = new ResourceMetadata({ resourceMetadataUrl: (path) => `https://desk.example/meta${path}` });

afterEach(() => {
  vi.restoreAllMocks();
});

test.each([
  ["/mcp", "/mcp"],
  ["/mcp/x", "/mcp"],
  ["/mcp/inner", "/mcp/inner"],
  ["/mcp/inner/x", "/mcp/inner"],
  ["/mcp/innermost", "/mcp"],
  ["/mcpx", ""],
  ["/", ""],
])("%s points to the document of the closest resource", (path, resource) => {
  expect(metadata.urlFor(policy, path)).toBe(`https://desk.example/meta${resource}`);
});

test("there is no document where OAuth is off", () => {
  expect(new ResourceMetadata(null).urlFor(policy, "/mcp")).toBeNull();
});

/** How often a path is looked into: none of these may be called once a segment. */
function looksInto(path: string): number {
  const spies = (["slice", "substring", "lastIndexOf", "indexOf", "startsWith", "split"] as const).map((name) =>
    vi.spyOn(String.prototype, name),
  );
  metadata.urlFor(policy, path);
  const looks = spies.reduce((sum, { mock }) => sum + mock.calls.length, 0);
  vi.restoreAllMocks();
  return looks;
}

test("a path of thousands of segments takes no more looks than one of two", () => {
  const few = looksInto("/a/a");
  expect(few).toBeGreaterThan(0);
  expect(looksInto("/a".repeat(4000))).toBe(few);
});
