/**
 * Sends a form once, whatever is clicked: of two answers the browser would show the second, which does not have the key.
 * A page that the browser brings back from its history may be sent again.
 */
export const ONCE_SCRIPT = `"use strict";
const sent = new WeakSet();
document.addEventListener("submit", (event) => {
  if (sent.has(event.target)) event.preventDefault();
  else if (event.target.method === "post") sent.add(event.target);
});
addEventListener("pageshow", (event) => {
  if (event.persisted) for (const form of document.forms) sent.delete(form);
});
`;
