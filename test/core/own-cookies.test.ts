import { describe, expect, it } from "vitest";
import { ownCookieName, setsOwnCookie, withoutOwnCookies } from "../../src/core/own-cookies.ts";

/** Names that are ours, and those that a lenient reader would take for ours. */
const OURS = [
  "portcullis_session",
  "portcullis_",
  "__Host-portcullis_session",
  "__Secure-portcullis_oauth.sig",
  "__host-portcullis_session",
  "__HOST-Portcullis_Session",
  "__Secure-__Host-portcullis_session",
  "PORTCULLIS_SESSION",
  '"portcullis_session',
  "\tportcullis_session",
  "\u00a0portcullis_session",
  "$portcullis_session",
];
const OTHERS = [
  "session",
  "portcullis",
  "portcullis-session",
  "my_portcullis_session",
  "__Host-my_portcullis_x",
  "xportcullis_",
];

describe("a Cookie field", () => {
  it.each(OURS)("loses %j, wherever it stands, and nothing else", (name) => {
    expect(withoutOwnCookies(`${name}=s; a=1;b=;  c`)).toBe("a=1;b=;  c");
    expect(withoutOwnCookies(`a=1; ${name}=s; b="x y"`)).toBe('a=1; b="x y"');
    expect(withoutOwnCookies(`a=1; ${name}=s`)).toBe("a=1");
    expect(withoutOwnCookies(`a=1;${name}`)).toBe("a=1");
  });

  it.each(OURS)("ends with %j where there is nothing else", (name) => {
    for (const value of [`${name}=s`, name, ` ; ${name}=s;`, `${name}=s; ${name}=t`]) {
      expect([value, withoutOwnCookies(value)]).toEqual([value, null]);
    }
  });

  it.each(OTHERS)("keeps %j", (name) => {
    const value = ` a=portcullis_session;${name}=portcullis_=1; b =2 ;`;
    expect(withoutOwnCookies(value)).toContain(`;${name}=portcullis_=1; b =2`);
    expect(withoutOwnCookies(`${name}=1`)).toBe(`${name}=1`);
  });

  it.each(["", "a=1", ";", " a = 1 ;; b", "\xff=\x80"])("without ours is the very same: %j", (value) => {
    expect(withoutOwnCookies(value)).toBe(value);
  });

  it("loses ours from between quotes that were opened before", () => {
    expect(withoutOwnCookies('a="x; portcullis_session=s; b=y"')).toBe('a="x; b=y"');
  });
});

describe("a Set-Cookie field", () => {
  it.each(OURS)("that sets %j is ours", (name) => {
    for (const value of [`${name}=x; Path=/`, name, ` ${name}=`, `=${name}=x`, `; ${name}=x`]) {
      expect([value, setsOwnCookie(value)]).toEqual([value, true]);
    }
  });

  it.each(OTHERS)("that sets %j is not", (name) => {
    expect(setsOwnCookie(`${name}=portcullis_session; Path=/portcullis_`)).toBe(false);
  });
});

it("names cookies so that they are known for ours", () => {
  expect(setsOwnCookie(`__Host-${ownCookieName("anything")}=1`)).toBe(true);
});
