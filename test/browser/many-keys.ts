import { DatabaseSync } from "node:sqlite";
import type { RedisServer } from "../support/redis.ts";

/** Keys that are written straight into a store: `Service 000042`, with ids in that order. */

/** Writes them into a database that has its tables. */
export function fillSqlite(file: string, count: number): void {
  const raw = new DatabaseSync(file);
  raw.exec(`
    WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < ${count - 1})
    INSERT INTO keys (id, digest, name, search_name, subject, scopes, last4, created_at, created_by)
    SELECT printf('key_%020d', i), printf('%064x', i), printf('Service %06d', i), printf('service %06d', i), 'seed',
           '["tickets:read"]', printf('%04d', i % 10000), i, 'seed' FROM n`);
  raw.close();
}

export async function fillRedis(redis: RedisServer, count: number): Promise<void> {
  const script = [
    `for i = 0, ${count - 1} do`,
    "local id = string.format('key_%020d', i)",
    "local last4 = string.format('%04d', i % 10000)",
    "local member = string.format('service %06d', i) .. string.char(0) .. id",
    "redis.call('HSET', '{portcullis}:key:' .. id, 'id', id, 'digest', string.format('%064x', i),",
    "'name', string.format('Service %06d', i), 'subject', 'seed', 'scopes', '[]', 'last4', last4,",
    "'createdAt', i, 'createdBy', 'seed')",
    "redis.call('ZADD', '{portcullis}:keys', i, id)",
    "redis.call('ZADD', '{portcullis}:keys:names', 0, member)",
    "redis.call('ZADD', '{portcullis}:keys:last4', 0, last4 .. string.char(0) .. member)",
    "end",
  ].join(" ");
  const answer = await redis.command(`EVAL "${script}" 0`);
  if (answer.startsWith("-")) throw new Error(answer);
}

/** A statistic of Redis since it was started, of `INFO stats`. */
export async function statistic(redis: RedisServer, name: string): Promise<number> {
  const script = `return tonumber(string.match(redis.call('INFO', 'stats'), '${name}:(%d+)'))`;
  const answer = await redis.command(`EVAL "${script}" 0`);
  if (!answer.startsWith(":")) throw new Error(answer);
  return Number(answer.slice(1));
}
