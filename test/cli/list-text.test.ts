import { expect, test } from "vitest";
import { personLine, personText } from "../../src/cli/user-text.ts";
import type { PersonRecord } from "../../src/store/people.ts";
import { personId } from "../store/records.ts";

test("a name that the company's provider told cannot draw on the terminal", () => {
  const mallory: PersonRecord = {
    id: personId(),
    email: "mallory@example.com",
    name: "Mallory\u001b[2J\u202e\nadmin",
    role: "member",
    scopes: [],
    portals: null,
    password: null,
    company: "https://login.example.com mallory",
    createdAt: 0,
    createdBy: "company sign-in",
    disabledAt: null,
    lastSignInAt: null,
    version: 1,
  };
  for (const text of [personLine(mallory), personText(mallory)]) {
    // oxlint-disable-next-line no-control-regex -- they are what is looked for
    expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u202e]|\nadmin/);
    expect(text).toContain("Mallory\uFFFD[2J\uFFFD\uFFFDadmin");
  }
});
