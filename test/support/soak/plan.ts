import { Random } from "../random.ts";

/** What a request is like, and what shall go wrong with it. Made from the seed and the number of the request alone. */
export interface Plan {
  readonly index: number;
  readonly route: RouteName;
  readonly method: string;
  readonly key: KeyName;
  /** Bytes of the request body, and how it is framed. */
  readonly bodySize: number;
  readonly bodyFraming: "none" | "length" | "chunked";
  readonly expectContinue: boolean;
  readonly abort: Abort;
  readonly fault: Fault;
  /** What the upstream answers where nothing goes wrong. */
  readonly status: number;
  readonly responseSize: number;
  readonly responseFraming: "length" | "chunked" | "close";
  /** The client keeps its connection, where the answer lets it. */
  readonly keepAlive: boolean;
}

export const ROUTES = [
  "open",
  "tickets.read",
  "tickets.write",
  "search",
  "hook",
  "small",
  "events",
  "live",
  "down",
  "slow",
  "nothing",
  "not-allowed",
  "garbage",
] as const;
export type RouteName = (typeof ROUTES)[number];

/** Whose credential the request brings. `good` may all; the names of the others say what is wrong with them. */
export type KeyName =
  | "good"
  | "scope"
  | "portal"
  | "revoked"
  | "unknown"
  | "checksum"
  | "malformed"
  | "none"
  | "double";

/** Where the client leaves. `partial` is within the head; `partial-reset` the same with a reset; `head` right behind it. */
export type Abort = "none" | "partial" | "partial-reset" | "head" | "body" | "waiting" | "response";

/** What the upstream does wrong, or does that is rare. */
export type Fault =
  | "none"
  | "reset"
  | "reset-after-head"
  | "cut"
  | "malformed"
  | "slow"
  | "early"
  | "continue"
  | "hints"
  | "hang";

const KEYS: readonly (readonly [number, KeyName])[] = [
  [70, "good"],
  [5, "scope"],
  [5, "portal"],
  [4, "revoked"],
  [4, "unknown"],
  [3, "checksum"],
  [3, "malformed"],
  [4, "none"],
  [2, "double"],
];

/** The plan of request `index`. */
export function makePlan(seed: number, index: number): Plan {
  const random = new Random(seed ^ Math.imul(index + 1, 0x9e_37_79_b1));
  const route = pickRoute(random);
  const method = pickMethod(random, route);
  const body = pickBody(random, route, method);
  const response = pickResponse(random, route, method);
  const abort = pickAbort(random, route, method, body.bodySize);
  const fault = abort === "waiting" ? "slow" : pickFault(random, { route, method, ...body, ...response });
  return {
    index,
    route,
    method,
    key: random.pick(KEYS),
    ...body,
    ...response,
    abort,
    fault,
    keepAlive: random.chance(0.8),
  };
}

function pickRoute(random: Random): RouteName {
  return random.pick<RouteName>([
    [20, "open"],
    [30, "tickets.read"],
    [20, "tickets.write"],
    [8, "search"],
    [5, "hook"],
    [4, "small"],
    [3, "events"],
    [2, "live"],
    [2, "down"],
    [0.3, "slow"],
    [2, "nothing"],
    [2, "not-allowed"],
    [1, "garbage"],
  ]);
}

function pickMethod(random: Random, route: RouteName): string {
  switch (route) {
    case "open":
      return random.pick([
        [6, "GET"],
        [1, "HEAD"],
        [2, "POST"],
        [1, "OPTIONS"],
      ]);
    case "tickets.read":
      return random.chance(0.9) ? "GET" : "HEAD";
    case "tickets.write":
      return random.pick([
        [4, "POST"],
        [2, "PUT"],
        [2, "PATCH"],
        [1, "DELETE"],
      ]);
    case "hook":
    case "small":
      return "POST";
    case "down":
      return random.chance(0.5) ? "GET" : "POST";
    case "not-allowed":
      return "DELETE";
    default:
      return "GET";
  }
}

const WITH_BODY = new Set(["POST", "PUT", "PATCH"]);

function pickBody(random: Random, route: RouteName, method: string) {
  if (!WITH_BODY.has(method)) return { bodySize: 0, bodyFraming: "none", expectContinue: false } as const;
  const size = route === "hook" ? random.between(40, 20_000) : pickSize(random);
  const bodyFraming = random.chance(0.6) ? "length" : "chunked";
  return { bodySize: size, bodyFraming, expectContinue: size > 0 && random.chance(0.05) } as const;
}

/** From nothing to 1 MiB; most are small. */
function pickSize(random: Random): number {
  return random.pick<() => number>([
    [15, () => 0],
    [60, () => random.between(1, 2_000)],
    [20, () => random.between(2_000, 40_000)],
    [4, () => random.between(40_000, 300_000)],
    [1, () => 1024 * 1024],
  ])();
}

function pickResponse(random: Random, route: RouteName, method: string) {
  if (route === "events")
    return { status: 200, responseSize: random.between(1, 5) * 64, responseFraming: "chunked" } as const;
  if (route === "live") return { status: 101, responseSize: 0, responseFraming: "length" } as const;
  const status = random.pick([
    [80, 200],
    [5, 201],
    [3, 204],
    [3, 304],
    [4, 404],
    [3, 500],
    [2, 302],
  ]);
  const responseFraming = random.pick<"length" | "chunked" | "close">([
    [60, "length"],
    [30, "chunked"],
    [10, "close"],
  ]);
  const hasBody = status !== 204 && status !== 304 && method !== "HEAD";
  return {
    status,
    responseSize: hasBody ? pickSize(random) : 0,
    responseFraming: hasBody ? responseFraming : "length",
  };
}

function pickAbort(random: Random, route: RouteName, method: string, bodySize: number): Abort {
  if (route === "garbage" || route === "slow" || random.chance(0.92)) return "none";
  const choices: (readonly [number, Abort])[] = [
    [2, "partial"],
    [1, "partial-reset"],
    [3, "head"],
    [3, "waiting"],
    [3, "response"],
  ];
  if (bodySize > 0 && WITH_BODY.has(method)) choices.push([4, "body"]);
  return random.pick(choices);
}

type Shape = Pick<Plan, "route" | "method" | "bodySize" | "responseSize" | "responseFraming">;

function pickFault(random: Random, { route, bodySize, responseSize, responseFraming }: Shape): Fault {
  if (route === "slow") return "hang";
  if (random.chance(0.88)) return "none";
  const choices: (readonly [number, Fault])[] = [
    [2, "reset"],
    [2, "malformed"],
    [3, "slow"],
    [1, "continue"],
    [1, "hints"],
  ];
  if (responseSize > 0 && responseFraming !== "close") choices.push([2, "reset-after-head"], [3, "cut"]);
  if (bodySize > 0 && route !== "hook") choices.push([3, "early"]);
  return random.pick(choices);
}
