/**
 * Keeps the numbers and the chart of the overview up to date, every five seconds while the page is seen. Where the API
 * does not answer, the page stays as it is.
 */
export const LIVE_SCRIPT = `"use strict";
const card = document.querySelector("[data-status]");
const show = (name, value) => {
  const place = card.querySelector('[data-live="' + name + '"]');
  if (place !== null && typeof value === "number") place.textContent = String(value);
};
const draw = (name, values, most) => {
  const line = card.querySelector('[data-live-line="' + name + '"]');
  const step = 600 / Math.max(1, values.length - 1);
  line?.setAttribute("points", values.map((value, index) =>
    Math.round(index * step) + "," + Math.round((96 - (value / most) * 92) * 10) / 10).join(" "));
};
const update = async () => {
  if (document.hidden) return;
  try {
    const answer = await fetch(card.dataset.status, { headers: { accept: "application/json" } });
    if (!answer.ok) return;
    const { minutes, refused_by: refusedBy, open_streams: openStreams } = await answer.json();
    // The last minute is under way.
    const full = minutes.slice(0, -1);
    const allowed = full.map((minute) => minute.allowed);
    const refused = full.map((minute) => minute.refused);
    const most = Math.max(1, ...allowed, ...refused);
    show("perMinute", (allowed.at(-1) ?? 0) + (refused.at(-1) ?? 0));
    show("refused", refusedBy.reduce((sum, { count }) => sum + count, 0));
    show("openStreams", openStreams);
    show("most", most);
    draw("allowed", allowed, most);
    draw("refused", refused, most);
  } catch {
    // The next time.
  }
};
if (card !== null) setInterval(update, 5000);
`;
