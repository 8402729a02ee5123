import { COMMON_OPTIONS, EXIT_CODES, type Help, NO_WAIT } from "./command.ts";

const ID = "ID is the public id of a key, key_…, as `keys list` shows it; never the key itself.";

/** Help of each action of `portcullis keys`. */
export const KEY_ACTIONS = {
  create: {
    usage:
      "portcullis keys create --name N --scope S [--scope S …] [--portal P] [--expires TIME] [--subject WHO] [--config FILE] [--json]",
    details: `Prints the key alone on standard output, once; what was granted goes to standard error.

  --name N        what the key is for, in words
  --scope S       a scope of the catalogue; again, or with commas, for more
  --portal P      the one portal that it may act on (default: ALL portals)
  --expires TIME  such as 30m, 12h or 90d (default: never)
  --subject WHO   whom it speaks for; the service gets it (default: whoever makes it)
${COMMON_OPTIONS}

${EXIT_CODES}

Example: KEY=$(portcullis keys create --name "nightly export" --scope tickets:read --portal acme)`,
  },
  list: {
    usage: "portcullis keys list [--limit N] [--after ID] [--config FILE] [--json]",
    details: `Newest first.

  --limit N       1 to 1000 (default: 100)
  --after ID      the last id of the page before
${COMMON_OPTIONS}

${EXIT_CODES}

Example: portcullis keys list --limit 20`,
  },
  show: {
    usage: "portcullis keys show ID [--config FILE] [--json]",
    details: `${ID}

${COMMON_OPTIONS}

${EXIT_CODES}

Example: portcullis keys show key_4VVDaDCtDQHdGxC4A3Ut`,
  },
  revoke: {
    usage: "portcullis keys revoke ID [--no-wait] [--config FILE] [--json]",
    details: `Final: the key is refused from the next request on, on every instance, and its streams are closed. To revoke it
again changes nothing, and waits again.
${ID}

${NO_WAIT}
${COMMON_OPTIONS}

${EXIT_CODES}

Example: portcullis keys revoke key_4VVDaDCtDQHdGxC4A3Ut`,
  },
  rotate: {
    usage: "portcullis keys rotate ID [--overlap TIME] [--config FILE] [--json]",
    details: `Makes a key in place of another, with its name, scopes, portal and lifetime, and prints it as \`create\` does.
${ID}

  --overlap TIME  how long the old key goes on, such as 1h (default 0: the old key stops now)
${COMMON_OPTIONS}

${EXIT_CODES}

Example: portcullis keys rotate key_4VVDaDCtDQHdGxC4A3Ut --overlap 1h`,
  },
} as const satisfies Readonly<Record<string, Help>>;
