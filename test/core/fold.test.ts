import { describe, expect, it } from "vitest";
import { fold } from "../../src/core/fold.ts";
import { editDistance, suggestion } from "../../src/core/suggest.ts";

describe("fold", () => {
  it.each([
    ["ADMIN", "admin"],
    ["\u212Aey", "key"],
    ["u\u017Fers", "users"],
    ["ａｄｍｉｎ", "admin"],
    ["É", "é"],
    ["E\u0301", "é"],
  ])("folds %s to %s", (text, folded) => {
    expect(fold(text)).toBe(folded);
  });
});

describe("suggestion", () => {
  it("names the nearest known name, and nothing where none is near", () => {
    expect(suggestion("metods", ["match", "methods", "path"])).toBe(" (did you mean `methods`?)");
    expect(suggestion("upstraem", ["upstream"])).toBe(" (did you mean `upstream`?)");
    expect(suggestion("zzz", ["upstream"])).toBe("");
  });

  it("counts letters added, taken away, changed and swapped", () => {
    expect(editDistance("", "abc")).toBe(3);
    expect(editDistance("abc", "acb")).toBe(1);
    expect(editDistance("kitten", "sitting")).toBe(3);
    expect(editDistance("same", "same")).toBe(0);
  });
});
