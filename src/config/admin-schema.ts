import { pathPrefix, section } from "./fields.ts";

/** `admin:` of the configuration. */
export const adminSection = section({
  public_path: pathPrefix
    .optional()
    .describe(
      "Where the public listener has the pages and the API of administrators as well, such as /admin; the API is under PATH/api/v1. Left out, they are on the admin listener alone.",
    ),
});
