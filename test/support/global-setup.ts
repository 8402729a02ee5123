/** Runs once before all tests. Starts nothing yet: each suite that needs a service starts its own. */
export default function setup(): void {
  process.env["NODE_ENV"] = "test";
}
