export { formatProblem, type Loaded, type Problem, sortProblems } from "../core/problem.ts";

/** The environment that `${NAME}` is read from. */
export type Env = Readonly<Record<string, string | undefined>>;
