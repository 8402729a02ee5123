import { COMMON_OPTIONS, EXIT_CODES, type Help, NO_WAIT } from "./command.ts";

const WHO = "WHO is the email of a person, or their id, usr_…, as `users list` shows them.";
const PASSWORD = `The password is asked for twice, without echo. It has 12 to 256 characters of any kind.`;
const FROM_INPUT = "  --password-stdin  take the password from standard input, to the end of its first line";

/** Help of each action of `portcullis users`. */
export const USER_ACTIONS = {
  add: {
    usage:
      "portcullis users add --email E --name N [--admin] [--scope S …] [--portal P …] [--password-stdin] [--config FILE] [--json]",
    details: `Adds somebody who signs in with a password. ${PASSWORD}

  --email E         what they sign in with
  --name N          their name
  --admin           they are an administrator (default: a member)
  --scope S         what they may grant to a client; again, or with commas, for more (default: all scopes)
  --portal P        where; again, or with commas, for more (default: all portals)
${FROM_INPUT}
${COMMON_OPTIONS}

${EXIT_CODES}

Example: portcullis users add --email mara@example.com --name "Mara Lind" --admin`,
  },
  list: {
    usage: "portcullis users list [--limit N] [--after ID] [--config FILE] [--json]",
    details: `Newest first.

  --limit N       1 to 1000 (default: 100)
  --after ID      the last id of the page before
${COMMON_OPTIONS}

${EXIT_CODES}

Example: portcullis users list --limit 20`,
  },
  show: {
    usage: "portcullis users show WHO [--config FILE] [--json]",
    details: `${WHO}

${COMMON_OPTIONS}

${EXIT_CODES}

Example: portcullis users show mara@example.com`,
  },
  passwd: {
    usage: "portcullis users passwd WHO [--password-stdin] [--config FILE] [--json]",
    details: `Sets the password, signs the person out everywhere, and ends every token that they granted, from the next
request on: whoever knew the old password may have granted some. ${PASSWORD}
${WHO}

${FROM_INPUT}
${COMMON_OPTIONS}

${EXIT_CODES}

Example: portcullis users passwd mara@example.com`,
  },
  disable: {
    usage: "portcullis users disable WHO [--no-wait] [--config FILE] [--json]",
    details: `Signs the person out everywhere, and ends every token that they granted, from the next request on. What they
granted stays ended when they are enabled again. The last administrator cannot be disabled.
${WHO}

${NO_WAIT}
${COMMON_OPTIONS}

${EXIT_CODES}

Example: portcullis users disable mara@example.com`,
  },
  enable: {
    usage: "portcullis users enable WHO [--config FILE] [--json]",
    details: `The person may sign in again.
${WHO}

${COMMON_OPTIONS}

${EXIT_CODES}

Example: portcullis users enable mara@example.com`,
  },
  edit: {
    usage:
      "portcullis users edit WHO [--name N] [--role admin|member] [--scope S … | --all-scopes] [--portal P … | --all-portals] [--config FILE] [--json]",
    details: `What is left out stays. Tokens have the new rights from the next request on. Of somebody who signs in through the
company, the next sign-in sets all of it anew.
${WHO}

  --name N        their name
  --role ROLE     admin or member; the last administrator stays one
  --scope S       the scopes that they may grant, in place of those of before; again, or with commas, for more
  --all-scopes    every scope of the catalogue as it is now
  --portal P      where, in place of before; again, or with commas, for more
  --all-portals   everywhere
${COMMON_OPTIONS}

${EXIT_CODES}

Example: portcullis users edit mara@example.com --scope tickets:read --portal acme`,
  },
} as const satisfies Readonly<Record<string, Help>>;
