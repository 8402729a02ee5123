/** Characters of an access token: 256 random bits and more, base64url. */
export const TOKEN_LENGTH = 43;

/** True where a text has the form of an access token. Each request with one pays for this, so it is one short pass. */
export function isTokenText(text: string): boolean {
  if (text.length !== TOKEN_LENGTH) return false;
  for (let at = 0; at < TOKEN_LENGTH; at += 1) {
    if (IS_BASE64URL[text.charCodeAt(at)] !== 1) return false;
  }
  return true;
}

const IS_BASE64URL = new Uint8Array(128);
for (const digit of "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") {
  IS_BASE64URL[digit.charCodeAt(0)] = 1;
}
