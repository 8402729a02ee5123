import { activityOperations } from "./activity.ts";
import { catalogueOperations } from "./catalogue.ts";
import { clientOperations } from "./clients.ts";
import { explainOperations } from "./explain.ts";
import { grantOperations } from "./grants.ts";
import { keyOperations } from "./keys.ts";
import { mcpAccessOperations } from "./mcp-access.ts";
import type { Operation } from "./operation.ts";
import { peopleOperations } from "./people.ts";
import { sessionOperations } from "./sessions.ts";
import { statusOperations } from "./status.ts";
import { tokenOperations } from "./tokens.ts";

/** Every operation of the API, but for its own description. */
export const OPERATIONS: readonly Operation[] = [
  ...mcpAccessOperations,
  ...statusOperations,
  ...keyOperations,
  ...clientOperations,
  ...grantOperations,
  ...peopleOperations,
  ...sessionOperations,
  ...activityOperations,
  ...explainOperations,
  ...catalogueOperations,
  ...tokenOperations,
];
