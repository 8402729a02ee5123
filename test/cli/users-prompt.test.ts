import { PassThrough } from "node:stream";
import { expect, test } from "vitest";
import { promptSecret } from "../../src/cli/secret-prompt.ts";

/** A terminal whose raw mode can be watched. */
function terminal() {
  const modes: boolean[] = [];
  const input = Object.assign(new PassThrough(), {
    isTTY: true,
    setRawMode: (mode: boolean) => void modes.push(mode),
  });
  let shown = "";
  return {
    input,
    modes,
    shown: () => shown,
    ask: (question = "Password: ") => promptSecret(input, (text) => void (shown += text), question),
  };
}

test.each([
  ["secret\r", "secret"],
  ["secret\n", "secret"],
  ["secrex\u007ft\r", "secret"],
  ["wrong\u0015secret\r", "secret"],
  ["s\u0001e\u001bcret\r", "secret"],
  ["pässwörd 😀\r", "pässwörd 😀"],
  ["\r", ""],
])("reads %j as %j, and shows nothing of it", async (typed, line) => {
  const at = terminal();
  const asked = at.ask();
  at.input.write(typed);
  expect(await asked).toBe(line);
  expect(at.shown()).toBe("Password: \n");
  expect(at.modes).toEqual([true, false]);
});

test("takes a line that comes character by character, and asks again after it", async () => {
  const at = terminal();
  const asked = at.ask();
  for (const character of "secret\r") at.input.write(character);
  expect(await asked).toBe("secret");
  const again = at.ask("Again: ");
  at.input.write("other\r");
  expect(await again).toBe("other");
  expect(at.modes).toEqual([true, false, true, false]);
});

test.each(["\u0003", "abc\u0003", "\u0004"])("gives the terminal back where the person gives up: %j", async (typed) => {
  const at = terminal();
  const asked = at.ask();
  at.input.write(typed);
  await expect(asked).rejects.toThrow("given up");
  expect(at.modes).toEqual([true, false]);
});

test("is nothing where standard input is no terminal", async () => {
  expect(await promptSecret(new PassThrough(), () => {}, "Password: ")).toBeNull();
});
