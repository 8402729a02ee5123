import type { Chrome } from "./chrome.ts";
import { foreign } from "./foreign-text.ts";
import { type Html, html } from "./html.ts";

/** Our name on pages. */
export const PRODUCT = "Portcullis";

export interface Page {
  /** What the page is, without the name of the product. */
  readonly title: string;
  readonly body: Html;
  /** `narrow` (the default) for forms and messages, `wide` for tables. */
  readonly width?: "narrow" | "wide";
}

/** A whole page: head, banner with who is signed in, main part. */
export function layout(chrome: Chrome, page: Page): Html {
  const width = page.width ?? "narrow";
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta name="robots" content="noindex, nofollow" />
        <meta name="format-detection" content="telephone=no, date=no, address=no, email=no" />
        <title>${page.title} · ${PRODUCT}</title>
        <link rel="icon" href="data:," />
        <link rel="stylesheet" href="${chrome.stylesheet}" />
      </head>
      <body>
        <a class="skip" href="#main">Skip to the content</a>
        <header class="banner">
          <div class="banner-inner ${width}">
            <span class="product"><span class="mark" aria-hidden="true"></span>${PRODUCT}</span>
            ${signedIn(chrome)}
          </div>
        </header>
        <main id="main" class="${width}" tabindex="-1">${page.body}</main>
      </body>
    </html> `;
}

function signedIn({ person, signOut }: Chrome): Html | null {
  if (person === null) return null;
  return html`<div class="account">
    <span class="account-name" title="${person.email}"
      ><span class="account-words">Signed in as </span>${foreign(person.email)}</span
    >
    ${
      signOut === null
        ? null
        : html`<form method="post" action="${signOut.action}">
            <input type="hidden" name="csrf" value="${signOut.csrf}" /><button type="submit" class="link">
              Sign out
            </button>
          </form>`
    }
  </div>`;
}
