import { expect, test } from "vitest";
import { noticeOf, withNotice } from "../../src/admin/routes/notices.ts";
import type { Spread } from "../../src/revocation/spread.ts";

const SPREAD: Spread = { instances: 3, applied: 2, out: [], lapsed: [], ms: 4.2, streamsClosed: 1 };

function told(path: string): string {
  const query = Object.fromEntries(new URL(path, "http://desk.example").searchParams);
  return noticeOf(query)?.toString() ?? "";
}

test("a notice tells how a change spread", () => {
  const text = told(withNotice("/keys?state=active", "key_revoked", SPREAD));
  expect(text).toContain("The API key is revoked.");
  expect(text).toContain("Applied by 2 of 3 instances in 4 ms. 1 open stream closed.");
  expect(text).not.toContain("does not answer");
});

test("a notice names who is out, and for how long", () => {
  const out = [{ instance: "desk-2.example-17", forMs: 7400 }];
  const text = told(withNotice("/keys", "key_revoked", { ...SPREAD, out }));
  expect(text).toContain("desk-2.example-17 does not answer, and may go on as before for 8 s at most.");
});

test("a change that nobody was to be told of says nothing of it", () => {
  const path = withNotice("/keys", "key_revoked", { ...SPREAD, instances: 0, applied: 0 });
  expect(path).toBe("/keys?done=key_revoked");
  expect(told(path)).toContain("It does not work any more.");
});

test.each([
  "out=your+password+was+stolen:1",
  "out=<b>:1",
  "instances=0",
  "instances=-1",
  "ms=x",
  "out=a:1,b:1,c:1,d:1,e:1,f:1",
])("a link with %s says no more than that it is done", (odd) => {
  const query = new URLSearchParams("done=key_revoked&instances=1&applied=1&ms=1&streams=0");
  for (const [name, value] of new URLSearchParams(odd)) query.set(name, value);
  expect(told(`/keys?${query.toString()}`)).not.toContain("Applied");
});

test("a link cannot say what is none of ours", () => {
  expect(told("/keys?done=you+won")).toBe("");
});
