/** The environment that `${NAME}` is read from. */
export type Env = Readonly<Record<string, string | undefined>>;

const REFERENCE = /\$\$\{|\$\{([^}]*)(\}?)/g;
const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** A reference that could not be replaced. `written` is the reference as it stands in the text. */
export interface BrokenReference {
  readonly written: string;
  readonly message: string;
}

export interface Expanded {
  readonly text: string;
  readonly broken: readonly BrokenReference[];
}

/**
 * Replaces each `${NAME}` by the variable; `$${` is a literal `${`. What is put in is not looked at again.
 * A missing variable is broken, an empty one is not.
 */
export function expandEnvironment(text: string, env: Env): Expanded {
  if (!text.includes("${")) return { text, broken: [] };
  const broken: BrokenReference[] = [];
  const expanded = text.replace(REFERENCE, (written: string, name: string | undefined, close: string | undefined) => {
    if (name === undefined) return "${";
    const value = Object.hasOwn(env, name) ? env[name] : undefined;
    if (close === "") broken.push({ written, message: "`${` without `}`; write `$${` for the characters themselves" });
    else if (!NAME.test(name)) broken.push({ written, message: `not the name of a variable: ${written}` });
    else if (value === undefined) broken.push({ written, message: `environment variable ${name} is not set` });
    return value ?? "";
  });
  return { text: expanded, broken };
}
