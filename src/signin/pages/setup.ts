import type { Chrome } from "../../web/chrome.ts";
import { hiddenField, problemSummary, textField } from "../../web/fields.ts";
import { type Html, html } from "../../web/html.ts";
import { layout } from "../../web/layout.ts";

export interface SetupForm {
  readonly action: string;
  readonly csrf: string;
  /** Of the one-time link. */
  readonly token: string;
  readonly email: string;
  readonly name: string;
  /** By field: `email`, `name`, `password`; `""` for the whole form. */
  readonly problems: Readonly<Record<string, string>>;
}

const LABELS = { email: "Email", name: "Name", password: "Password" };

/** Makes the first administrator. Posts `csrf`, `token`, `email`, `name` and `password`. */
export function setupPage(chrome: Chrome, form: SetupForm): Html {
  const problemOf = (field: string): string | null =>
    Object.hasOwn(form.problems, field) ? (form.problems[field] ?? null) : null;
  const summary = problemSummary(form.problems, LABELS);
  const body = html`${summary}
    <h1>Create the first administrator</h1>
    <p>The link that brought you here works once. The administrator can add people and approve applications.</p>
    <form method="post" action="${form.action}">
      ${hiddenField("csrf", form.csrf)} ${hiddenField("token", form.token)}
      ${textField({
        name: "email",
        label: LABELS.email,
        type: "email",
        value: form.email,
        problem: problemOf("email"),
        autocomplete: "username",
        inputmode: "email",
        verbatim: true,
        maxlength: 254,
        autofocus: summary === null,
      })}
      ${textField({ name: "name", label: LABELS.name, value: form.name, problem: problemOf("name"), autocomplete: "name", maxlength: 100 })}
      ${textField({
        name: "password",
        label: LABELS.password,
        type: "password",
        hint: "At least 12 characters. A few words that do not belong together are good.",
        problem: problemOf("password"),
        autocomplete: "new-password",
        minlength: 12,
        maxlength: 256,
      })}
      <div class="actions"><button type="submit" class="primary">Create administrator</button></div>
    </form>`;
  return layout(chrome, { title: "Create the first administrator", body });
}
