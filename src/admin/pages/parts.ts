import { type Html, html, type HtmlValue } from "../../web/html.ts";
import { exactTime, moment, relative } from "../../web/time.ts";
import { foreign } from "../../web/foreign-text.ts";

export interface Column {
  readonly label: string;
  /** `main` heads the row's card on a narrow screen; `act` holds buttons and has no heading to be seen. */
  readonly look?: "main" | "number" | "act";
}

/**
 * A table that scrolls in its own frame, and on a narrow screen is a list of cards. The roles say what the elements are
 * where the style sheet takes that from them.
 */
export function dataTable(label: string, columns: readonly Column[], rows: readonly (readonly HtmlValue[])[]): Html {
  const heads = columns.map(
    ({ label: text, look }) => html`<th role="columnheader" scope="col" class="${look ?? ""}">${text}</th>`,
  );
  const lines = rows.map((cells) => {
    const parts = cells.map((cell, index) => {
      const { label: text = "", look } = columns[index] ?? {};
      return look === undefined
        ? html`<td role="cell" data-label="${text}">${cell}</td>`
        : html`<td role="cell" data-label="${text}" class="${look}">${cell}</td>`;
    });
    return html`<tr role="row">
      ${parts}
    </tr>`;
  });
  return html`<div class="table" tabindex="0" role="region" aria-label="${label}">
    <table class="cards" role="table" aria-label="${label}">
      <thead role="rowgroup">
        <tr role="row">
          ${heads}
        </tr>
      </thead>
      <tbody role="rowgroup">
        ${lines}
      </tbody>
    </table>
  </div>`;
}

export type Tone = "success" | "warning" | "danger" | "plain";

/** A state in one word. */
export function badge(tone: Tone, text: string): Html {
  return html`<span class="badge ${tone}">${text}</span>`;
}

/** What stands where a list would be: what there is not, and how to begin. */
export function emptyState(title: string, text: Html | string, action: Html | null = null): Html {
  return html`<div class="empty">
    <h2>${title}</h2>
    <p>${text}</p>
    ${action}
  </div>`;
}

/** Where a list goes on; nothing where it does not, and nothing was left behind. */
export function pager(links: { readonly first: string | null; readonly next: string | null }): Html | null {
  const { first, next } = links;
  if (first === null && next === null) return null;
  return html`<nav class="pager" aria-label="Pages of the list">
    ${first === null ? null : html`<a href="${first}">‹ First page</a>`}
    ${next === null ? null : html`<a href="${next}" rel="next">Next page ›</a>`}
  </nav>`;
}

/** A moment, or words for none. */
export function momentOr(at: number | null, now: number, none: string): Html | string {
  return at === null ? none : moment(at, now);
}

/** Relative and exact, both to be read; for pages of one thing. */
export function fullMoment(at: number, now: number): Html {
  return html`<time datetime="${new Date(at).toISOString()}">${relative(at, now)} · ${exactTime(at)}</time>`;
}

/** See `fullMoment`; `none` where there is none. */
export function fullMomentOr(at: number | null, now: number, none: string): Html | string {
  return at === null ? none : fullMoment(at, now);
}

/** Terms and what they are. `null` leaves a term out. */
export function facts(list: readonly (readonly [term: string, value: HtmlValue])[]): Html {
  const items = list.flatMap(([term, value]) =>
    value === null
      ? []
      : [
          html`<div>
            <dt>${term}</dt>
            <dd>${value}</dd>
          </div>`,
        ],
  );
  return html`<dl class="facts">${items}</dl>`;
}

/** Scopes, each as code. */
export function scopeList(scopes: readonly string[]): Html {
  if (scopes.length === 0) return html`<span class="none">none</span>`;
  return html`<span class="scopes">${scopes.map((scope) => html`<code>${scope}</code> `)}</span>`;
}

/** Scopes that a row of a table shows; the page of the record has all. */
const FEW_SCOPES = 3;

/** The first of the scopes, and how many more there are. */
export function fewScopes(scopes: readonly string[]): Html {
  const more = scopes.length - FEW_SCOPES;
  if (more <= 1) return scopeList(scopes);
  return html`${scopeList(scopes.slice(0, FEW_SCOPES))} <span class="hint">and ${more} more</span>`;
}

/** A portal by the name that the rules give it. */
export interface PortalView {
  readonly id: string;
  /** `null` where the rules do not list it. */
  readonly name: string | null;
}

const ALL_PORTALS = html`<span class="keep">All portals</span>`;

/** One portal, or all of them. */
export function portalText(portal: PortalView | null): Html | string {
  if (portal === null) return ALL_PORTALS;
  return portal.name === null ? html`<code>${portal.id}</code>` : foreign(portal.name);
}

/** Some portals, or all of them. */
export function portalList(portals: readonly PortalView[] | null): Html | string {
  if (portals === null) return ALL_PORTALS;
  if (portals.length === 0) return "none";
  return html`${portals.map((portal, index) => html`${index === 0 ? null : ", "}${portalText(portal)}`)}`;
}

/** A part of a page with a heading of its own. */
export function card(heading: string, body: Html): Html {
  return html`<section class="card">
    <h2>${heading}</h2>
    ${body}
  </section>`;
}
