import { RECORD_FIELDS, REDIS_KEYS } from "./redis-layout.ts";

/*
 * Each change is one script: the record and its entry in the change log are written together or not at all.
 * Scripts are sent whole (EVAL): changes are rare, and a restarted server or another node knows no stored ones.
 */

/** Of a script that a server without memory still does: what takes something away must always be possible. */
export const ALWAYS = "#!lua flags=allow-oom\n";

const FIELDS = RECORD_FIELDS.map((field) => `'${field}'`).join(", ");

const NEWEST_ID = `
local function newestId(changes)
  local newest = redis.call('XREVRANGE', changes, '+', '-', 'COUNT', 1)[1]
  return newest and newest[1] or '0-0'
end
`;

/**
 * Appends to the change log. `n` counts the entries, so that a follower sees a gap; `after` is the id of the one before,
 * so that it sees a log that fell back to an earlier state and went on from there. Returns `n`.
 *
 * Ids are made of the time as Redis makes them, but with microseconds in their second part: a server that takes over with
 * a clock that is behind would else give ids again that the one before had given.
 */
export const APPEND = `${NEWEST_ID}
local function append(changes, count, tags)
  local n, after, time = redis.call('INCR', count), newestId(changes), redis.call('TIME')
  local lastMs, lastPart = string.match(after, '^(%d+)-(%d+)$')
  local ms, part = time[1] * 1000 + math.floor(time[2] / 1000), time[2] % 1000
  if ms <= tonumber(lastMs) then ms, part = lastMs, lastPart + 1 + time[2] end
  local id = string.format('%.0f-%.0f', ms, part)
  redis.call('XADD', changes, 'MAXLEN', '~', 10000, id, 'n', n, 'after', after, 'tags', tags)
  return n
end
`;

const INSERT = `
local function insert(record, first, id, digest, at, name, last4)
  local fields = {}
  for i = first, #ARGV do fields[#fields + 1] = ARGV[i] end
  redis.call('HSET', record, unpack(fields))
  redis.call('HSET', KEYS[3], digest, id)
  redis.call('ZADD', KEYS[4], at, id)
  redis.call('ZADD', KEYS[5], 0, name)
  redis.call('ZADD', KEYS[6], 0, last4)
end
`;

/**
 * KEYS changes, count, digests, newest, names, last4, record.
 * ARGV tags, id, digest, createdAt, member of names, member of last4, fields… → n, or 0: exists.
 */
export const CREATE = `${APPEND}${INSERT}
if redis.call('EXISTS', KEYS[7]) == 1 or redis.call('HEXISTS', KEYS[3], ARGV[3]) == 1 then return 0 end
insert(KEYS[7], 7, ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6])
return append(KEYS[1], KEYS[2], ARGV[1])
`;

/**
 * KEYS record, changes, count. ARGV at, credential's tag → {n, record}, or nil where unknown. A repeated call
 * appends again, so that it too waits for those who have not applied the first entry yet.
 */
export const REVOKE = `${ALWAYS}${APPEND}
local digest = redis.call('HGET', KEYS[1], 'digest')
if not digest then return nil end
redis.call('HSETNX', KEYS[1], 'revokedAt', ARGV[1])
return {append(KEYS[2], KEYS[3], ARGV[2] .. ' digest:' .. digest), redis.call('HMGET', KEYS[1], ${FIELDS})}
`;

/**
 * KEYS changes, count, digests, newest, names, last4, old record, new record.
 * ARGV tags, old expiresAt, now, then of the new one: id, digest, createdAt, member of names, member of last4, fields…
 * → {n, old record}, or -1 unknown, -2 not active, -3 exists.
 */
export const ROTATE = `${APPEND}${INSERT}
if redis.call('EXISTS', KEYS[7]) == 0 then return -1 end
local state = redis.call('HMGET', KEYS[7], 'revokedAt', 'replacedBy', 'expiresAt', 'digest')
if state[1] or state[2] or (state[3] and tonumber(state[3]) <= tonumber(ARGV[3])) then return -2 end
if redis.call('EXISTS', KEYS[8]) == 1 or redis.call('HEXISTS', KEYS[3], ARGV[5]) == 1 then return -3 end
redis.call('HSET', KEYS[7], 'expiresAt', ARGV[2], 'replacedBy', ARGV[4])
insert(KEYS[8], 9, ARGV[4], ARGV[5], ARGV[6], ARGV[7], ARGV[8])
local n = append(KEYS[1], KEYS[2], ARGV[1] .. ' digest:' .. state[4])
return {n, redis.call('HMGET', KEYS[7], ${FIELDS})}
`;

const HAS_STATE = `
local function hasState(id, state, now)
  local times = redis.call('HMGET', '${REDIS_KEYS.recordOf}' .. id, 'revokedAt', 'expiresAt')
  if times[1] then return state == 'revoked' end
  return state == ((times[2] and tonumber(times[2]) <= now) and 'expired' or 'active')
end
`;

/**
 * KEYS newest. ARGV limit, after ('' for the first page), keys to look at, state ('' for any), now
 * → {the last that was looked at, or false at the end; ids…}.
 */
export const PAGE = `${HAS_STATE}
local limit, most, state, now = tonumber(ARGV[1]), tonumber(ARGV[3]), ARGV[4], tonumber(ARGV[5])
local first = 0
if ARGV[2] ~= '' then
  local rank = redis.call('ZREVRANK', KEYS[1], ARGV[2])
  if not rank then return {false} end
  first = rank + 1
end
local ids = redis.call('ZREVRANGE', KEYS[1], first, first + most - 1)
local page = {#ids == most and ids[most]}
for _, id in ipairs(ids) do
  if #page > limit then break end
  if state == '' or hasState(id, state, now) then page[#page + 1] = id end
end
return page
`;

/** ARGV state, now, ids… → those in the state. */
export const IN_STATE = `${HAS_STATE}
local found = {}
for i = 3, #ARGV do
  if hasState(ARGV[i], ARGV[1], tonumber(ARGV[2])) then found[#found + 1] = ARGV[i] end
end
return found
`;

/**
 * KEYS activity. ARGV entries to keep, then time and entry by turns. The first number of an id is the time, or the one
 * of the entry before where that is later, so that ids grow whatever the clocks say. Old entries go a node at a time.
 */
export const APPEND_ACTIVITY = `
local newest = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
local at = newest and tonumber(string.match(newest[1], '^%d+')) or 1
for i = 2, #ARGV, 2 do
  at = math.max(at, tonumber(ARGV[i]))
  local id = string.format('%.0f', at) .. '-*'
  redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[1], id, 'entry', ARGV[i + 1])
end
`;

/** KEYS records… ARGV times…, by turns of the keys. Unknown records stay unknown. */
export const TOUCH = `
for i, key in ipairs(KEYS) do
  local before = redis.call('HGET', key, 'lastUsedAt')
  if redis.call('EXISTS', key) == 1 and (not before or tonumber(before) < tonumber(ARGV[i])) then
    redis.call('HSET', key, 'lastUsedAt', ARGV[i])
  end
end
`;

const NOW = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
`;

/**
 * KEYS changes, count → {id of the newest entry, its number}. A log that is new or lost is begun by an entry that says
 * that all may have changed: so its beginning is another one than that of any log before it.
 */
export const NEWEST = `${APPEND}
if redis.call('EXISTS', KEYS[1]) == 0 then append(KEYS[1], KEYS[2], 'all') end
return {newestId(KEYS[1]), tonumber(redis.call('GET', KEYS[2]) or 0)}
`;

/**
 * KEYS followers, applied, closed, changes, count. ARGV follower, n, id of entry n, how long it is waited for in ms, then
 * by turns the number of an entry and how many streams were closed because of it → 1 granted, 0 behind, -1 diverged.
 *
 * What it has applied must be the log up to `n`: else it holds what nobody wrote. Where nobody waited for it (it is not
 * registered, or its time is over), it must have applied all: a change may have been reported as done without it.
 */
export const REGISTER = `${ALWAYS}${NOW}${NEWEST_ID}
for i = 5, #ARGV, 2 do
  redis.call('HINCRBY', KEYS[3], ARGV[i], ARGV[i + 1])
  redis.call('PEXPIRE', KEYS[3], 3600000)
end
local n, count = tonumber(ARGV[2]), tonumber(redis.call('GET', KEYS[5]) or 0)
if n > count then return -1 end
if n == count then
  if newestId(KEYS[4]) ~= ARGV[3] then return -1 end
else
  local nextOne = redis.call('XRANGE', KEYS[4], '(' .. ARGV[3], '+', 'COUNT', 1)[1]
  if not nextOne or tonumber(nextOne[2][2]) ~= n + 1 or nextOne[2][4] ~= ARGV[3] then return -1 end
  local left = redis.call('ZSCORE', KEYS[1], ARGV[1])
  if not left or tonumber(left) <= now then return 0 end
end
redis.call('ZADD', KEYS[1], now + ARGV[4], ARGV[1])
redis.call('HSET', KEYS[2], ARGV[1], n)
return 1
`;

/**
 * KEYS followers, applied, count. ARGV n → by turns the name of one that is registered, what it has applied, and the ms
 * that are left; nil where the log has lost entry n.
 */
export const FOLLOWERS = `${ALWAYS}${NOW}
if tonumber(redis.call('GET', KEYS[3]) or 0) < tonumber(ARGV[1]) then return nil end
for _, gone in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now)) do
  redis.call('ZREM', KEYS[1], gone)
  redis.call('HDEL', KEYS[2], gone)
end
local flat = {}
local all = redis.call('ZRANGE', KEYS[1], 0, -1, 'WITHSCORES')
for i = 1, #all, 2 do
  flat[#flat + 1] = all[i]
  flat[#flat + 1] = tonumber(redis.call('HGET', KEYS[2], all[i]) or 0)
  flat[#flat + 1] = math.ceil(tonumber(all[i + 1]) - now)
end
return flat
`;

/** KEYS followers, applied. ARGV follower. */
export const LEAVE = `
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('HDEL', KEYS[2], ARGV[1])
`;

/** KEYS mark → how many replicas are connected to the server that holds it. */
export const REPLICAS = `
return tonumber(string.match(redis.call('INFO', 'replication'), 'connected_slaves:(%d+)') or 0)
`;

/** KEYS mark. Writes something, however little. */
export const MARK = `${ALWAYS}redis.call('SET', KEYS[1], 1, 'PX', 60000)
`;
