import { RECORD_FIELDS } from "./redis-layout.ts";

/*
 * Each change is one script: the record and its entry in the change log are written together or not at all.
 * Scripts are sent whole (EVAL): changes are rare, and a restarted server or another node knows no stored ones.
 */

const FIELDS = RECORD_FIELDS.map((field) => `'${field}'`).join(", ");

/** Appends to the change log. `n` counts the entries, so that a follower sees a gap. Returns `n`. */
export const APPEND = `
local function append(changes, count, tags)
  local n = redis.call('INCR', count)
  redis.call('XADD', changes, 'MAXLEN', '~', 10000, '*', 'n', n, 'tags', tags)
  return n
end
`;

const INSERT = `
local function insert(record, digests, newest, id, digest, at, first)
  local fields = {}
  for i = first, #ARGV do fields[#fields + 1] = ARGV[i] end
  redis.call('HSET', record, unpack(fields))
  redis.call('HSET', digests, digest, id)
  redis.call('ZADD', newest, at, id)
end
`;

/** KEYS record, digests, newest, changes, count. ARGV id, digest, createdAt, tags, fields… → n, or 0: exists. */
export const CREATE = `${APPEND}${INSERT}
if redis.call('EXISTS', KEYS[1]) == 1 or redis.call('HEXISTS', KEYS[2], ARGV[2]) == 1 then return 0 end
insert(KEYS[1], KEYS[2], KEYS[3], ARGV[1], ARGV[2], ARGV[3], 5)
return append(KEYS[4], KEYS[5], ARGV[4])
`;

/**
 * KEYS record, changes, count. ARGV at, credential's tag → {n, record}, or nil where unknown. A repeated call
 * appends again, so that it too waits for those who have not applied the first entry yet.
 */
export const REVOKE = `${APPEND}
local digest = redis.call('HGET', KEYS[1], 'digest')
if not digest then return nil end
redis.call('HSETNX', KEYS[1], 'revokedAt', ARGV[1])
return {append(KEYS[2], KEYS[3], ARGV[2] .. ' digest:' .. digest), redis.call('HMGET', KEYS[1], ${FIELDS})}
`;

/**
 * KEYS old record, new record, digests, newest, changes, count.
 * ARGV old expiresAt, now, tags, new id, digest, createdAt, fields… → {n, old record}, or -1 unknown, -2 not active,
 * -3 exists.
 */
export const ROTATE = `${APPEND}${INSERT}
if redis.call('EXISTS', KEYS[1]) == 0 then return -1 end
local state = redis.call('HMGET', KEYS[1], 'revokedAt', 'replacedBy', 'expiresAt', 'digest')
if state[1] or state[2] or (state[3] and tonumber(state[3]) <= tonumber(ARGV[2])) then return -2 end
if redis.call('EXISTS', KEYS[2]) == 1 or redis.call('HEXISTS', KEYS[3], ARGV[5]) == 1 then return -3 end
redis.call('HSET', KEYS[1], 'expiresAt', ARGV[1], 'replacedBy', ARGV[4])
insert(KEYS[2], KEYS[3], KEYS[4], ARGV[4], ARGV[5], ARGV[6], 7)
local n = append(KEYS[5], KEYS[6], ARGV[3] .. ' digest:' .. state[4])
return {n, redis.call('HMGET', KEYS[1], ${FIELDS})}
`;

/** KEYS newest. ARGV limit, after ('' for the first page) → ids. */
export const PAGE = `
local first = 0
if ARGV[2] ~= '' then
  local rank = redis.call('ZREVRANK', KEYS[1], ARGV[2])
  if not rank then return {} end
  first = rank + 1
end
return redis.call('ZREVRANGE', KEYS[1], first, first + ARGV[1] - 1)
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

/** KEYS followers, applied. ARGV follower, n, registration in ms. */
export const REPORT = `${NOW}
redis.call('ZADD', KEYS[1], now + ARGV[3], ARGV[1])
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
`;

/** KEYS followers, applied. ARGV n → the followers that live and have not applied entry n. */
export const LATE = `${NOW}
for _, gone in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now)) do
  redis.call('ZREM', KEYS[1], gone)
  redis.call('HDEL', KEYS[2], gone)
end
local late = {}
for _, follower in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  if tonumber(redis.call('HGET', KEYS[2], follower) or 0) < tonumber(ARGV[1]) then late[#late + 1] = follower end
end
return late
`;

/** KEYS followers, applied. ARGV follower. */
export const LEAVE = `
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('HDEL', KEYS[2], ARGV[1])
`;
