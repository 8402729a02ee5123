import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isClientId } from "../../src/core/ids.ts";
import { joinTags, splitTags } from "../../src/store/record.ts";
import type { ChangeTag } from "../../src/core/change-tag.ts";
import { clientId, credentialId, digestOf, grantId, personId } from "./records.ts";

describe("the tags of a change", () => {
  test("are read as they were written, of every kind", () => {
    const tags: ChangeTag[] = [
      `credential:${credentialId()}`,
      `digest:${digestOf("x")}`,
      `person:${personId()}`,
      `grant:${grantId()}`,
      `client:${clientId()}`,
      `client:${clientId("https://app.example/client.json?a=b:c#d")}`,
    ];
    expect(splitTags(joinTags(tags))).toEqual(tags);
    expect(splitTags(joinTags(["all"]))).toEqual(["all"]);
  });

  test("are read as they were written, whatever ids clients choose", () => {
    const id = fc.string({
      minLength: 1,
      maxLength: 40,
      unit: fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code)),
    });
    fc.assert(
      fc.property(fc.array(id, { minLength: 1, maxLength: 4 }), (ids) => {
        const tags = ids.filter(isClientId).map((one): ChangeTag => `client:${one}`);
        expect(splitTags(joinTags(tags))).toEqual(tags);
      }),
    );
  });

  test.each(["all", "grant:x", "client:y", "credential:key_1", ":", "client:"])(
    "a client named %j is a client, and nothing else",
    (id) => {
      expect(splitTags(joinTags([`client:${clientId(id)}`]))).toEqual([`client:${id}`]);
    },
  );

  test.each(["x all", "x\ngrant:y", "x\0", "ü", " "])("an id such as %j, which is none, drops everything", (id) => {
    // What no guard lets through, as if one had failed.
    const forged: ChangeTag[] = JSON.parse(JSON.stringify([`client:${id}`]));
    expect(joinTags(forged)).toBe("all");
  });

  test.each([
    "",
    "client:",
    "client",
    "person:x",
    "grant:",
    "digest:0",
    "future:x",
    `person:${personId()} `,
    "client:a  client:b",
  ])("%j, which is not understood, stands for all", (text) => {
    expect(splitTags(text)).toEqual(["all"]);
  });
});
