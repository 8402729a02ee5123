import { type Html, html } from "../../web/html.ts";
import { exactTime } from "../../web/time.ts";

/** One minute of traffic; `at` is its beginning, wall clock ms. */
export interface Minute {
  readonly at: number;
  readonly allowed: number;
  readonly refused: number;
}

const WIDTH = 600;
const HEIGHT = 96;
/** Minutes that a row of the table sums up. */
const TABLE_STEP = 5;

/** Points of a line over all of the chart, `x,y x,y …`; the greatest of `scale` reaches the top. */
function points(values: readonly number[], most: number): string {
  const step = values.length > 1 ? WIDTH / (values.length - 1) : 0;
  return values
    .map(
      (value, index) => `${Math.round(index * step)},${Math.round((HEIGHT - (value / most) * (HEIGHT - 4)) * 10) / 10}`,
    )
    .join(" ");
}

/**
 * Requests over the last hour as two lines, with the same in a table. The script draws the lines anew. The last minute is
 * under way: a line that fell there would mislead, so that it is in the table alone.
 */
export function trafficChart(minutes: readonly Minute[]): Html {
  const full = minutes.slice(0, -1);
  const allowed = full.map((minute) => minute.allowed);
  const refused = full.map((minute) => minute.refused);
  const most = Math.max(1, ...allowed, ...refused);
  const all = {
    allowed: sum(minutes.map((minute) => minute.allowed)),
    refused: sum(minutes.map((minute) => minute.refused)),
  };
  const words = `Requests in the last hour: ${all.allowed} allowed, ${all.refused} refused. The table below has the numbers.`;
  return html`<figure class="chart">
    <figcaption class="legend">
      <span class="key allowed">Allowed</span> <span class="key refused">Refused</span>
      <span class="hint">a minute, at most <span data-live="most">${most}</span></span>
    </figcaption>
    <svg viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" role="img" aria-label="${words}">
      <polyline class="allowed" data-live-line="allowed" points="${points(allowed, most)}" />
      <polyline class="refused" data-live-line="refused" points="${points(refused, most)}" />
    </svg>
    <p class="axis" aria-hidden="true"><span>an hour ago</span><span>now</span></p>
    ${trafficTable(minutes)}
  </figure>`;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function trafficTable(minutes: readonly Minute[]): Html {
  const rows: Html[] = [];
  for (let from = 0; from < minutes.length; from += TABLE_STEP) {
    const part = minutes.slice(from, from + TABLE_STEP);
    const [first] = part;
    if (first === undefined) continue;
    rows.push(
      html`<tr>
        <th scope="row">
          <time datetime="${new Date(first.at).toISOString()}">${exactTime(first.at).slice(-9)}</time>
        </th>
        <td class="number">${sum(part.map(({ allowed }) => allowed))}</td>
        <td class="number">${sum(part.map(({ refused }) => refused))}</td>
      </tr>`,
    );
  }
  return html`<details>
    <summary>The numbers as a table</summary>
    <div class="table">
      <table>
        <caption>
          Requests in the last hour, in steps of five minutes
        </caption>
        <thead>
          <tr>
            <th scope="col">From</th>
            <th scope="col" class="number">Allowed</th>
            <th scope="col" class="number">Refused</th>
          </tr>
        </thead>
        <tbody>
          ${rows}
        </tbody>
      </table>
    </div>
  </details>`;
}
