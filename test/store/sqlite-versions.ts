/** Takes a database file back to the version before there was activity, and a search for keys. */
export const BEFORE_ACTIVITY = `
  DROP INDEX keys_by_name;
  DROP INDEX keys_by_last4;
  DROP INDEX keys_revoked;
  DROP INDEX keys_expiring;
  DROP INDEX keys_not_revoked;
  ALTER TABLE keys DROP COLUMN search_name;
  DROP TABLE activity;
  DROP TABLE followers;
  DROP TABLE closed_streams;
  PRAGMA user_version = 2;`;
