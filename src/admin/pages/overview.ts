import { hiddenField, notice } from "../../web/fields.ts";
import { type Html, html } from "../../web/html.ts";
import { moment } from "../../web/time.ts";
import { confirmPage } from "./confirm.ts";
import { type Minute, trafficChart } from "./chart.ts";
import { choiceField } from "./form-fields.ts";
import { type Frame, postForm, primaryLink, settingsPage } from "./frame.ts";
import { badge, card, dataTable, facts } from "./parts.ts";
import { withQuery } from "./paths.ts";
import { reasonWords } from "./reason-words.ts";

export type PolicyChoice = "approved" | "open" | "off";

export interface OverviewView {
  /** `null` where the store does not tell. */
  readonly mcpAccess: boolean | null;
  /** When it was switched off last; `null` is never. */
  readonly mcpOffAt: number | null;
  readonly clientPolicy: PolicyChoice | null;
  /** Of the settings that are shown. */
  readonly version: number;
  readonly traffic: {
    /** Oldest first; the last one is under way. */
    readonly minutes: readonly Minute[];
    readonly refusedBy: readonly { readonly reason: string; readonly count: number }[];
    readonly openStreams: number;
  };
  readonly instance: { readonly name: string; readonly version: string; readonly rules: string };
  readonly store: { readonly kind: string; readonly up: boolean };
  /** Nobody has a key or a client yet. */
  readonly isNew: boolean;
}

/** `Settings › MCP Access`: the switch, what is connected now, who may become a client. */
export function overviewPage(frame: Frame, view: OverviewView): Html {
  return settingsPage(frame, {
    tab: "access",
    title: "MCP Access",
    lead: "Lets AI tools and other applications act on your portals, as far as you and your people allow.",
    action: primaryLink("Create API key", frame.paths.newKey),
    script: "live",
    body: html`${begin(frame, view)} ${switchCard(frame, view)} ${connectedNow(frame, view)} ${policyCard(frame, view)}`,
  });
}

function begin({ paths }: Frame, { isNew }: OverviewView): Html | null {
  if (!isNew) return null;
  return notice(
    "info",
    html`Nothing is connected yet. <a href="${paths.newKey}">Create an API key</a> for a script, or
      <a href="${paths.newClient}">add a client</a> that people sign in with.`,
  );
}

function switchCard(frame: Frame, { mcpAccess, mcpOffAt, version }: OverviewView): Html {
  const { paths } = frame;
  if (mcpAccess === null) {
    return card("MCP access", html`<p>${badge("warning", "Not known")} Our records cannot be read now.</p>`);
  }
  if (mcpAccess) {
    return html`<section class="card switch on">
      <h2>MCP access ${badge("success", "On")}</h2>
      <p>Approved MCP clients can connect. API keys with the right scopes can use MCP routes.</p>
      <p class="row"><a class="button danger" href="${paths.mcpSwitch}">Switch off…</a></p>
    </section>`;
  }
  const since = mcpOffAt === null ? null : html` It was switched off ${moment(mcpOffAt, frame.now)}.`;
  const on = html`${hiddenField("mcp_access", "on")}${hiddenField("version", String(version))}
    <button type="submit" class="primary">Switch on</button>`;
  return html`<section class="card switch off">
    <h2>MCP access ${badge("danger", "Off")}</h2>
    <p>MCP routes refuse everyone, and no application can sign in.${since} Everybody connects anew once it is on.</p>
    ${postForm(frame, paths.mcpSwitch, on)}
  </section>`;
}

function connectedNow(frame: Frame, view: OverviewView): Html {
  const { minutes, refusedBy, openStreams } = view.traffic;
  // The last minute is under way: the one before says how many there are a minute.
  const full = minutes.at(-2) ?? minutes.at(-1) ?? { at: 0, allowed: 0, refused: 0 };
  const refusedHour = refusedBy.reduce((sum, { count }) => sum + count, 0);
  return html`<section class="card" aria-labelledby="now" data-status="${frame.paths.status}">
    <h2 id="now">Connected now</h2>
    <div class="numbers">
      ${number("Requests a minute", "perMinute", full.allowed + full.refused)}
      ${number("Refused in the last hour", "refused", refusedHour)}
      ${number("Open streams", "openStreams", openStreams)}
    </div>
    ${trafficChart(minutes)} ${refusals(frame, refusedBy)}
    ${facts([
      ["This instance", html`<code>${view.instance.name}</code>, version ${view.instance.version}`],
      ["Rules in force", html`<code>${view.instance.rules}</code>`],
      [
        "Records",
        html`${view.store.kind} ${view.store.up ? badge("success", "Answers") : badge("danger", "Out of reach")}`,
      ],
    ])}
  </section>`;
}

function number(label: string, name: string, value: number): Html {
  return html`<div class="number-box">
    <p class="number-label">${label}</p>
    <p class="number-value" data-live="${name}">${value}</p>
  </div>`;
}

function refusals({ paths }: Frame, refusedBy: OverviewView["traffic"]["refusedBy"]): Html {
  if (refusedBy.length === 0) return html`<p class="hint">Nothing was refused in the last hour.</p>`;
  const rows = refusedBy.map(({ reason, count }) => [
    html`${reasonWords(reason).text} <code>${reason}</code>`,
    String(count),
    html`<a href="${withQuery(paths.activity, { reason, decision: "deny" })}"
      >Show<span class="sr"> ${reason}</span></a
    >`,
  ]);
  const columns = [
    { label: "Refused because", look: "main" },
    { label: "Requests", look: "number" },
    { label: "Activity" },
  ] as const;
  return html`<h3>Refused in the last hour, by reason</h3>
    ${dataTable("Refused in the last hour, by reason", columns, rows)}`;
}

const POLICIES: readonly { readonly value: PolicyChoice; readonly label: string; readonly hint: string }[] = [
  {
    value: "approved",
    label: "With an administrator's approval",
    hint: "Applications may register themselves and then wait until an administrator approves them. Recommended.",
  },
  {
    value: "open",
    label: "All that register themselves",
    hint: "They are approved at once. People still decide what each of them may do in their name.",
  },
  { value: "off", label: "None but those that administrators add", hint: "Applications cannot register themselves." },
];

function policyCard(frame: Frame, { clientPolicy, version }: OverviewView): Html | null {
  if (clientPolicy === null) return null;
  const body = html`${hiddenField("version", String(version))}
    ${choiceField({
      type: "radio",
      name: "policy",
      legend: "Which applications may become clients",
      hint: "Clients that there are stay as they are.",
      choices: POLICIES.map((policy) => ({ ...policy, checked: policy.value === clientPolicy })),
    })}
    <div class="actions"><button type="submit" class="primary">Save</button></div>`;
  return card("MCP client settings", postForm(frame, frame.paths.clientPolicy, body));
}

export interface SwitchOffView {
  readonly version: number;
  /** Grants in force that end; `more` where there are more than were counted. */
  readonly grants: { readonly count: number; readonly more: boolean };
  readonly openStreams: number;
}

/** Asks before MCP access is switched off. Posts `mcp_access`, `version` and `csrf`. */
export function switchOffPage(frame: Frame, { version, grants, openStreams }: SwitchOffView): Html {
  const { count, more } = grants;
  const apps = count === 1 && !more ? "1 connected app ends" : `${count}${more ? " or more" : ""} connected apps end`;
  return confirmPage(frame, {
    tab: "access",
    title: "Switch off MCP access?",
    heading: "Switch off MCP access?",
    body: html`<p>From then on, at once:</p>
      <ul>
        <li><strong>${apps}</strong>, with every access and refresh token. People have to allow them anew.</li>
        <li>MCP routes refuse everyone, API keys too. Open streams now: ${openStreams}.</li>
        <li>No application can sign in, and no device can be connected.</li>
      </ul>
      <p>API keys keep working on routes that are not MCP. You can switch MCP access on again at any time.</p>`,
    warning: "What ends now stays ended, also after MCP access is on again.",
    action: frame.paths.mcpSwitch,
    button: "Switch off MCP access",
    cancel: frame.paths.home,
    version,
  });
}
