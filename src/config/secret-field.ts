import { z } from "zod";

const WEAK = /changeme|secret-secret|password|example/i;

/** A secret that Portcullis keys something with. Empty, short and well-known ones are refused. */
export const secret = z
  .string({ error: "expected text" })
  .min(32, "a secret needs 32 characters or more")
  .refine((value) => !/^(.)\1*$/s.test(value), "a secret of one repeated character is weak")
  .refine((value) => !WEAK.test(value), "the secret looks like a placeholder; use random characters");
