/** The part of the stylesheet that the admin pages need: tabs, filters, cards in place of tables, charts, secrets. */
export const ADMIN_STYLES = `
.crumbs { margin: 0 0 0.25rem; color: var(--muted); font-size: 0.9375rem; }
.tabs { margin: 0 0 1.5rem; border-bottom: 1px solid var(--line); }
.tabs ul { display: flex; flex-wrap: wrap; gap: 0 0.25rem; list-style: none; margin: 0 0 -1px; padding: 0; }
.tabs li { margin: 0; }
.tabs a { display: inline-flex; align-items: center; gap: 0.5rem; min-height: 2.75rem; padding: 0 0.75rem; color: var(--muted); text-decoration: none; border-bottom: 3px solid transparent; }
.tabs a:hover { color: var(--text); border-bottom-color: var(--line); }
.tabs a[aria-current] { color: var(--text); font-weight: 600; border-bottom-color: var(--accent); }
.up { margin: 0 0 0.5rem; }
.up a { display: inline-flex; align-items: center; min-height: 2rem; text-decoration: none; }
.up a:hover { text-decoration: underline; }
.heading { display: flex; flex-wrap: wrap; align-items: center; justify-content: space-between; gap: 0.5rem 1rem; margin: 0 0 0.75rem; }
.heading h1 { margin: 0; min-width: 0; }
.lead { max-width: 46rem; color: var(--muted); text-wrap: pretty; }
.card.slim, .page.sub > .notice { max-width: 46rem; }
.card .card { border: 0; padding: 0; }
.card > :last-child, .card > section > :last-child { margin-bottom: 0; }
.card h2 .badge { margin-left: 0.375rem; vertical-align: 0.125em; }
.card .row { margin: 1rem 0 0; }
.switch { border-left-width: 4px; }
.switch.on { border-left-color: var(--success); }
.switch.off { border-left-color: var(--danger); }
.empty { padding: 2.5rem 1.25rem; text-align: center; border: 1px dashed var(--field-line); border-radius: var(--radius); background: var(--surface); }
.empty h2 { margin-top: 0; }
.empty p { max-width: 34rem; margin-inline: auto; color: var(--muted); }
.filters { display: flex; flex-wrap: wrap; align-items: flex-end; gap: 0.75rem; margin: 0 0 1.25rem; }
.filters .field { flex: 1 1 10.5rem; margin: 0; }
.filters .field:has([type="search"]) { flex: 2 1 16rem; }
.filters > button { flex: 0 0 auto; }
.filter-box { margin: 0 0 1.25rem; }
.filter-box .filters { margin: 0.75rem 0 0; }
summary { display: inline-flex; align-items: center; min-height: 2.75rem; color: var(--accent); cursor: pointer; }
summary::before { content: "›"; display: inline-block; inline-size: 1rem; transition: transform 120ms; }
details[open] > summary::before { transform: rotate(90deg); }
.small { padding: 0.25rem 0.75rem; font-size: 0.9375rem; }
.buttons { display: flex; flex-wrap: wrap; gap: 0.5rem; }
.none { color: var(--muted); }
.below { display: block; white-space: nowrap; color: var(--muted); }
.scopes code { padding: 0 0.25em; border-radius: 4px; background: var(--sunken); }
.plain { list-style: none; padding: 0; margin: 0; }
.choice .hint { display: block; font-weight: 400; }
input[type="date"], input[type="datetime-local"] { display: block; inline-size: 100%; min-height: 2.75rem; padding: 0.5rem 0.75rem; font: inherit; color: var(--text); background: var(--surface); border: 1px solid var(--field-line); border-radius: var(--radius); }
input::placeholder { color: var(--muted); opacity: 1; }
/* Holds what is put out of sight in it. */
.table { position: relative; }
.table .hint, .table .sr { font-size: 0.875rem; }
.table .sr { position: absolute; inline-size: 1px; block-size: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.table td { font-size: 0.9375rem; }
.table td.main { font-weight: 600; }
.table td.main code, .table td.main .hint { font-weight: 400; }
.table time { white-space: nowrap; }
/* The column says whose words they are. */
.table .foreign { display: inline; padding: 0; background: none; color: inherit; }
.table td.act { text-align: right; }
.table td.act .buttons { justify-content: flex-end; flex-wrap: nowrap; }
.table tbody tr:hover { background: var(--sunken); }
.pager { display: flex; justify-content: space-between; gap: 1rem; }
.pager a { display: inline-flex; align-items: center; min-height: 2.75rem; padding: 0 0.25rem; }
.pager a[rel="next"] { margin-left: auto; }

.numbers { display: grid; grid-template-columns: repeat(auto-fit, minmax(8.5rem, 1fr)); gap: 0.75rem; margin: 0 0 1rem; }
.number-box { padding: 0.75rem 1rem; border: 1px solid var(--line); border-radius: var(--radius); }
.number-box p { margin: 0; }
.number-label { color: var(--muted); font-size: 0.875rem; }
.number-value { font-size: 1.75rem; font-weight: 650; line-height: 1.25; font-variant-numeric: tabular-nums; }
.chart { margin: 0 0 1.25rem; }
.chart svg { display: block; inline-size: 100%; block-size: 6rem; overflow: hidden; border-bottom: 1px solid var(--line); }
.chart polyline { fill: none; stroke-width: 2; vector-effect: non-scaling-stroke; stroke-linejoin: round; }
.chart polyline.allowed { stroke: var(--accent); }
.chart polyline.refused { stroke: var(--danger); stroke-dasharray: 5 3; }
.legend { display: flex; flex-wrap: wrap; gap: 0.25rem 1rem; align-items: center; margin: 0 0 0.5rem; font-size: 0.875rem; }
.legend .hint { margin: 0; font-size: inherit; }
.key::before { content: ""; display: inline-block; inline-size: 1.25rem; margin-right: 0.375rem; border-top: 3px solid var(--accent); vertical-align: middle; }
.key.refused::before { border-top: 3px dashed var(--danger); }
.axis { display: flex; justify-content: space-between; margin: 0.25rem 0 0; color: var(--muted); font-size: 0.8125rem; }

.copy { margin: 0 0 1.25rem; }
.copy-head { display: flex; align-items: center; justify-content: space-between; gap: 0.5rem; min-height: 2.75rem; margin: 0 0 0.375rem; }
.keep { white-space: nowrap; }
textarea { font: 0.875rem/1.5 var(--mono); }
.copy-head h2 { margin: 0; font-size: 1rem; }
pre { margin: 0 0 1rem; padding: 0.75rem 1rem; border: 1px solid var(--line); border-radius: var(--radius); background: var(--sunken); font: 0.875rem/1.5 var(--mono); white-space: pre-wrap; overflow-wrap: anywhere; }
.copy pre { margin: 0; user-select: all; }
#secret { font-size: 1rem; border-color: var(--accent); }
.sides { display: grid; grid-template-columns: repeat(auto-fit, minmax(16rem, 1fr)); gap: 0 1rem; }
.sides h3 { margin-top: 0; }
.steps { list-style: none; padding: 0; margin: 0; }
.step { margin: 0 0 0.75rem; padding: 0 0 0 0.875rem; border-left: 3px solid var(--success); }
.step.stop { border-left-color: var(--danger); }
.step p { margin: 0 0 0.25rem; }

@media (min-width: 48rem) {
  /* What it is, and beside it what can be done with it. */
  .switch { display: grid; grid-template-columns: 1fr auto; align-items: center; column-gap: 1.5rem; }
  .switch > :not(:last-child) { grid-column: 1; }
  .switch > p:not(:last-child) { margin-bottom: 0; }
  .switch > :last-child { grid-area: 1 / 2 / span 2; margin: 0; }
}
@media (max-width: 47.99rem) {
  /* Each row is a card of its own. */
  .table:has(> .cards) { overflow: visible; border: 0; background: none; }
  .cards, .cards tbody, .cards tr, .cards td { display: block; }
  .cards thead { position: absolute; inline-size: 1px; block-size: 1px; overflow: hidden; clip-path: inset(50%); }
  .cards tbody tr { margin: 0 0 0.75rem; padding: 0.625rem 1rem; border: 1px solid var(--line); border-radius: var(--radius); background: var(--surface); }
  .cards tbody tr:hover { background: var(--surface); }
  .cards td, .cards td.number { position: relative; min-height: 2rem; padding: 0.25rem 0 0.25rem 7rem; border: 0; text-align: left; }
  .cards td::before { content: attr(data-label); position: absolute; left: 0; inline-size: 6.5rem; color: var(--muted); }
  .cards td.main, .cards td.act { padding-left: 0; }
  .cards td.main::before, .cards td.act::before { content: none; }
  .cards td.act .buttons { justify-content: flex-start; flex-wrap: wrap; }
  .cards td.act { text-align: left; }
  .cards .below { white-space: normal; }
  .cards td:empty { display: none; }
  .tabs a { padding: 0 0.5rem; }
  .number-box:first-child { grid-column: 1 / -1; }
}
@media (forced-colors: active) {
  .chart polyline.allowed { stroke: LinkText; }
  .chart polyline.refused { stroke: CanvasText; }
}
`;
