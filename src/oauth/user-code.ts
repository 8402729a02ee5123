const USER_CODE = /^[BCDFGHJKLMNPQRSTVWXZ]{8}$/;
/** A code with all the punctuation that a person may put in. */
const MAX_LENGTH = 64;

/**
 * A user code as a person typed it, in the form it is looked up by: without regard to case, spaces and punctuation
 * (RFC 8628, section 6.1). `null` where it cannot be one: nothing is guessed, so `0` for `O` and `V` for `U` are wrong.
 */
export function readUserCode(text: string): string | null {
  if (text.length > MAX_LENGTH) return null;
  const code = text.replace(/[a-z]/g, (letter) => letter.toUpperCase()).replace(/[\s\p{P}]/gu, "");
  return USER_CODE.test(code) ? code : null;
}

/** A code in the form that people read: `BCDF-GHJK`. */
export function formatUserCode(code: string): string {
  return `${code.slice(0, 4)}-${code.slice(4)}`;
}
