import { pathPrefix, section } from "./fields.ts";

/** `admin:` of the configuration. */
export const adminSection = section({
  public_path: pathPrefix
    .optional()
    .describe(
      "Where the public listener has the pages and the API of administrators as well, such as /admin; the API is under PATH/api/v1. They are then on the origin of the services behind, and a script that gets into a page of theirs can act as an administrator who is signed in: set it only where you trust those pages as much as Portcullis. Left out, they are on the admin listener alone.",
    ),
});
