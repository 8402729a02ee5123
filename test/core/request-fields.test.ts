import { describe, expect, it } from "vitest";
import { createFieldClassifier, foldFieldName } from "../../src/core/field-name.ts";
import { KNOWN_REQUEST_FIELDS, requestFieldClass } from "../../src/core/request-fields.ts";

/** What a token may hold that is no letter and no digit (RFC 9110, section 5.6.2), but `-`. */
const SIGNS = "!#$%&'*+.^_`|~";

describe("requestFieldClass", () => {
  it.each(KNOWN_REQUEST_FIELDS.filter((name) => name.includes("-")))("drops %s with any other sign for `-`", (name) => {
    for (const sign of SIGNS) {
      const spelled = name.replaceAll("-", sign);
      expect([spelled, requestFieldClass(spelled)]).toEqual([spelled, "drop"]);
      expect([spelled, requestFieldClass(spelled.toUpperCase())]).toEqual([spelled, "drop"]);
    }
  });

  it("drops identity fields, and forwarded fields in other spellings, whatever their signs", () => {
    for (const sign of `${SIGNS}-`) {
      expect(requestFieldClass(`X${sign}Portcullis${sign}Subject`)).toBe("drop");
      expect(requestFieldClass(`x-portcullis${sign}${"a".repeat(100)}`)).toBe("drop");
      expect(requestFieldClass(`X${sign}Forwarded${sign}User`)).toBe(sign === "-" ? "forwarded" : "drop");
    }
  });

  it.each(["Proxy", "proxy", "PROXY"])("drops %s", (name) => {
    expect(requestFieldClass(name)).toBe("drop");
  });

  it.each(["X-Proxy", "Accept", "X~Custom", "portcullis-x"])("passes %s", (name) => {
    expect(requestFieldClass(name)).toBe("pass");
  });
});

describe("foldFieldName", () => {
  it("keeps the length, so that lengths may be compared first", () => {
    expect(foldFieldName("X~Portal__Id")).toBe("x-portal--id");
  });
});

/** A classifier, and the names that it did not remember. */
function counting() {
  const asked: string[] = [];
  const classify = createFieldClassifier(["known-name"], (lower) => {
    asked.push(lower);
    return lower.length;
  });
  asked.length = 0;
  return { asked, classify };
}

describe("createFieldClassifier", () => {
  it("remembers names of its table and common ones from the start", () => {
    const { asked, classify } = counting();
    for (const name of ["known-name", "Known-Name", "user-agent", "User-Agent"]) {
      expect(classify(name)).toBe(name.length);
    }
    expect(asked).toEqual([]);
  });

  it("remembers a bounded number of others, none of them long, and is right all the same", () => {
    const { asked, classify } = counting();
    const long = "x".repeat(65);
    expect([classify(long), classify(long)]).toEqual([65, 65]);
    expect(asked).toEqual([long, long]);
    asked.length = 0;
    const junk = Array.from({ length: 2000 }, (_, index) => `junk-${index}`);
    for (const name of [...junk, ...junk]) expect(classify(name)).toBe(name.length);
    expect(asked.length).toBeGreaterThan(2000);
    expect(asked.length).toBeLessThan(4000);
    asked.length = 0;
    expect(classify("Known-Name")).toBe("known-name".length);
    expect(asked).toEqual([]);
  });
});
