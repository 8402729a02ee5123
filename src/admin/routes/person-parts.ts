import type { FastifyReply } from "fastify";
import type { PersonChanged } from "../../administration/administration.ts";
import { isPersonId } from "../../core/ids.ts";
import { randomBase62 } from "../../credentials/key-format.ts";
import type { PersonRecord } from "../../store/people.ts";
import type { Desk, Handler, Visit } from "./desk.ts";
import { textParameter } from "./forms.ts";
import type { NoticeCode } from "./notices.ts";

/** 155 bits: nobody has to remember it. */
const PASSWORD_LENGTH = 26;

/** A password for somebody, to be shown once. */
export function newPassword({ randomBytes }: Pick<Desk, "randomBytes">): string {
  return randomBase62(PASSWORD_LENGTH, randomBytes);
}

/** Does something with the person that the path names. */
export function withPerson(work: (visit: Visit, record: PersonRecord) => Promise<FastifyReply>): Handler {
  return async (visit) => {
    const id = textParameter(visit.request.params, "id");
    const record = isPersonId(id) ? await visit.desk.administration.people.get(id) : null;
    return record === null ? personNotFound(visit) : work(visit, record);
  };
}

/** Says that there is nobody of this id. */
export function personNotFound({ desk, stop }: Visit): Promise<FastifyReply> {
  const link = { label: "See the people", href: desk.paths.people };
  return stop(404, { tab: "people", title: "There is no such person", text: "The id is not known here.", link });
}

/** Why somebody stays as they are. */
export const LAST_ADMINISTRATOR =
  "Nobody else is an administrator who may sign in. Make somebody else an administrator first.";

/** Leads to the person, or says why nothing was done. */
export function told(
  visit: Visit,
  { id }: PersonRecord,
  outcome: PersonChanged,
  code: NoticeCode,
): Promise<FastifyReply> | FastifyReply {
  const { desk, leadTo, stop } = visit;
  const href = desk.paths.person(id);
  switch (outcome.kind) {
    case "changed":
      return leadTo(href, code);
    case "unchanged":
      return leadTo(href, "unchanged");
    case "not_found":
      return personNotFound(visit);
    case "last_administrator":
      return stop(409, {
        tab: "people",
        title: "Nothing was changed",
        text: LAST_ADMINISTRATOR,
        link: { label: "Back", href },
      });
    case "conflict": {
      const text = "Nothing was written. Look at how the person is now, and decide again.";
      const link = { label: "See how it is now", href };
      return stop(409, { tab: "people", title: "Somebody changed this meanwhile", text, link });
    }
  }
}
