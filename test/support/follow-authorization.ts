/** What `BROWSER` starts in tests: a person who signs in, approves, and comes back to the client. */
import { authorize } from "./person-at-browser.ts";

const { PERSON_EMAIL: email = "", PERSON_PASSWORD: password = "", PERSON_PORTAL: portal } = process.env;
const url = process.argv[2] ?? "";
const redirect = await authorize(url, { email, password }, portal === undefined ? {} : { portal });
const answer = await fetch(redirect);
if (!answer.ok) throw new Error(`the client refused what came back: ${answer.status}`);
