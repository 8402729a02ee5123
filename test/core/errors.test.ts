import { readFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import {
  codeOf,
  CREDENTIAL_PROBLEMS,
  type CredentialProblem,
  OTHER_OUTCOMES,
  type Outcome,
  type Reason,
} from "../../src/core/decision.ts";
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

  test("docs/errors.md names every problem of a credential, and docs/audit.md every other way to end", async () => {
    const errors = await readFile(new URL("../../docs/errors.md", import.meta.url), "utf8");
    const audit = await readFile(new URL("../../docs/audit.md", import.meta.url), "utf8");
    expect(CREDENTIAL_PROBLEMS.filter((problem) => !errors.includes(`\`${problem}\``))).toEqual([]);
    expect(OTHER_OUTCOMES.filter((outcome) => !audit.includes(`\`${outcome}\``))).toEqual([]);
  });

  test("the lists of problems and outcomes are whole", () => {
    const problems: Record<CredentialProblem, true> = {
      credential_unknown: true,
      credential_malformed: true,
      credential_bad_checksum: true,
      credential_expired: true,
      credential_revoked: true,
      credential_audience: true,
    };
    const others: Record<Exclude<Outcome, Reason>, true> = {
      allowed: true,
      public: true,
      own_endpoint: true,
      client_closed: true,
      upstream_cut: true,
    };
    expect([...CREDENTIAL_PROBLEMS].toSorted()).toEqual(Object.keys(problems).toSorted());
    expect([...OTHER_OUTCOMES].toSorted()).toEqual(Object.keys(others).toSorted());
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
    expect(new Set(CREDENTIAL_PROBLEMS.map(codeOf))).toEqual(new Set(["credential_invalid"]));
    expect(codeOf("no_route")).toBe("no_route");
  });

  test("codes are told from other texts, names of Object's own properties too", () => {
    expect(isErrorCode("no_route")).toBe(true);
    for (const text of ["", "toString", "__proto__", "constructor", "NO_ROUTE"]) expect(isErrorCode(text)).toBe(false);
  });
});
