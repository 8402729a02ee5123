import { chmodSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { embeddedSecrets, embeddedSecretsFile } from "../../src/store/secrets.ts";
import { spawnProcess } from "../support/processes.ts";
import { tempFolder } from "../support/temp.ts";

const agent = `
  import { embeddedSecrets } from ${JSON.stringify(join(import.meta.dirname, "../../src/store/secrets.ts"))};
  console.log(JSON.stringify(embeddedSecrets(process.argv[1])));
`;

describe("the embedded secrets", () => {
  test("are made once, of 256 random bits each, for the owner alone", () => {
    const database = join(tempFolder(), "data", "portcullis.db");
    const made = embeddedSecrets(database);
    expect(embeddedSecrets(database)).toEqual(made);
    expect(statSync(embeddedSecretsFile(database)).mode & 0o777).toBe(0o600);
    expect(made.cookies).toHaveLength(1);
    for (const secret of [made.pepper, ...made.cookies]) expect(Buffer.from(secret, "base64url")).toHaveLength(32);
    expect(made.cookies).not.toContain(made.pepper);
    expect(embeddedSecrets(join(tempFolder(), "other.db")).pepper).not.toBe(made.pepper);
  });

  test("are the same for processes that start at once, and no draft is left", async () => {
    const folder = tempFolder();
    const database = join(folder, "portcullis.db");
    const starters = Array.from({ length: 6 }, () =>
      spawnProcess(process.execPath, ["--input-type=module", "-e", agent, database]),
    );
    const exits = await Promise.all(starters.map(({ exited }) => exited));
    expect(exits.map(({ code }) => code)).toEqual(starters.map(() => 0));
    expect(new Set(starters.map(({ stdout }) => stdout().trim())).size).toBe(1);
    expect(readdirSync(folder)).toEqual(["portcullis.db.secrets.json"]);
  });

  test.each([0o640, 0o604, 0o660])("are refused where the mode is %o", (mode) => {
    const database = join(tempFolder(), "portcullis.db");
    embeddedSecrets(database);
    chmodSync(embeddedSecretsFile(database), mode);
    expect(() => embeddedSecrets(database)).toThrow(/may be read by others/);
  });

  test.each(["", "{", "{}", '{"pepper":"short","cookies":["short"]}', '{"pepper":"", "cookies":[]}'])(
    "are refused, not made anew and not quoted, where the file holds %j",
    (text) => {
      const file = embeddedSecretsFile(join(tempFolder(), "portcullis.db"));
      writeFileSync(file, text, { mode: 0o600 });
      expect(() => embeddedSecrets(file.replace(".secrets.json", ""))).toThrow(
        /^(?!.*short).*does not hold the secrets/,
      );
    },
  );

  test("are not read through a symbolic link", () => {
    const folder = tempFolder();
    const real = join(folder, "real.db");
    embeddedSecrets(real);
    symlinkSync(embeddedSecretsFile(real), embeddedSecretsFile(join(folder, "link.db")));
    expect(() => embeddedSecrets(join(folder, "link.db"))).toThrow(/ELOOP/);
    rmSync(folder, { recursive: true });
  });
});
