import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { loadConfig } from "../../src/config/config.ts";
import type { Env } from "../../src/config/environment.ts";
import { formatProblem } from "../../src/core/problem.ts";
import { Folder } from "./folder.ts";

const PEPPER = "k3v9Zq0rT7uYb2nM5xWc8dLe1fHg4jPs";

async function load(yaml: string | Uint8Array, env: Env = {}) {
  await using folder = await Folder.make();
  return { folder: folder.path, loaded: await loadConfig(await folder.write("portcullis.yaml", yaml), env) };
}

/** Problems as `line:column: message`. */
async function problems(yaml: string | Uint8Array, env: Env = {}): Promise<readonly string[]> {
  const { folder, loaded } = await load(yaml, env);
  if (loaded.ok) throw new Error("the configuration was accepted");
  return loaded.problems.map((problem) => formatProblem(problem).replace(`${join(folder, "portcullis.yaml")}:`, ""));
}

async function accepted(yaml: string, env: Env = {}) {
  const { folder, loaded } = await load(yaml, env);
  if (!loaded.ok) throw new Error(loaded.problems.map(formatProblem).join("\n"));
  return { folder, config: loaded.value };
}

describe("loadConfig: defaults", () => {
  it("fills in everything but the version", async () => {
    const { folder, config } = await accepted("version: 1\n");
    expect(config).toEqual({
      version: 1,
      public_url: "http://127.0.0.1:8080",
      listen: {
        public: { address: { host: "127.0.0.1", port: 8080 }, hosts: [] },
        admin: { address: { host: "127.0.0.1", port: 9901 }, hosts: [] },
      },
      trusted_proxies: [],
      store: { url: `sqlite:${join(folder, "data/portcullis.db")}` },
      cache: { max_entries: 100_000, ttl: 60_000, negative_ttl: 5000 },
      revocation: { lease: 10_000 },
      limits: {
        head_bytes: 16_384,
        target_bytes: 8192,
        body_bytes: 10_485_760,
        inspect_bytes: 1_048_576,
        inspect_total: 67_108_864,
        idle: 60_000,
        head_timeout: 10_000,
        connections: 20_000,
        drain: 30_000,
      },
      audit: { sinks: [{ file: join(folder, "data/audit.ndjson") }], when_full: "refuse", queue_bytes: 8_388_608 },
      log: { level: "info" },
      oauth: {
        enabled: true,
        path: "/oauth",
        access_token: 3_600_000,
        refresh_token: 2_592_000_000,
        device_code: 600_000,
        metadata_hosts: [],
        registrations_per_hour: 20,
      },
      signin: { path: "/signin", session: 43_200_000 },
      admin: {},
      rules: join(folder, "rules.yaml"),
      workers: 1,
      secrets: {},
    });
  });
});

describe("loadConfig: OAuth and sign-in", () => {
  const SECRET = "c9Qm2vXz7LkR4tYw8NpB3hJd6FsG1aEu";
  const company = (lines: string) =>
    `version: 1\nsignin:\n  company:\n    name: Acme\n    client_id: desk\n    client_secret: ${SECRET}\n${lines}`;

  it("reads a company's provider, with groups that give everything where they say nothing", async () => {
    const { config } = await accepted(
      company(
        "    issuer: https://login.acme.example\n    groups: { staff: {}, it: { role: admin, portals: [acme] } }\n",
      ),
    );
    expect(config.signin.company).toMatchObject({
      scopes: ["openid", "email", "profile"],
      groups_claim: "groups",
      groups: {
        staff: { role: "member", scopes: "all", portals: "all" },
        it: { role: "admin", scopes: "all", portals: ["acme"] },
      },
    });
  });

  it("refuses a provider without TLS, but on loopback", async () => {
    const groups = "    groups: { staff: {} }\n";
    expect(await problems(company(`    issuer: http://login.acme.example\n${groups}`))).toEqual([
      "7:13: expected the https URL of the issuer",
    ]);
    await accepted(company(`    issuer: http://127.0.0.1:4000\n${groups}`));
  });

  it("refuses groups of none, and scopes and portals that are none", async () => {
    const issuer = "    issuer: https://login.acme.example\n";
    expect(await problems(company(`${issuer}    groups: {}\n`))).toEqual(["8:13: name at least one group"]);
    expect(await problems(company(`${issuer}    groups: { staff: { portals: [..] } }\n`))).toHaveLength(1);
    expect(await problems(company(`${issuer}    groups: { staff: { scopes: [tickets] } }\n`))).toHaveLength(1);
  });

  it.each([
    ["oauth: { path: oauth }", "2:16: expected a path such as /oauth, without a slash at its end"],
    ["oauth: { path: /oauth/ }", "2:16: expected a path such as /oauth, without a slash at its end"],
    ["oauth: { path: / }", "2:16: expected a path such as /oauth, without a slash at its end"],
    ["signin: { path: /a/../b }", "2:17: expected a path such as /oauth, without a slash at its end"],
    ["oauth: { device_code: 11m }", "2:23: at most 10m"],
    ["revocation: { lease: 999ms }", "2:22: out of range: 1s to 10m"],
    ["revocation: { lease: 11m }", "2:22: out of range: 1s to 10m"],
    ["store: { tls: { cert: a.pem } }", "2:15: `cert` and `key` go together"],
    ["oauth: { access_token: 0s }", "2:24: out of range: 1s to 365d"],
    ["oauth: { metadata_hosts: ['https://app.example'] }", "2:27: expected a host name, or *.NAME"],
    [
      "oauth: { path: /auth }\nsignin: { path: /auth }",
      "3:17: `oauth.path` and `signin.path` must not hold one another",
    ],
    [
      "oauth: { path: /auth }\nsignin: { path: /auth/signin }",
      "3:17: `oauth.path` and `signin.path` must not hold one another",
    ],
    [
      "admin: { public_path: /oauth/admin }",
      "2:23: `admin.public_path` must not hold `oauth.path` or `signin.path`, nor they it",
    ],
    [
      "admin: { public_path: /signin }",
      "2:23: `admin.public_path` must not hold `oauth.path` or `signin.path`, nor they it",
    ],
    ["admin: { public_path: / }", "2:23: expected a path such as /oauth, without a slash at its end"],
    ["signin: { path: /.well-known }", "2:17: expected a path such as /oauth, without a slash at its end"],
  ])("refuses %s", async (yaml, problem) => {
    const found = await problems(`version: 1\n${yaml}\n`);
    expect(found).toEqual([problem]);
  });
});

describe("loadConfig: values", () => {
  it("reads addresses, files, sizes, durations and lists", async () => {
    const { folder, config } = await accepted(
      `version: 1
public_url: https://desk.example.com/
listen:
  public: { address: "[::1]:0", tls: { cert: tls.crt, key: /etc/tls.key }, hosts: [Desk.Example.com, "[2001:DB8::1]"] }
  admin: { address: localhost:9000 }
trusted_proxies: [10.0.0.0/8, "::1", "fd00::/8", 192.0.2.7]
store: { url: "rediss://:secret@redis:6380/2" }
limits: { head_bytes: 1000, body_bytes: unlimited, idle: 500ms, drain: 1h }
audit: { sinks: [{ stdout: true }, { file: ../audit.ndjson }], when_full: drop, queue_bytes: 1GiB }
rules: sub/rules.yaml
secrets: { pepper: "\${PEPPER}", cookies: ["\${PEPPER}"] }
`,
      { PEPPER },
    );
    expect(config.public_url).toBe("https://desk.example.com");
    expect(config.listen.public).toEqual({
      address: { host: "::1", port: 0 },
      tls: { cert: join(folder, "tls.crt"), key: "/etc/tls.key" },
      hosts: ["desk.example.com", "[2001:db8::1]"],
    });
    expect(config.listen.admin.address).toEqual({ host: "localhost", port: 9000 });
    expect(config.store.url).toBe("rediss://:secret@redis:6380/2");
    expect(config.limits).toMatchObject({
      head_bytes: 1000,
      body_bytes: Number.POSITIVE_INFINITY,
      idle: 500,
      drain: 3_600_000,
    });
    expect(config.audit.sinks).toEqual([{ stdout: true }, { file: join(folder, "../audit.ndjson") }]);
    expect(config.rules).toBe(join(folder, "sub/rules.yaml"));
    expect(config.secrets).toEqual({ pepper: PEPPER, cookies: [PEPPER] });
  });

  it.each(["sqlite:/var/lib/p.db", "sqlite:///var/lib/p.db"])("keeps an absolute database file: %s", async (url) => {
    const { config } = await accepted(`version: 1\nstore: { url: "${url}" }\n`);
    expect(config.store.url).toBe("sqlite:/var/lib/p.db");
  });

  it.each(["redis://h", "redis+sentinel://a:26379,b/main", "redis+cluster://a:7000,b:7001"])(
    "takes the store %s",
    async (url) => {
      const { config } = await accepted(`version: 1\nstore: { url: "${url}" }\nsecrets: { pepper: "${PEPPER}" }\n`);
      expect(config.store.url).toBe(url);
    },
  );

  it("takes the public address, with https where it has a certificate, as the public URL", async () => {
    const { config } = await accepted(
      `version: 1\nlisten: { public: { address: "[::1]:8443", tls: { cert: c, key: k } } }\n`,
    );
    expect(config.public_url).toBe("https://[::1]:8443");
  });
});

describe("loadConfig: environment", () => {
  it("replaces variables, also inside text, and once only", async () => {
    const env = { HOST: "10.0.0.1", PORT: "81", LEVEL: "debug", MAX: "500", FILE: "${HOST}" };
    const { folder, config } = await accepted(
      `version: 1
listen: { public: { address: "\${HOST}:\${PORT}" } }
log:
  level: \${LEVEL}
cache: { max_entries: "\${MAX}" }
rules: "a-\${FILE}-$\${HOST}.yaml"
`,
      env,
    );
    expect(config.listen.public.address).toEqual({ host: "10.0.0.1", port: 81 });
    expect(config.log.level).toBe("debug");
    expect(config.cache.max_entries).toBe(500);
    expect(config.rules).toBe(join(folder, "a-${HOST}-${HOST}.yaml"));
  });

  it("reports a missing variable where it stands, and nothing more of that value", async () => {
    expect(
      await problems('version: 1\nlisten:\n  public:\n    address: "x${NO_HOST}:${toString}"\nsecrets: { pepper: ${P}'),
    ).toEqual([expect.stringMatching(/^5:\d+: not YAML: .*write "\$\{NAME\}", with quotes$/)]);
    expect(
      await problems(
        'version: 1\nlisten:\n  public:\n    address: "x${NO_HOST}:${toString}"\nlog: { level: "${X-Y}" }\nrules: "${OPEN"\n',
      ),
    ).toEqual([
      "4:16: environment variable NO_HOST is not set",
      "4:27: environment variable toString is not set",
      "5:16: not the name of a variable: ${X-Y}",
      "6:9: `${` without `}`; write `$${` for the characters themselves",
    ]);
  });

  it("refuses a host with a port, which no request could ever match", async () => {
    expect(await problems('version: 1\nlisten: { public: { hosts: ["desk:8443"] } }\n')).toEqual([
      "2:29: expected a host name or address, without a port",
    ]);
  });

  it("never prints a value from the environment", async () => {
    const env = { S: "top-secret-value" };
    const keys = ["public_url", "rules", "workers"].map((key) => `${key}: "\${S}"`).join("\n");
    const rest = `listen: { public: { address: "\${S}", hosts: ["a \${S}"] } }
trusted_proxies: ["\${S}"]
store: { url: "\${S}" }
cache: { ttl: "\${S}", max_entries: "\${S}" }
limits: { body_bytes: "\${S}" }
audit: { when_full: "\${S}", sinks: "\${S}" }
log: { level: "\${S}" }
secrets: { pepper: "\${S}" }
`;
    const found = await problems(`version: "\${S}"\n${keys}\n${rest}`, env);
    expect(found.length).toBeGreaterThan(12);
    expect(found.join("\n")).not.toContain("top-secret");
  });
});

describe("loadConfig: problems", () => {
  it("reports all of them at once, each at its place", async () => {
    const yaml = `version: 2
listn: {}
listen:
  public:
    address: 127.0.0.1
    host: [a]
cache: { ttl: 60, max_entries: 0 }
limits: { body_bytes: 10MB, idle: 90d }
audit:
  sinks:
    - { path: x }
  when_full: block
workers: 4
trusted_proxies: [10.0.0.0/33]
store: { url: mysql://x }
secrets: { pepper: short }
`;
    expect(await problems(yaml)).toEqual([
      "1:10: only version 1 is known",
      "2:1: unknown key `listn` (did you mean `listen`?)",
      "5:14: expected HOST:PORT such as 127.0.0.1:8080 or [::1]:8080",
      "6:5: unknown key `host` (did you mean `hosts`?)",
      "7:15: expected a duration such as 500ms, 10s, 5m, 1h or 7d",
      "7:32: expected a whole number from 1 to 10000000",
      "8:23: expected a size such as 512B, 16KiB, 10MiB or 1GiB, or a number of bytes, or unlimited",
      "8:35: out of range: 1ms to 24d",
      "11:7: expected { file: PATH } or { stdout: true }",
      "12:14: expected refuse or drop",
      "13:10: only one worker is supported yet",
      "14:19: expected an IP address or a CIDR range",
      "15:15: expected sqlite:PATH, redis://HOST, rediss://HOST, redis+sentinel://H1,H2/NAME or redis+cluster://H1,H2",
      "16:20: a secret needs 32 characters or more",
    ]);
  });

  it.each([
    ["version: 1\nversion: 1\n", "2:1: the key stands twice"],
    ["version: 1\nlog: &a { level: info }\n", "2:9: anchors are not allowed"],
    ["version: 1\nlog: !x { level: info }\n", "2:9: tags are not allowed"],
    ["version: 1\nlog:\n  <<: { level: info }\n", "3:3: merge keys are not allowed"],
    ["version: 1\n---\nversion: 1\n", "2:1: a second document; one is allowed"],
    ["%YAML 1.1\n---\nversion: 1\n", "1:1: YAML directives are not allowed"],
    ["version: 1\n1: 2\n", "2:1: a key must be text"],
    ["version: 1\n__proto__: {}\n", "2:1: this key is not allowed"],
    [
      "version: 1\nlisten: { public: { address: 127.0.0.1:9000 }, admin: { address: 127.0.0.1:9000 } }\n",
      "2:66: both listeners are on port 9000; give each its own",
    ],
    [
      "version: 1\nlisten: { public: { address: 0.0.0.0:9901 } }\n",
      "2:30: both listeners are on port 9901; give each its own",
    ],
    ["version: 1\ntrusted_proxies: 10.0.0.1\n", "2:18: write it as a list: [10.0.0.1]"],
    ["", "1:1: the file is empty"],
    ["- 1\n", "1:1: expected object, received array"],
    ["log: {}\n", "1:1: missing key `version`"],
    ["version: 1\nlisten: { public: { tls: { cert: a } } }\n", "2:21: missing key `key`"],
    ["version: 1\nsecrets: { cookies: [] }\n", "2:21: name at least one"],
    [
      "version: 1\nstore: { url: sqlite://relative/x.db }\n",
      "2:15: expected sqlite:PATH, redis://HOST, rediss://HOST, redis+sentinel://H1,H2/NAME or redis+cluster://H1,H2",
    ],
    ["version: 1\nstore: { url: 'sqlite::memory:' }\n", "2:15: a store in memory would forget every key; give a file"],
    ["version: 1\npublic_url: https://u@h\n", "2:13: expected http(s)://HOST[:PORT] without path or query"],
    ["version: 1\npublic_url: https://h/p\n", "2:13: expected http(s)://HOST[:PORT] without path or query"],
  ])("refuses %j", async (yaml, expected) => {
    expect(await problems(yaml)).toEqual([expected]);
  });

  it("tells a rules file from a slip", async () => {
    expect(await problems("version: 1\nroutes: []\n")).toContain(
      "2:1: this looks like a rules file: use --rules of `check`, or name it in `rules:` of a configuration",
    );
  });

  it("refuses aliases, so that no file grows while it is read", async () => {
    const yaml = "version: 1\nlog: &a\n  level: info\ncache: *a\n";
    expect(await problems(yaml)).toEqual(["3:3: anchors are not allowed", "4:8: aliases are not allowed"]);
  });

  it("says that a file is not there, or not text", async () => {
    expect(await loadConfig("/nowhere/portcullis.yaml", {})).toEqual({
      ok: false,
      problems: [{ file: "/nowhere/portcullis.yaml", line: 1, column: 1, message: "no such file" }],
    });
    expect(await problems(Uint8Array.of(0xff, 0xfe))).toEqual(["1:1: not UTF-8, or nested too deep to read"]);
    expect(await problems(`a: ${"[".repeat(50_000)}`)).toHaveLength(1);
  });
});

describe("loadConfig: secrets", () => {
  it.each([
    ["x".repeat(40), "a secret of one repeated character is weak"],
    ["changeme-changeme-changeme-changeme", "the secret looks like a placeholder; use random characters"],
    ["My-PassWord-1234567890-1234567890", "the secret looks like a placeholder; use random characters"],
    ["secret-secret-secret-secret-secret", "the secret looks like a placeholder; use random characters"],
    [PEPPER.slice(1), "a secret needs 32 characters or more"],
    ["", "a secret needs 32 characters or more"],
  ])("refuses the weak secret %j wherever one is wanted", async (weak, message) => {
    const yaml = 'version: 1\nsecrets:\n  pepper: "${WEAK}"\n  cookies: ["${WEAK}"]\n';
    expect(await problems(yaml, { WEAK: weak })).toEqual([`3:11: ${message}`, `4:13: ${message}`]);
  });

  it("asks for a pepper with Redis, also where other things are wrong", async () => {
    expect(await problems("version: 1\nstore: { url: redis://h }\nworkers: 2\n")).toEqual([
      "2:15: a Redis store needs `secrets.pepper`",
      "3:10: only one worker is supported yet",
    ]);
  });
});
