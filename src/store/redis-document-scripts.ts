import { REDIS_KEYS } from "./redis-layout.ts";
import { ALWAYS, APPEND } from "./redis-scripts.ts";

/*
 * Each change is one script, as in `redis-scripts.ts`. What a document was found and grouped by is known only from the
 * document itself, so the scripts make those names; all carry the one hash tag, so that they are on the same node.
 * `now` is the caller's clock, which alone says what has expired; Redis's own expiry clears up, by the time left then.
 * Nothing is written before everything was read: a script that fails half-way is not undone.
 */

/** Entries of a group whose documents have expired, removed at most with one write, and with one page. */
const PRUNED_BY_WRITE = 50;
const PRUNED_BY_PAGE = 1000;

/** A document's hash, and the fields that scripts read. */
export const DOCUMENT_FIELDS = [
  "id",
  "value",
  "createdAt",
  "expiresAt",
  "lookups",
  "groups",
  "consumedAt",
  "version",
] as const;

const FIELDS = DOCUMENT_FIELDS.map((field) => `'${field}'`).join(", ");

const COMMON = `
local function documentKey(kind, id) return '${REDIS_KEYS.document("", "").slice(0, -1)}' .. kind .. ':' .. id end
local function lookupKey(kind, name) return '${REDIS_KEYS.lookup("", "").slice(0, -1)}' .. kind .. ':' .. name end
local function groupKey(kind, name) return '${REDIS_KEYS.group("", "").slice(0, -1)}' .. kind .. ':' .. name end
local function expiryKey(kind, name) return '${REDIS_KEYS.groupExpiry("", "").slice(0, -1)}' .. kind .. ':' .. name end

local function isAlive(key, now)
  local state = redis.call('HMGET', key, 'version', 'expiresAt')
  return state[1] and (not state[2] or tonumber(state[2]) > now)
end

local function namesOf(text)
  local ok, names = pcall(cjson.decode, text or '[]')
  if ok and type(names) == 'table' then return names end
  return {}
end
`;

/** What keeps groups: a set by age, a set by expiry for those that expire, and a life no longer than the last member's. */
const GROUPS = `
local function prune(kind, name, now, limit)
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', expiryKey(kind, name), '-inf', now, 'LIMIT', 0, limit)) do
    redis.call('ZREM', groupKey(kind, name), id)
    redis.call('ZREM', expiryKey(kind, name), id)
  end
end

local function settle(kind, name, now)
  local group, expiry = groupKey(kind, name), expiryKey(kind, name)
  local last = redis.call('ZREVRANGE', expiry, 0, 0, 'WITHSCORES')
  if last[2] and redis.call('ZCARD', group) == redis.call('ZCARD', expiry) then
    local left = math.max(tonumber(last[2]) - now, 1)
    redis.call('PEXPIRE', group, left)
    redis.call('PEXPIRE', expiry, left)
  else
    redis.call('PERSIST', group)
    redis.call('PERSIST', expiry)
  end
end

local function drop(kind, id, now)
  local key = documentKey(kind, id)
  local state = redis.call('HMGET', key, 'lookups', 'groups')
  for _, name in ipairs(namesOf(state[1])) do
    if redis.call('GET', lookupKey(kind, name)) == id then redis.call('DEL', lookupKey(kind, name)) end
  end
  for _, name in ipairs(namesOf(state[2])) do
    redis.call('ZREM', groupKey(kind, name), id)
    redis.call('ZREM', expiryKey(kind, name), id)
    settle(kind, name, now)
  end
  redis.call('DEL', key)
end
`;

/**
 * KEYS document, changes, count. ARGV mode (insert, put, or the version to replace), now, tags ('' for none), kind, id,
 * value, createdAt, expiresAt ('' for never), lookups, groups → n (0 without tags), or -1: it may not. Always possible, for
 * it may disable a client or a person.
 */
export const WRITE = `${ALWAYS}${APPEND}${COMMON}${GROUPS}
local mode, now, tags, kind, id = ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4], ARGV[5]
local key, expiresAt = KEYS[1], tonumber(ARGV[8])
local version, consumedAt = 0, false
if isAlive(key, now) then
  local state = redis.call('HMGET', key, 'version', 'consumedAt')
  version, consumedAt = tonumber(state[1]), state[2]
end
if mode == 'insert' and version > 0 then return -1 end
if mode ~= 'insert' and mode ~= 'put' and (version == 0 or tonumber(mode) ~= version) then return -1 end
local lookups, groups, expired = cjson.decode(ARGV[9]), cjson.decode(ARGV[10]), {}
for _, name in ipairs(lookups) do
  local holder = redis.call('GET', lookupKey(kind, name))
  if holder and holder ~= id then
    if isAlive(documentKey(kind, holder), now) then return -1 end
    expired[#expired + 1] = holder
  end
end
drop(kind, id, now)
for _, holder in ipairs(expired) do drop(kind, holder, now) end
redis.call('HSET', key, 'id', id, 'value', ARGV[6], 'createdAt', ARGV[7], 'lookups', ARGV[9], 'groups', ARGV[10],
  'version', version + 1)
if consumedAt then redis.call('HSET', key, 'consumedAt', consumedAt) end
for _, name in ipairs(lookups) do redis.call('SET', lookupKey(kind, name), id) end
if expiresAt then
  local left = math.max(expiresAt - now, 1)
  redis.call('HSET', key, 'expiresAt', ARGV[8])
  redis.call('PEXPIRE', key, left)
  for _, name in ipairs(lookups) do redis.call('PEXPIRE', lookupKey(kind, name), left) end
end
for _, name in ipairs(groups) do
  prune(kind, name, now, ${PRUNED_BY_WRITE})
  redis.call('ZADD', groupKey(kind, name), ARGV[7], id)
  if expiresAt then redis.call('ZADD', expiryKey(kind, name), ARGV[8], id)
  else redis.call('ZREM', expiryKey(kind, name), id) end
  settle(kind, name, now)
end
if tags == '' then return 0 end
return append(KEYS[2], KEYS[3], tags)
`;

/** KEYS lookup. ARGV kind → the document's fields, or nil. */
export const FIND = `${COMMON}
local id = redis.call('GET', KEYS[1])
if not id then return nil end
return redis.call('HMGET', documentKey(ARGV[1], id), ${FIELDS})
`;

/** KEYS document. ARGV now, at → 1 where this call was the one, else 0. */
export const CONSUME = `${COMMON}
if not isAlive(KEYS[1], tonumber(ARGV[1])) then return 0 end
if redis.call('HSETNX', KEYS[1], 'consumedAt', ARGV[2]) == 0 then return 0 end
redis.call('HINCRBY', KEYS[1], 'version', 1)
return 1
`;

/**
 * KEYS document, changes, count. ARGV now, tags, kind, id → {n, removed}. One that found nothing tells its tags too:
 * a repeated call must wait for those who have not applied the first one yet.
 */
export const REMOVE = `${ALWAYS}${APPEND}${COMMON}${GROUPS}
local now, tags = tonumber(ARGV[1]), ARGV[2]
local removed = isAlive(KEYS[1], now) and 1 or 0
drop(ARGV[3], ARGV[4], now)
if tags == '' then return {0, removed} end
return {append(KEYS[2], KEYS[3], tags), removed}
`;

const MEMBERSHIP = `
local function isMember(kind, group, id, now)
  local state = redis.call('HMGET', documentKey(kind, id), 'version', 'expiresAt', 'groups')
  if not state[1] or (state[2] and tonumber(state[2]) <= now) then return false end
  for _, name in ipairs(namesOf(state[3])) do
    if name == group then return true end
  end
  return false
end
`;

/** KEYS changes, count, groups… ARGV now, tags, group, kinds… (as many as groups) → {n, how many there were}. */
export const REMOVE_GROUP = `${ALWAYS}${APPEND}${COMMON}${GROUPS}${MEMBERSHIP}
local now, tags, group, removed = tonumber(ARGV[1]), ARGV[2], ARGV[3], 0
for i = 4, #ARGV do
  local kind = ARGV[i]
  for _, id in ipairs(redis.call('ZRANGE', groupKey(kind, group), 0, -1)) do
    if isMember(kind, group, id, now) then
      removed = removed + 1
      drop(kind, id, now)
    end
  end
  redis.call('DEL', groupKey(kind, group), expiryKey(kind, group))
end
if tags == '' then return {0, removed} end
return {append(KEYS[1], KEYS[2], tags), removed}
`;

/** KEYS group, its expiries. ARGV now, kind, group, limit, after ('' for the first page) → ids. */
export const LIST = `${COMMON}${GROUPS}${MEMBERSHIP}
local now, kind, group, limit, after = tonumber(ARGV[1]), ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[5]
prune(kind, group, now, ${PRUNED_BY_PAGE})
local rank = 0
if after ~= '' then
  if not isMember(kind, group, after, now) then return {} end
  local found = redis.call('ZREVRANK', KEYS[1], after)
  if not found then return {} end
  rank = found + 1
end
local page = {}
while #page < limit do
  local ids = redis.call('ZREVRANGE', KEYS[1], rank, rank + limit - 1)
  for _, id in ipairs(ids) do
    if #page < limit and isMember(kind, group, id, now) then page[#page + 1] = id end
  end
  if #ids < limit then break end
  rank = rank + limit
end
local documents = {}
for i, id in ipairs(page) do documents[i] = redis.call('HMGET', documentKey(kind, id), ${FIELDS}) end
return documents
`;

/** KEYS group, its expiries. ARGV now → how many live. */
export const COUNT = `
return redis.call('ZCARD', KEYS[1]) - redis.call('ZCOUNT', KEYS[2], '-inf', ARGV[1])
`;

/** KEYS counter. ARGV now, window in ms → {count, resetsAt}. */
export const COUNT_UP = `
local now = tonumber(ARGV[1])
local resetsAt = tonumber(redis.call('HGET', KEYS[1], 'resetsAt') or 0)
if resetsAt <= now then
  resetsAt = now + tonumber(ARGV[2])
  redis.call('DEL', KEYS[1])
  redis.call('HSET', KEYS[1], 'resetsAt', string.format('%.0f', resetsAt))
  redis.call('PEXPIRE', KEYS[1], math.max(tonumber(ARGV[2]), 1))
end
return {redis.call('HINCRBY', KEYS[1], 'count', 1), resetsAt}
`;

/** KEYS: counter. ARGV: end of the window, ms. */
export const COUNT_DOWN = `
if tonumber(redis.call('HGET', KEYS[1], 'resetsAt') or 0) ~= tonumber(ARGV[1]) then return 0 end
if tonumber(redis.call('HGET', KEYS[1], 'count') or 0) <= 0 then return 0 end
return redis.call('HINCRBY', KEYS[1], 'count', -1)
`;
