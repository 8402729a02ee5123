/**
 * The commonest passwords of 12 characters and more, in lower case: what a guesser tries first. Shorter ones are
 * refused by their length. What follows keyboards and alphabets is found by `isRun`.
 */
const COMMON: ReadonlySet<string> = new Set([
  "password1234",
  "password12345",
  "password123456",
  "passwordpassword",
  "password123!",
  "passw0rd1234",
  "mypassword123",
  "newpassword1",
  "changemenow1",
  "changeme1234",
  "changemechangeme",
  "administrator",
  "administrator1",
  "adminadminadmin",
  "admin1234567",
  "welcome12345",
  "welcome123456",
  "letmeinletmein",
  "letmein12345",
  "iloveyou1234",
  "iloveyouforever",
  "qwerty123456",
  "qwerty1234567",
  "qwertyqwerty",
  "qwertyuiop123",
  "1q2w3e4r5t6y",
  "1qaz2wsx3edc",
  "1qaz2wsx3edc4rfv",
  "qazwsxedcrfv",
  "asdfghjkl123",
  "zaq12wsxcde3",
  "abc123abc123",
  "abcd12345678",
  "123123123123",
  "123456123456",
  "112233445566",
  "123qwe123qwe",
  "superman1234",
  "football1234",
  "baseball1234",
  "princess1234",
  "sunshine1234",
  "trustno1trustno1",
  "correcthorsebatterystaple",
  "correct horse battery staple",
  "unbelievable",
  "portcullis123",
  "portcullisportcullis",
]);

const RUNS = [
  "01234567890123456789012345",
  "12345678901234567890123456",
  "abcdefghijklmnopqrstuvwxyz",
  "qwertyuiopasdfghjklzxcvbnm",
  "1234567890qwertyuiop",
  "1234567890abcdefghijklmnopqrstuvwxyz",
];

/** True for a password that is in the list, one character again and again, or a run of the keyboard. */
export function isCommonPassword(password: string): boolean {
  const lower = password.toLowerCase();
  return COMMON.has(lower) || /^(.{1,3})\1+$/su.test(lower) || isRun(lower);
}

function isRun(lower: string): boolean {
  const backwards = Array.from(lower).toReversed().join("");
  return RUNS.some((run) => run.includes(lower) || run.includes(backwards));
}
