import { z } from "zod";
import type { Clock } from "../core/clock.ts";
import { type CredentialId, isCredentialId } from "../core/ids.ts";
import { comparePlaces, later, type NamePlace, placeOf, placesOfPrefix } from "./key-search.ts";
import type { RedisConnection } from "./redis-connection.ts";
import { REDIS_KEYS } from "./redis-layout.ts";
import { IN_STATE, PAGE } from "./redis-scripts.ts";
import { type ApiKeyRecord, type KeyQuery, type KeyStore, StoreUnavailable } from "./types.ts";

/** Keys that one step looks at for a state. */
const LOOKED_AT = 1000;
/** Keys that one step of naming reads. */
const STEP = 200;
/** Between the parts of a member. Before every character of a name, so that members sort as their parts do. */
const NUL = "\0";

const names = z.array(z.string());
const card = z.number().int();
const pageReply = z.tuple([z.string().nullable()], z.string());

interface KeyListOptions {
  readonly connection: RedisConnection;
  /** Says what has expired. */
  readonly clock: Pick<Clock, "now">;
  readonly get: KeyStore["get"];
}

/** Member of the set that names are looked for in. */
export function nameMember(record: Pick<ApiKeyRecord, "id" | "name">): string {
  const { name, id } = placeOf(record);
  return `${name}${NUL}${id}`;
}

/** Member of the set that last characters are looked for in. */
export function last4Member(record: Pick<ApiKeyRecord, "id" | "name" | "last4">): string {
  return `${record.last4}${NUL}${nameMember(record)}`;
}

/** `KeyStore.list` on Redis. */
export function createRedisKeyList(options: KeyListOptions): KeyStore["list"] {
  let naming: Promise<void> | null = null;
  return async (query) => {
    const { search = "" } = query;
    if (search === "") return newestFirst(options, query);
    // One walk at a time; where it failed, the next search begins another.
    naming ??= nameKeys(options).finally(() => {
      naming = null;
    });
    await naming;
    return byName(options, { ...query, search });
  };
}

async function newestFirst({ connection, clock, get }: KeyListOptions, query: KeyQuery): Promise<ApiKeyRecord[]> {
  const { limit, state } = query;
  const lookedAt = state === undefined ? limit : LOOKED_AT;
  const ids: string[] = [];
  let after: string | null = query.after ?? "";
  while (after !== null && ids.length < limit) {
    const values = [limit - ids.length, after, lookedAt, state ?? "", clock.now()];
    // Each step begins where the one before ended.
    const reply = await connection.send("eval", [PAGE, 1, REDIS_KEYS.newest, ...values]);
    const [last, ...found] = understood(pageReply, reply);
    ids.push(...found);
    after = last;
  }
  return recordsOf(get, ids);
}

async function byName(
  options: KeyListOptions,
  query: KeyQuery & { readonly search: string },
): Promise<readonly ApiKeyRecord[]> {
  const { limit, state, after } = query;
  const start = after === undefined ? null : await options.get(after);
  if (after !== undefined && start === null) return [];
  const found: string[] = [];
  const step = state === undefined ? limit : LOOKED_AT;
  let from: NamePlace | undefined = start === null ? { name: "", id: "" } : placeOf(start);
  while (from !== undefined && found.length < limit) {
    // Each step begins where the one before ended.
    const places: readonly NamePlace[] = await placesAfter(options, query.search, from, step);
    found.push(...(await inState(options, state, places)));
    from = places.length < step ? undefined : places.at(-1);
  }
  return recordsOf(options.get, found.slice(0, limit));
}

async function inState(
  { connection, clock }: KeyListOptions,
  state: KeyQuery["state"],
  places: readonly NamePlace[],
): Promise<readonly string[]> {
  const ids = places.map(({ id }) => id);
  if (state === undefined || ids.length === 0) return ids;
  // Without a key a cluster would not know which node to ask.
  const reply = await connection.send("eval", [IN_STATE, 1, REDIS_KEYS.newest, state, clock.now(), ...ids]);
  return understood(names, reply);
}

/** The first places after `from` of what is found by any of the three ways, in order. */
async function placesAfter(
  { connection, get }: KeyListOptions,
  search: string,
  from: NamePlace,
  count: number,
): Promise<readonly NamePlace[]> {
  const { first, end } = placesOfPrefix(search);
  const low = later(first, from);
  const range = async (key: string, lowest: string, highest: string): Promise<readonly string[]> =>
    understood(names, await connection.send("zrange", [key, lowest, highest, "BYLEX", "LIMIT", 0, count]));
  const [byPrefix, byLast4, byId] = await Promise.all([
    range(REDIS_KEYS.names, `(${low.name}${NUL}${low.id}`, `(${end}`),
    range(REDIS_KEYS.last4, `(${search}${NUL}${from.name}${NUL}${from.id}`, `(${search}\u0001`),
    isCredentialId(search) ? get(search) : null,
  ]);
  const places = new Map<string, NamePlace>();
  for (const member of byPrefix) addPlace(places, member);
  for (const member of byLast4) addPlace(places, member.slice(search.length + 1));
  if (byId !== null && comparePlaces(placeOf(byId), from) > 0) places.set(byId.id, placeOf(byId));
  return [...places.values()].toSorted(comparePlaces).slice(0, count);
}

function addPlace(places: Map<string, NamePlace>, member: string): void {
  const cut = member.lastIndexOf(NUL);
  const id = member.slice(cut + 1);
  places.set(id, { name: member.slice(0, cut), id });
}

/**
 * Gives a name to keys that have none in the sets, because an earlier version wrote them: where there are fewer names
 * than keys, all keys are walked. Costs two numbers where there is nothing to do. Repeating it changes nothing.
 */
async function nameKeys({ connection }: KeyListOptions): Promise<void> {
  const [named, keys] = await Promise.all([
    connection.send("zcard", [REDIS_KEYS.names]),
    connection.send("zcard", [REDIS_KEYS.newest]),
  ]);
  if (understood(card, named) >= understood(card, keys)) return;
  for (let first = 0; ; first += STEP) {
    // Step by step: a long walk must not hold up the server for all others.
    const ids = understood(names, await connection.send("zrange", [REDIS_KEYS.newest, first, first + STEP - 1]));
    if (ids.length === 0) return;
    await nameStep(connection, ids.map(asId));
  }
}

async function nameStep(connection: RedisConnection, ids: readonly CredentialId[]): Promise<void> {
  const fields = z.tuple([z.string().nullable(), z.string().nullable()]);
  const records = await Promise.all(
    ids.map(async (id) => {
      const reply = await connection.send("hmget", [REDIS_KEYS.record(id), "name", "last4"]);
      const [name, last4] = understood(fields, reply);
      // An id without a record is named too: it would be looked for again and again.
      return { id, name: name ?? "", last4: last4 ?? "" };
    }),
  );
  const add = (key: string, member: (record: (typeof records)[number]) => string): Promise<unknown> =>
    connection.send("zadd", [key, ...records.flatMap((record) => [0, member(record)])]);
  // The names last: they tell that both are there.
  await add(REDIS_KEYS.last4, last4Member);
  await add(REDIS_KEYS.names, nameMember);
}

async function recordsOf(get: KeyStore["get"], ids: readonly string[]): Promise<ApiKeyRecord[]> {
  const records = await Promise.all(ids.map((id) => get(asId(id))));
  return records.filter((record) => record !== null);
}

/** Narrows an id that Redis gave. Throws `StoreUnavailable` where it is none. */
export function asId(id: unknown): CredentialId {
  if (typeof id === "string" && isCredentialId(id)) return id;
  throw new StoreUnavailable("a stored credential id cannot be understood");
}

function understood<T>(schema: z.ZodType<T>, reply: unknown): T {
  const parsed = schema.safeParse(reply);
  if (!parsed.success) throw new StoreUnavailable("Redis gave an answer that cannot be understood");
  return parsed.data;
}
