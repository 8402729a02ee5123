import { readFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { codeOf } from "../../src/core/decision.ts";
import { ERROR_CODES, ERRORS, isErrorCode } from "../../src/core/errors.ts";

interface Section {
  readonly status: number;
  readonly owner: string;
  readonly reads: string;
  readonly check: string;
}

/** The sections of docs/errors.md by their code. */
async function readDocs(): Promise<Map<string, Section>> {
  const text = await readFile(new URL("../../docs/errors.md", import.meta.url), "utf8");
  const sections = new Map<string, Section>();
  for (const part of text.split(/^## /m).slice(1)) {
    const code = /^`([a-z_]+)`\n/.exec(part)?.[1];
    if (code === undefined) continue;
    const field = (name: string): string => new RegExp(`^- ${name}: (.+)$`, "m").exec(part)?.[1] ?? "";
    sections.set(code, {
      status: Number(field("Status")),
      owner: field("Owner"),
      reads: field("The caller reads"),
      check: field("Check"),
    });
  }
  return sections;
}

describe("error table", () => {
  test("docs/errors.md has a section for every code, with the table's status, owner and texts, and no other", async () => {
    const docs = await readDocs();
    expect([...docs.keys()].toSorted()).toEqual(ERROR_CODES.toSorted());
    for (const code of ERROR_CODES) {
      const { status, owner, publicText, check } = ERRORS[code];
      expect({ code, ...docs.get(code) }).toEqual({ code, status, owner, reads: publicText, check });
    }
  });

  test("every status is one of an error, and the owner fits it", () => {
    const odd = ERROR_CODES.filter((code) => {
      const { status, owner } = ERRORS[code];
      const ofClientOrConfig = owner === "client" || owner === "config";
      return status < 400 || status > 599 || ofClientOrConfig !== status < 500;
    });
    expect(odd).toEqual([]);
  });

  test("bad credentials look alike to the caller, whatever is wrong with them", () => {
    const problems = [
      "credential_unknown",
      "credential_malformed",
      "credential_bad_checksum",
      "credential_expired",
      "credential_revoked",
    ] as const;
    expect(new Set(problems.map(codeOf))).toEqual(new Set(["credential_invalid"]));
    expect(codeOf("no_route")).toBe("no_route");
  });

  test("codes are told from other texts, names of Object's own properties too", () => {
    expect(isErrorCode("no_route")).toBe(true);
    for (const text of ["", "toString", "__proto__", "constructor", "NO_ROUTE"]) expect(isErrorCode(text)).toBe(false);
  });
});
