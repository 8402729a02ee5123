import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { inspectKey } from "../../src/credentials/key-format.ts";
import { createKeyService, type KeyRequest, type KeyService } from "../../src/credentials/key-service.ts";
import { isPortalId, isScope } from "../../src/core/ids.ts";
import { InvalidRequest } from "../../src/core/invalid-request.ts";
import { openSqliteStore } from "../../src/store/sqlite.ts";
import { tempFolder } from "../support/temp.ts";
import { type FakeClock, fakeClock } from "../store/fake-clock.ts";
import { credentialId } from "../store/records.ts";
import { digester } from "./fakes.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const scopes = new Map(["tickets:read", "tickets:write", "workflows:*"].filter(isScope).map((scope) => [scope, "…"]));
const store = openSqliteStore({ file: join(tempFolder(), "keys.db"), clock: fakeClock() });

let clock: FakeClock;
let service: KeyService;

beforeEach(() => {
  clock = fakeClock();
  service = createKeyService({ keys: store.keys, digester, clock, randomBytes, scopes });
});

afterAll(() => store.close());

function request(changes: Partial<KeyRequest> = {}): KeyRequest {
  const owner = { subject: "user:anna", createdBy: "cli" };
  return { name: "Reports", scopes: ["tickets:read"], portal: null, expiresInMs: null, ...owner, ...changes };
}

describe("the key service", () => {
  test("makes a key that is stored as a digest only", async () => {
    const { key, record } = await service.create(
      request({
        name: "  Reports ",
        scopes: ["tickets:read", "workflows:run", "tickets:read"],
        portal: "acme",
        expiresInMs: DAY,
      }),
    );
    expect(inspectKey(key)).toBe("ok");
    expect(record).toEqual({
      id: expect.stringMatching(/^key_[0-9A-Za-z]{20}$/),
      digest: digester.stored(key),
      name: "Reports",
      scopes: ["tickets:read", "workflows:run"],
      portal: "acme",
      subject: "user:anna",
      createdBy: "cli",
      last4: key.slice(-4),
      createdAt: clock.now(),
      expiresAt: clock.now() + DAY,
      revokedAt: null,
      replacedBy: null,
      lastUsedAt: null,
    });
    expect(await service.get(record.id)).toEqual(record);
    expect(JSON.stringify(await store.keys.list({ limit: 10 }))).not.toContain(key);
  });

  test("revokes once, for good", async () => {
    const { record } = await service.create(request());
    clock.advance(5);
    const revoked = { ...record, revokedAt: clock.now() };
    expect(await service.revoke(record.id)).toEqual(revoked);
    clock.advance(5);
    expect(await service.revoke(record.id)).toEqual(revoked);
    expect(await service.revoke(credentialId())).toBeNull();
  });

  test("rotates with an overlap: same rights and lifetime, new key, and the old one ends", async () => {
    const { record, key } = await service.create(request({ portal: "acme", expiresInMs: 30 * DAY }));
    clock.advance(10 * DAY);
    const outcome = await service.rotate(record.id, { overlapMs: HOUR });
    if (outcome.kind !== "rotated") throw new Error(outcome.kind);
    expect(outcome.key).not.toBe(key);
    const { name, scopes: held, portal, subject, createdBy } = record;
    expect(outcome.record).toMatchObject({ name, scopes: held, portal, subject, createdBy });
    expect(outcome.record).toMatchObject({ createdAt: clock.now(), expiresAt: clock.now() + 30 * DAY });
    expect(outcome.record.digest).toBe(digester.stored(outcome.key));
    expect(outcome.old).toEqual({ ...record, expiresAt: clock.now() + HOUR, replacedBy: outcome.record.id });
    expect(await service.rotate(record.id, { overlapMs: 0 })).toEqual({ kind: "not_active" });
  });

  test("an overlap of 0 ends the old key now, and no overlap outlives the key", async () => {
    const now = await service.create(request());
    const soon = await service.create(request({ expiresInMs: HOUR }));
    const rotated = [
      await service.rotate(now.record.id, { overlapMs: 0 }),
      await service.rotate(soon.record.id, { overlapMs: DAY }),
    ];
    expect(rotated).toMatchObject([{ old: { expiresAt: clock.now() } }, { old: { expiresAt: clock.now() + HOUR } }]);
  });

  test("does not rotate an unknown, revoked or expired key", async () => {
    expect(await service.rotate(credentialId(), { overlapMs: 0 })).toEqual({ kind: "not_found" });
    const revoked = await service.create(request());
    await service.revoke(revoked.record.id);
    const expired = await service.create(request({ expiresInMs: HOUR }));
    clock.advance(HOUR);
    for (const { record } of [revoked, expired]) {
      expect(await service.rotate(record.id, { overlapMs: 0 })).toEqual({ kind: "not_active" });
    }
  });

  test.each<[Partial<KeyRequest>, RegExp]>([
    [{ name: " " }, /name is empty/],
    [{ name: "x".repeat(101) }, /longer than 100/],
    [{ name: "a\nb" }, /control characters/],
    [{ name: "a\u202eb" }, /cannot be seen/],
    [{ scopes: [] }, /at least one scope of: tickets:read, tickets:write, workflows:\*/],
    [{ scopes: ["tickets:raed"] }, /unknown scope "tickets:raed"; the catalogue has: tickets:read/],
    [{ scopes: ["*"] }, /unknown scope "\*"/],
    [{ scopes: ["tickets:*"] }, /unknown scope "tickets:\*"/],
    [{ portal: "" }, /"" is no portal id/],
    [{ portal: "../acme" }, /no portal id/],
    [{ expiresInMs: 0 }, /in the past/],
    [{ expiresInMs: -1 }, /in the past/],
    [{ expiresInMs: Number.NaN }, /in the past/],
    [{ expiresInMs: 11 * 365 * DAY }, /more than ten years/],
    [{ subject: "" }, /subject/],
    [{ subject: "a\r\nX-Evil: 1" }, /subject/],
    [{ createdBy: "é" }, /createdBy/],
  ])("refuses %j", async (changes, problem) => {
    await expect(service.create(request(changes))).rejects.toThrow(problem);
  });

  test("refuses a portal that the rules do not list, and names one that is near", async () => {
    const portals = ["acme", "globex"].filter(isPortalId).map((id) => ({ id }));
    const strict = createKeyService({ keys: store.keys, digester, clock, randomBytes, scopes, portals });
    await expect(strict.create(request({ portal: "acmee" }))).rejects.toThrow(
      'unknown portal "acmee" (did you mean `acme`?); known: acme, globex',
    );
    expect((await strict.create(request({ portal: "globex" }))).record.portal).toBe("globex");
  });

  test("names all problems at once, and stores nothing", async () => {
    const before = await store.keys.list({ limit: 1000 });
    const failure: unknown = await service
      .create(request({ name: "", scopes: ["x"], portal: "/", expiresInMs: -1 }))
      .catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(InvalidRequest);
    expect(failure).toHaveProperty("fields.length", 4);
    expect(await store.keys.list({ limit: 1000 })).toEqual(before);
  });

  test.each([-1, 0.5, Number.NaN, Infinity])("refuses an overlap of %s", async (overlapMs) => {
    const { record } = await service.create(request());
    await expect(service.rotate(record.id, { overlapMs })).rejects.toThrow(InvalidRequest);
    expect(await service.get(record.id)).toEqual(record);
  });
});
