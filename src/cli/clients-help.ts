import { COMMON_OPTIONS, EXIT_CODES, type Help, NO_WAIT } from "./command.ts";

const ID = "ID is the id of a client, client_… or the URL of its metadata document, as `clients list` shows it.";

/** Help of each action of `portcullis clients`. */
export const CLIENT_ACTIONS = {
  add: {
    usage:
      "portcullis clients add --name N [--redirect-uri URI …] [--confidential] [--grant-type G …] [--scope S …] [--portal P] [--config FILE] [--json]",
    details: `Prints the client id and, of a confidential client, its secret, on standard output, once.

  --name N            what people are shown
  --redirect-uri URI  https, or http on 127.0.0.1, [::1] or localhost; again for more
  --confidential      the client can keep a secret, and gets one
  --grant-type G      authorization_code, refresh_token, device_code, client_credentials; again, or with commas,
                      for more
                      (default: the code flow with redirect URIs; the device flow without; client_credentials
                      for a confidential client without)
  --scope S           what it may be given at most; again, or with commas, for more (default: all)
  --portal P          the one portal that it may act on (default: ALL portals)
${COMMON_OPTIONS}

${EXIT_CODES}

Example: portcullis clients add --name "Desk app" --redirect-uri https://app.example.com/callback`,
  },
  list: {
    usage: "portcullis clients list [--limit N] [--config FILE] [--json]",
    details: `Those that wait for approval first, then approved ones, then disabled ones; newest first in each.

  --limit N       1 to 1000 (default: 100)
${COMMON_OPTIONS}

${EXIT_CODES}

Example: portcullis clients list`,
  },
  show: {
    usage: "portcullis clients show ID [--config FILE] [--json]",
    details: `${ID}

${COMMON_OPTIONS}

${EXIT_CODES}

Example: portcullis clients show client_4VVDaDCtDQHdGxC4A3Ut`,
  },
  approve: {
    usage: "portcullis clients approve ID [--scope S …] [--portal P] [--config FILE] [--json]",
    details: `Lets in a client that registered itself. ${ID}

  --scope S       give it these at most; again, or with commas, for more (default: what it asked for)
  --portal P      the one portal that it may act on
${COMMON_OPTIONS}

${EXIT_CODES}

Example: portcullis clients approve client_4VVDaDCtDQHdGxC4A3Ut --scope tickets:read`,
  },
  disable: {
    usage: "portcullis clients disable ID [--no-wait] [--config FILE] [--json]",
    details: `Refuses a client from now on, and ends for good what people allowed it. ${ID}

${NO_WAIT}
${COMMON_OPTIONS}

${EXIT_CODES}

Example: portcullis clients disable client_4VVDaDCtDQHdGxC4A3Ut`,
  },
  enable: {
    usage: "portcullis clients enable ID [--config FILE] [--json]",
    details: `Lets a disabled client in again; people have to allow it anew. ${ID}

${COMMON_OPTIONS}

${EXIT_CODES}

Example: portcullis clients enable client_4VVDaDCtDQHdGxC4A3Ut`,
  },
  "rotate-secret": {
    usage: "portcullis clients rotate-secret ID [--config FILE] [--json]",
    details: `Gives a confidential client a new secret and prints it alone on standard output. The old one stops at once. ${ID}

${COMMON_OPTIONS}

${EXIT_CODES}

Example: SECRET=$(portcullis clients rotate-secret client_4VVDaDCtDQHdGxC4A3Ut)`,
  },
  policy: {
    usage: "portcullis clients policy [approved | open | off] [--config FILE] [--json]",
    details: `Tells, or sets, who may become a client. Those that are clients stay so.

  approved        clients may register, and wait until an administrator approves them
  open            clients that register may be used at once
  off             only an administrator adds clients
${COMMON_OPTIONS}

${EXIT_CODES}

Example: portcullis clients policy off`,
  },
} as const satisfies Readonly<Record<string, Help>>;
