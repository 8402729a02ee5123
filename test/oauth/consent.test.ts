import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isPortalId, isScope, type PortalId, type Scope } from "../../src/core/ids.ts";
import { holdsAll, scopeNeeds } from "../../src/core/scopes.ts";
import { judgeDecision, nothingToOffer, offerOf, readAsked, resourcePath, scopeText } from "../../src/oauth/consent.ts";

const scopes = (...names: string[]): Scope[] => names.filter(isScope);
const portals = (...names: string[]): PortalId[] => names.filter(isPortalId);
const named = (...names: string[]) => portals(...names).map((id) => ({ id, name: id.toUpperCase() }));

const ALL = scopes("tickets:read", "tickets:write", "workflows:*", "workflows:run", "users:read", "users:*");
const PORTALS = portals("acme", "globex", "initech");

const someScopes = fc.uniqueArray(fc.constantFrom(...ALL));
const somePortals = fc.uniqueArray(fc.constantFrom(...PORTALS));
const parties = fc.record({
  asked: fc.option(someScopes),
  client: fc.record({ scopes: someScopes, portal: fc.option(fc.constantFrom(...PORTALS)) }),
  person: fc.record({ scopes: someScopes, portals: fc.option(somePortals) }),
  resource: fc.record({ scopes: someScopes }),
  portals: somePortals.map((ids) => ids.map((id) => ({ id, name: id }))),
});
const posted = fc.record({
  decision: fc.constantFrom("approve" as const, "deny" as const),
  scope: fc.array(fc.oneof(fc.constantFrom(...ALL), fc.string())),
  portal: fc.oneof(fc.constant(""), fc.constantFrom(...PORTALS), fc.string()),
});

/** True where every scope is held, exactly or by a wildcard. */
function within(inner: readonly Scope[], outer: readonly Scope[]): boolean {
  return holdsAll(new Set(outer), scopeNeeds(inner));
}

describe("what may be offered", () => {
  test("is never wider than what was asked, the client, the person or the resource", () => {
    fc.assert(
      fc.property(parties, (sides) => {
        const offer = offerOf(sides);
        for (const limit of [sides.client.scopes, sides.person.scopes, sides.resource.scopes]) {
          expect(within(offer.scopes, limit)).toBe(true);
        }
        expect(sides.asked === null || within(offer.scopes, sides.asked)).toBe(true);
      }),
    );
  });

  test("leaves out nothing that all four have", () => {
    fc.assert(
      fc.property(parties, (sides) => {
        const offer = offerOf(sides);
        const all = [sides.asked ?? ALL, sides.client.scopes, sides.person.scopes, sides.resource.scopes];
        const common = ALL.filter((scope) => all.every((held) => within([scope], held)));
        expect(within(common, offer.scopes)).toBe(true);
      }),
    );
  });

  test("never offers a portal that the client or the person does not have", () => {
    fc.assert(
      fc.property(parties, (sides) => {
        const { choices, all } = offerOf(sides).portals;
        expect(all).toBe(sides.client.portal === null && sides.person.portals === null);
        for (const { id } of choices) {
          expect(sides.client.portal ?? id).toBe(id);
          expect(sides.person.portals ?? [id]).toContain(id);
        }
      }),
    );
  });

  const client = { scopes: ALL, portal: null };
  const person = { scopes: ALL, portals: null };
  const resource = { scopes: scopes("tickets:read", "tickets:write") };

  test("is all of the resource where no scope was asked for", () => {
    const offer = offerOf({ asked: null, client, person, resource, portals: [] });
    expect(offer.scopes).toEqual(["tickets:read", "tickets:write"]);
  });

  test("is nothing where only unknown scopes were asked for", () => {
    const { scopes: asked } = readAsked("openid payments admin");
    const offer = offerOf({ asked, client, person, resource, portals: [] });
    expect(offer.scopes).toEqual([]);
    expect(nothingToOffer(offer)).toContain("permissions");
  });

  test("is what a wildcard of one side and a scope of another have in common", () => {
    const sides = { client, person: { scopes: scopes("workflows:run"), portals: null }, portals: [] };
    const offer = offerOf({ ...sides, asked: scopes("workflows:*"), resource: { scopes: scopes("workflows:*") } });
    expect(offer.scopes).toEqual(["workflows:run"]);
  });

  test.each([
    ["anybody, of the portals that the rules list", null, null, { choices: named("acme", "globex"), all: true }],
    ["a person with portals", null, portals("globex"), { choices: named("globex"), all: false }],
    [
      "a person with a portal that the rules do not list",
      null,
      portals("umbra"),
      { choices: [{ id: "umbra", name: "umbra" }], all: false },
    ],
    ["a client with a portal", portals("acme")[0] ?? null, null, { choices: named("acme"), all: false }],
    [
      "a client with a portal that the person has not",
      portals("acme")[0] ?? null,
      portals("globex"),
      { choices: [], all: false },
    ],
  ])("has the portals of %s", (_whose, clientPortal, personPortals, expected) => {
    const offer = offerOf({
      asked: null,
      client: { ...client, portal: clientPortal },
      person: { ...person, portals: personPortals },
      resource,
      portals: named("acme", "globex"),
    });
    expect(offer.portals).toEqual(expected);
    expect(nothingToOffer(offer) === null).toBe(expected.choices.length > 0);
  });

  test("is for all portals only, where the rules list none", () => {
    const offer = offerOf({ asked: null, client, person, resource, portals: [] });
    expect(offer.portals).toEqual({ choices: [], all: true });
    expect(nothingToOffer(offer)).toBeNull();
  });
});

describe("a posted decision", () => {
  test("never grants what was not offered", () => {
    fc.assert(
      fc.property(parties, posted, (sides, form) => {
        const offer = offerOf(sides);
        const decision = judgeDecision(form, offer);
        if (decision.kind !== "approved") return;
        expect(form.decision).toBe("approve");
        expect(decision.scopes.length).toBeGreaterThan(0);
        for (const scope of decision.scopes) {
          expect(offer.scopes).toContain(scope);
          expect(form.scope).toContain(scope);
        }
        const choices = offer.portals.choices.map(({ id }): PortalId | null => id);
        expect(offer.portals.all ? [...choices, null] : choices).toContain(decision.portal);
      }),
    );
  });

  const offer = {
    scopes: scopes("tickets:read", "tickets:write"),
    portals: { choices: named("acme", "globex"), all: false },
  };
  const form = { decision: "approve", scope: ["tickets:read"], portal: "acme" } as const;

  test("grants what is ticked, once, for the chosen portal", () => {
    expect(judgeDecision({ ...form, scope: ["tickets:read", "tickets:read"] }, offer)).toEqual({
      kind: "approved",
      scopes: ["tickets:read"],
      portal: "acme",
    });
  });

  test.each([
    ["no scope", { ...form, scope: [] }],
    ["a scope that was not offered beside one that was", { ...form, scope: ["tickets:read", "users:read"] }],
    ["a portal that is no choice", { ...form, portal: "initech" }],
    ["all portals where that is no choice", { ...form, portal: "" }],
  ])("is invalid with %s", (_what, wrong) => {
    expect(judgeDecision(wrong, offer)).toMatchObject({ kind: "invalid", problem: expect.stringMatching(/./) });
  });

  test("may be for all portals where that is a choice", () => {
    const open = { ...offer, portals: { ...offer.portals, all: true } };
    expect(judgeDecision({ ...form, portal: "" }, open)).toMatchObject({ kind: "approved", portal: null });
  });

  test("may deny with nothing else in the form", () => {
    expect(judgeDecision({ decision: "deny", scope: [], portal: "" }, offer)).toEqual({ kind: "denied" });
  });
});

describe("words and resources", () => {
  test("takes a scope's words from the catalogue, from its wildcard there, or the scope", () => {
    const [read, run, write] = scopes("tickets:read", "workflows:run", "users:write");
    const [wildcard] = scopes("workflows:*");
    if (read === undefined || run === undefined || write === undefined || wildcard === undefined) throw new Error();
    const catalogue = new Map([
      [read, "Read tickets"],
      [wildcard, "Run workflows"],
    ]);
    expect([read, run, write].map((scope) => scopeText(catalogue, scope))).toEqual([
      "Read tickets",
      "Run workflows",
      "users:write",
    ]);
  });

  test.each([
    ["https://desk.example.com", ""],
    ["https://desk.example.com/", ""],
    ["HTTPS://DESK.example.com/mcp", "/mcp"],
    ["https://desk.example.com/mcp/", "/mcp"],
    ["https://evil.example.com/mcp", null],
    ["https://desk.example.com.evil.example/mcp", null],
    ["https://user@desk.example.com/mcp", null],
    ["https://desk.example.com/mcp?x=1", null],
    ["https://desk.example.com/mcp#x", null],
    ["mcp", null],
  ])("reads the resource %s as %s", (resource, path) => {
    expect(resourcePath("https://desk.example.com", resource)).toBe(path);
  });
});
