/** The stylesheet of all our pages: sign-in, consent, device, messages, and the admin pages' tables and forms. */
export const STYLES = `
:root {
  color-scheme: light dark;
  --page: #f4f5f7;
  --surface: #ffffff;
  --sunken: #f4f5f7;
  --text: #1b2027;
  --muted: #57606c;
  --line: #d5d9df;
  --field-line: #858e9b;
  --accent: #1c5fb8;
  --accent-hover: #174f9a;
  --on-accent: #ffffff;
  --danger: #b3261e;
  --danger-hover: #921f18;
  --danger-soft: #fdeeed;
  --warning: #7a4d00;
  --warning-soft: #fdf3dc;
  --success: #1d6b3a;
  --success-soft: #e7f5ec;
  --info-soft: #eaf1fb;
  --foreign: #eceef2;
  --focus: #1c5fb8;
  --shadow: 0 1px 2px rgb(16 24 40 / 4%), 0 8px 24px rgb(16 24 40 / 6%);
  --radius: 8px;
  --sans: system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", "Liberation Sans", Arial, sans-serif;
  --mono: ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #12151a;
    --surface: #1b1f26;
    --sunken: #14181e;
    --text: #e7eaef;
    --muted: #a5aebb;
    --line: #343b46;
    --field-line: #76808f;
    --accent: #8ab8ff;
    --accent-hover: #abccff;
    --on-accent: #0c1a2e;
    --danger: #ff9d94;
    --danger-hover: #ffbab4;
    --danger-soft: #3a1f1e;
    --warning: #f0c674;
    --warning-soft: #352a14;
    --success: #86d9a4;
    --success-soft: #17301f;
    --info-soft: #1b2a40;
    --foreign: #2a303a;
    --focus: #8ab8ff;
    --shadow: none;
  }
}
*, *::before, *::after { box-sizing: border-box; }
[hidden] { display: none !important; }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body {
  margin: 0;
  min-height: 100vh;
  background: var(--page);
  color: var(--text);
  font: 1rem/1.5 var(--sans);
  overflow-wrap: anywhere;
}
h1, h2, h3 { line-height: 1.25; margin: 0 0 0.75rem; text-wrap: balance; }
h1 { font-size: 1.5rem; }
h2 { font-size: 1.125rem; margin-top: 1.5rem; }
h3 { font-size: 1rem; margin-top: 1.25rem; }
p, ul, ol, dl { margin: 0 0 1rem; }
ul, ol { padding-left: 1.5rem; }
li { margin: 0 0 0.375rem; }
a { color: var(--accent); text-underline-offset: 0.15em; }
a:hover { color: var(--accent-hover); }
code, .host, .mono { font-family: var(--mono); font-size: 0.875em; }
.hint { color: var(--muted); font-size: 0.9375rem; }

:focus-visible { outline: 3px solid var(--focus); outline-offset: 2px; border-radius: 4px; }
/* They take the focus for screen readers, and cannot be operated. */
main:focus, .notice:focus { outline: none; }
.skip { position: absolute; left: 0.5rem; top: -4rem; z-index: 1; padding: 0.75rem 1rem; background: var(--surface); border-radius: var(--radius); }
.skip:focus { top: 0.5rem; }

.banner { background: var(--surface); border-bottom: 1px solid var(--line); }
.banner-inner { display: flex; flex-wrap: wrap; align-items: center; gap: 0 1rem; min-height: 3.5rem; padding: 0 1rem; margin: 0 auto; max-width: 76rem; }
.product { display: inline-flex; align-items: center; gap: 0.5rem; font-weight: 650; letter-spacing: 0.01em; min-height: 2.75rem; }
.mark {
  inline-size: 1.25rem;
  block-size: 1.25rem;
  border: 2px solid var(--accent);
  border-bottom: 0;
  border-radius: 6px 6px 0 0;
  background:
    linear-gradient(90deg, transparent 31%, var(--accent) 31% 42%, transparent 42% 58%, var(--accent) 58% 69%, transparent 69%),
    linear-gradient(transparent 45%, var(--accent) 45% 56%, transparent 56%);
}
.account { display: flex; flex: 1 1 auto; flex-wrap: wrap; align-items: center; justify-content: flex-end; gap: 0 0.75rem; min-width: 0; font-size: 0.9375rem; color: var(--muted); }
.account form { margin: 0; }
.account-name { min-width: 0; }
.banner nav ul { display: flex; flex-wrap: wrap; gap: 0 0.25rem; list-style: none; margin: 0; padding: 0; }
.banner nav li { margin: 0; }
.banner nav a { display: inline-flex; align-items: center; min-height: 2.75rem; padding: 0 0.625rem; color: var(--text); text-decoration: none; }
.banner nav a:hover { text-decoration: underline; }
.banner nav a[aria-current] { color: var(--accent); font-weight: 600; box-shadow: inset 0 -3px var(--accent); }

main { margin: 0 auto; padding: 1.5rem 1rem 3rem; }
main.narrow { max-width: 36rem; }
main.wide { max-width: 76rem; }
.card, main.narrow { background: var(--surface); }
.card { border: 1px solid var(--line); border-radius: var(--radius); padding: 1.25rem; margin: 0 0 1.25rem; }
.card > h2:first-child, .card > h3:first-child { margin-top: 0; }
@media (min-width: 40rem) {
  .banner-inner { padding: 0 1.5rem; }
  main { padding: 2rem 1.5rem 4rem; }
  main.narrow { margin: 3rem auto; padding: 2rem 2.25rem 2.25rem; border: 1px solid var(--line); border-radius: 12px; box-shadow: var(--shadow); }
}
@media (max-width: 39.99rem) {
  /* For screen readers still: an address needs the room. */
  .account-words { position: absolute; inline-size: 1px; block-size: 1px; overflow: hidden; clip-path: inset(50%); }
  .account { justify-content: space-between; padding-bottom: 0.25rem; }
  body:has(main.narrow) { background: var(--surface); }
}

/* Words of others: a client's name, an address. Set apart, so that they never pass for ours. */
.foreign { display: inline-block; max-width: 100%; padding: 0 0.35em; border-radius: 4px; background: var(--foreign); color: var(--text); }

.notice { padding: 0.75rem 1rem; margin: 0 0 1rem; border: 1px solid var(--line); border-left: 4px solid var(--accent); border-radius: var(--radius); background: var(--info-soft); }
.notice > :last-child, .notice ul:last-child { margin-bottom: 0; }
.notice h2 { margin: 0 0 0.25rem; font-size: 1rem; }
.notice .foreign { background: transparent; border: 1px solid var(--field-line); }
.notice + h1 { margin-top: 1.5rem; }
.notice.warning { border-left-color: var(--warning); background: var(--warning-soft); }
.notice.warning strong:first-child { color: var(--warning); }
.notice.danger { border-left-color: var(--danger); background: var(--danger-soft); }
.notice.danger a { color: inherit; }
.notice.success { border-left-color: var(--success); background: var(--success-soft); }

form { margin: 0; }
.field { margin: 0 0 1.25rem; }
.field > label, legend { display: block; font-weight: 600; margin: 0 0 0.25rem; padding: 0; }
.field .hint { margin: 0 0 0.375rem; }
.field .problem { margin: 0 0 0.375rem; color: var(--danger); font-weight: 600; font-size: 0.9375rem; }
input:not([type]), input[type="text"], input[type="email"], input[type="password"], input[type="search"], input[type="number"], select, textarea {
  display: block;
  inline-size: 100%;
  min-height: 2.75rem;
  padding: 0.5rem 0.75rem;
  font: inherit;
  color: var(--text);
  background: var(--surface);
  border: 1px solid var(--field-line);
  border-radius: var(--radius);
}
select { text-overflow: ellipsis; padding-right: 2rem; }
textarea { min-height: 6rem; }
input:focus-visible, select:focus-visible, textarea:focus-visible { border-radius: var(--radius); }
[aria-invalid="true"] { border: 2px solid var(--danger) !important; }
input.code, .user-code { font-family: var(--mono); font-variant-numeric: tabular-nums; letter-spacing: 0.12em; text-transform: uppercase; }
input.code { font-size: 1.5rem; min-height: 3.5rem; }
.user-code { font-size: clamp(2rem, 9vw, 2.75rem); font-weight: 700; line-height: 1.2; text-align: center; padding: 1rem 0.5rem; background: var(--sunken); border: 1px solid var(--line); border-radius: var(--radius); }

fieldset { min-width: 0; margin: 0 0 1.25rem; padding: 0; border: 0; }
.choices { list-style: none; margin: 0; padding: 0; border: 1px solid var(--line); border-radius: var(--radius); }
.choices li { margin: 0; }
.choices li + li { border-top: 1px solid var(--line); }
.choice { display: flex; align-items: flex-start; gap: 0.75rem; min-height: 2.75rem; padding: 0.625rem 0.875rem; cursor: pointer; }
.choice:hover { background: var(--sunken); }
.choices li:first-child .choice { border-radius: calc(var(--radius) - 1px) calc(var(--radius) - 1px) 0 0; }
.choices li:last-child .choice { border-radius: 0 0 calc(var(--radius) - 1px) calc(var(--radius) - 1px); }
/* Drawn by us: in the dark a browser's own empty box looks as if it were switched off. */
.choice input { appearance: none; flex: none; display: grid; place-content: center; inline-size: 1.25rem; block-size: 1.25rem; margin: 0.125rem 0 0; border: 1.5px solid var(--field-line); border-radius: 5px; background: var(--surface); cursor: pointer; }
.choice input[type="radio"] { border-radius: 50%; }
.choice input:checked { border-color: var(--accent); background: var(--accent); }
.choice input[type="checkbox"]:checked::before { content: ""; inline-size: 0.4375rem; block-size: 0.75rem; border: solid var(--on-accent); border-width: 0 2.5px 2.5px 0; transform: translateY(-1.5px) rotate(45deg); }
.choice input[type="radio"]:checked::before { content: ""; inline-size: 0.5rem; block-size: 0.5rem; border-radius: 50%; background: var(--on-accent); }
.choice input:focus-visible { border-radius: 5px; }
.choice input[type="radio"]:focus-visible { border-radius: 50%; }
.choice > span { flex: 1 1 auto; min-width: 0; }
.choice code { display: block; color: var(--muted); }

button, .button {
  display: inline-flex;
  align-items: center;
  justify-content: center;
  min-height: 2.75rem;
  padding: 0.5rem 1.25rem;
  font: inherit;
  font-weight: 600;
  text-align: center;
  text-decoration: none;
  cursor: pointer;
  border: 1px solid var(--field-line);
  border-radius: var(--radius);
  background: var(--surface);
  color: var(--text);
  transition: background-color 120ms, border-color 120ms;
}
button:focus-visible, .button:focus-visible { border-radius: var(--radius); }
button:hover, .button:hover { background: var(--sunken); color: var(--text); }
.primary { background: var(--accent); border-color: var(--accent); color: var(--on-accent); }
.primary:hover { background: var(--accent-hover); border-color: var(--accent-hover); color: var(--on-accent); }
button.danger, .button.danger { background: var(--surface); border-color: var(--danger); color: var(--danger); }
button.danger:hover, .button.danger:hover { border-color: var(--danger-hover); background: var(--danger-soft); color: var(--danger); }
button:disabled { opacity: 0.6; cursor: not-allowed; }
/* Takes the Enter key; see the consent form. */
button.no-default { position: absolute; inline-size: 1px; block-size: 1px; min-height: 0; padding: 0; border: 0; overflow: hidden; clip-path: inset(50%); }
button.link { min-height: 2.75rem; padding: 0 0.25rem; border: 0; background: none; color: var(--accent); font-weight: 400; text-decoration: underline; text-underline-offset: 0.15em; }
button.link:hover { color: var(--accent-hover); }
.block { display: flex; inline-size: 100%; }
.actions { display: flex; flex-wrap: wrap; gap: 0.75rem; margin: 1.5rem 0 0; }
.actions > * { flex: 1 1 8rem; }
main.wide .actions > * { flex: 0 1 auto; }
.divider { display: flex; align-items: center; gap: 0.75rem; margin: 1.25rem 0; color: var(--muted); font-size: 0.9375rem; }
.divider::before, .divider::after { content: ""; flex: 1; border-top: 1px solid var(--line); }

.subject { font-size: 1.25rem; font-weight: 600; margin: 0 0 1rem; }
.facts { border-top: 1px solid var(--line); font-size: 0.9375rem; }
.facts > div { display: grid; grid-template-columns: minmax(7.5rem, 30%) minmax(0, 1fr); gap: 0 1rem; padding: 0.5rem 0; border-bottom: 1px solid var(--line); }
.facts dt { color: var(--muted); }
.facts dd { margin: 0; }
/* How it ended: a tick or a bar in a circle. */
.outcome { display: grid; place-content: center; inline-size: 3rem; block-size: 3rem; margin: 0 0 1rem; border-radius: 50%; color: var(--muted); background: var(--foreign); }
.outcome.success { color: var(--success); background: var(--success-soft); }
.outcome::before { content: ""; inline-size: 1.125rem; border-top: 3px solid currentcolor; }
.outcome.success::before { inline-size: 0.75rem; block-size: 1.375rem; border: solid currentcolor; border-width: 0 3px 3px 0; transform: translateY(-3px) rotate(45deg); }
.links { list-style: none; padding: 0; }
.links a { display: inline-flex; align-items: center; min-height: 2.75rem; }
.meaning { color: var(--muted); font-size: 0.9375rem; }

.table { overflow-x: auto; border: 1px solid var(--line); border-radius: var(--radius); background: var(--surface); margin: 0 0 1.25rem; }
table { inline-size: 100%; border-collapse: collapse; }
caption { text-align: left; font-weight: 600; padding: 0.75rem 1rem; }
th, td { text-align: left; vertical-align: middle; padding: 0.5rem 1rem; border-bottom: 1px solid var(--line); overflow-wrap: break-word; }
th { color: var(--muted); font-size: 0.875rem; font-weight: 600; white-space: nowrap; }
tbody tr:last-child > * { border-bottom: 0; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
.badge { display: inline-block; padding: 0.0625rem 0.5rem; border: 1px solid currentcolor; border-radius: 999px; font-size: 0.8125rem; font-weight: 600; line-height: 1.4; color: var(--muted); white-space: nowrap; }
.badge.success { color: var(--success); background: var(--success-soft); }
.badge.warning { color: var(--warning); background: var(--warning-soft); }
.badge.danger { color: var(--danger); background: var(--danger-soft); }

@media (prefers-reduced-motion: reduce) {
  *, *::before, *::after { transition: none !important; animation: none !important; scroll-behavior: auto !important; }
}
@media (forced-colors: active) {
  .foreign, .outcome { border: 1px solid; }
  .choice input { appearance: auto; }
  .choice input:checked::before { content: none !important; }
}
`;
