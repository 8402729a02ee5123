import { gzipSync } from "node:zlib";
import type { ProtocolVersion } from "../../src/mcp/version.ts";

/**
 * Bodies that some reader could take for another message than we do, or that are no message at all. Each
 * is to be answered with 400 and never forwarded, whoever sends it.
 */
export interface CorpusBody {
  readonly name: string;
  readonly body: Uint8Array;
  /** What `MCP-Protocol-Version` says. */
  readonly version: ProtocolVersion;
}

const VERSION: ProtocolVersion = "2025-06-18";
const encode = (text: string): Uint8Array => Buffer.from(text, "utf8");
const concat = (...parts: readonly (string | readonly number[])[]): Uint8Array =>
  Buffer.concat(parts.map((part) => (typeof part === "string" ? Buffer.from(part, "utf8") : Buffer.from([...part]))));

function entry(name: string, body: string | Uint8Array, version: ProtocolVersion = VERSION): CorpusBody {
  return { name, body: typeof body === "string" ? encode(body) : body, version };
}

const ARGUMENTS = '{"portal_id":"acme","ticket_id":"1001"}';
const PARAMS = `{"name":"get_ticket","arguments":${ARGUMENTS}}`;
const CALL = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":${PARAMS}}`;

/** A message whose `params` are given as text. */
const withParams = (params: string, method = "tools/call"): string =>
  `{"jsonrpc":"2.0","id":1,"method":"${method}","params":${params}}`;
const withArguments = (args: string): string => withParams(`{"name":"get_ticket","arguments":${args}}`);
const withMember = (member: string): string => withArguments(`{"portal_id":"acme",${member}}`);

const BYTES: readonly CorpusBody[] = [
  entry("nothing", ""),
  entry("a space", " "),
  entry("NUL alone", concat([0])),
  entry("byte order mark", concat([0xef, 0xbb, 0xbf], CALL)),
  entry("UTF-16, little endian", Buffer.from(CALL, "utf16le")),
  entry("UTF-16, big endian, with mark", concat([0xfe, 0xff], [...Buffer.from(CALL, "utf16le").swap16()])),
  entry("UTF-16, little endian, with mark", concat([0xff, 0xfe], [...Buffer.from(CALL, "utf16le")])),
  entry("UTF-7", '+AHs-"jsonrpc":"2.0"+AH0-'),
  entry("byte 0xFF in a string", concat('{"jsonrpc":"2.0","id":"', [0xff], '","method":"ping"}')),
  entry("a lone continuation byte", concat('{"jsonrpc":"2.0","id":"', [0x80], '","method":"ping"}')),
  entry("an overlong slash in the method", concat('{"jsonrpc":"2.0","id":1,"method":"tools', [0xc0, 0xaf], 'call"}')),
  entry("an overlong quote", concat('{"jsonrpc":"2.0","id":1,"method":"ping', [0xc0, 0xa2], '"}')),
  entry("a surrogate in UTF-8", concat('{"jsonrpc":"2.0","id":"', [0xed, 0xa0, 0x80], '","method":"ping"}')),
  entry("beyond U+10FFFF", concat('{"jsonrpc":"2.0","id":"', [0xf4, 0x90, 0x80, 0x80], '","method":"ping"}')),
  entry("a character cut off at the end", concat('{"jsonrpc":"2.0","id":1,"method":"ping"}', [0xe2, 0x82])),
  entry("Latin-1", concat('{"jsonrpc":"2.0","id":"', [0xe9], '","method":"ping"}')),
  entry("NUL before", concat([0], CALL)),
  entry("NUL behind", concat(CALL, [0])),
  entry("no-break space before", `\u00a0${CALL}`),
  entry("no-break space behind", `${CALL}\u00a0`),
  entry("form feed behind", `${CALL}\f`),
  entry("vertical tab before", `\v${CALL}`),
  entry("line separator behind", `${CALL}\u2028`),
  entry("a comma behind", `${CALL},`),
  entry("a brace behind", `${CALL}}`),
  entry("a second message behind", `${CALL}${CALL}`),
  entry("a second message on the next line", `${CALL}\n${CALL}`),
  entry("record separators", `\u001e${CALL}\n`),
  entry("a Content-Length frame", `Content-Length: ${CALL.length}\r\n\r\n${CALL}`),
  entry("an SSE frame", `data: ${CALL}\n\n`),
  entry("JSONP", `callback(${CALL})`),
  entry("a guard against hijacking", `)]}',\n${CALL}`),
  entry("a line comment behind", `${CALL}// {}`),
  entry("a line comment inside", CALL.replace('"id"', '// x\n"id"')),
  entry("a block comment inside", CALL.replace('"id"', '/* x */"id"')),
  entry("a hash comment before", `# x\n${CALL}`),
  entry("gzip", gzipSync(CALL)),
  entry("a form", "jsonrpc=2.0&id=1&method=tools%2Fcall"),
  entry("XML", "<methodCall><methodName>tools/call</methodName></methodCall>"),
  entry("YAML", "jsonrpc: '2.0'\nid: 1\nmethod: ping\n"),
  entry("a multipart body", `--x\r\nContent-Type: application/json\r\n\r\n${CALL}\r\n--x--\r\n`),
  entry("cut off in the middle", CALL.slice(0, 60)),
  entry("cut off by one", CALL.slice(0, -1)),
];

const SYNTAX: readonly CorpusBody[] = [
  entry("single quotes", CALL.replaceAll('"', "'")),
  entry("keys without quotes", CALL.replace('"method"', "method")),
  entry("a comma at the end of an object", CALL.replace(/\}\}\}$/, "},}}")),
  entry("a comma at the end of the message", CALL.replace(/\}$/, ",}")),
  entry("two commas", CALL.replace(',"id"', ',,"id"')),
  entry("a comma at the start", CALL.replace("{", "{,")),
  entry("no comma", CALL.replace(',"id"', ' "id"')),
  entry("a colon too many", CALL.replace('"id":', '"id"::')),
  entry("an equals sign", CALL.replace('"id":', '"id"=')),
  entry("NaN", CALL.replace(":1,", ":NaN,")),
  entry("Infinity", CALL.replace(":1,", ":Infinity,")),
  entry("undefined", CALL.replace(":1,", ":undefined,")),
  entry("a number in hex", CALL.replace(":1,", ":0x1,")),
  entry("a leading zero", CALL.replace(":1,", ":01,")),
  entry("a leading plus", CALL.replace(":1,", ":+1,")),
  entry("a leading point", CALL.replace(":1,", ":.5,")),
  entry("a point at the end", CALL.replace(":1,", ":1.,")),
  entry("an underscore in a number", CALL.replace(":1,", ":1_0,")),
  entry("a number beyond a double", withMember('"n":1e400')),
  entry("a big integer literal", CALL.replace(":1,", ":1n,")),
  entry("True", withMember('"n":True')),
  entry("None", withMember('"n":None')),
  entry("a raw line feed in a string", withMember('"n":"a\nb"')),
  entry("a raw tab in a string", withMember('"n":"a\tb"')),
  entry("a raw NUL in a string", withMember('"n":"a\0b"')),
  entry("a raw escape character in a key", withMember('"n\u001b":"a"')),
  entry("a broken escape", withMember(String.raw`"n":"\x41"`)),
  entry("an escape of an apostrophe", withMember(String.raw`"n":"\'"`)),
  entry("an escape cut short", withMember(String.raw`"n":"\u004"`)),
  entry("an escape in braces", withMember(String.raw`"n":"\u{41}"`)),
  entry("a line that goes on", withMember('"n":"a\\\nb"')),
  entry("a lone high surrogate", withMember(String.raw`"n":"\ud800"`)),
  entry("a lone low surrogate", withMember(String.raw`"n":"\udc00"`)),
  entry("surrogates the wrong way round", withMember(String.raw`"n":"\udc00\ud800"`)),
  entry("a lone surrogate in a key", withMember(String.raw`"n\ud800":1`)),
  entry("nested 33 deep", withMember(`"n":${"[".repeat(30)}${"]".repeat(30)}`)),
  entry("nested 100,000 deep", withMember(`"n":${"[".repeat(100_000)}${"]".repeat(100_000)}`)),
  entry("100,000 brackets that never close", "[".repeat(100_000)),
  entry("objects nested 40 deep", withMember(`"n":${'{"a":'.repeat(40)}1${"}".repeat(40)}`)),
];

const NOT_A_MESSAGE: readonly CorpusBody[] = [
  ...["null", "true", "0", '"tools/call"', "{}", '{"jsonrpc":"2.0"}', '{"jsonrpc":"2.0","id":1}'].map((body) =>
    entry(`the value ${body}`, body),
  ),
  entry("a message in a string", JSON.stringify(CALL)),
  entry("a batch where there are none", `[${CALL}]`),
  entry("a batch where there are none, 2025-11-25", `[${CALL}]`, "2025-11-25"),
  entry("a batch where there are none, 2026-07-28", `[${CALL}]`, "2026-07-28"),
  entry("a batch where there are none, 2024-11-05", `[${CALL}]`, "2024-11-05"),
  entry("an empty batch where there are none", "[]"),
];

const BATCH: ProtocolVersion = "2025-03-26";
const BATCHES: readonly CorpusBody[] = [
  entry("an empty batch", "[]", BATCH),
  entry("a batch of a batch", `[[${CALL}]]`, BATCH),
  entry("a batch with null", `[${CALL},null]`, BATCH),
  entry("a batch with text", `[${CALL},"ping"]`, BATCH),
  entry("a batch with a comma at the end", `[${CALL},]`, BATCH),
  entry("a batch with the same id twice", `[${CALL},${CALL}]`, BATCH),
  entry("a batch with initialize", `[{"jsonrpc":"2.0","id":1,"method":"initialize","params":{}}]`, BATCH),
  entry("a batch with a message that is none", `[${CALL},{"jsonrpc":"2.0","id":2}]`, BATCH),
  entry("a batch with a look-alike", `[${CALL},{"jsonrpc":"2.0","id":2,"Method":"ping"}]`, BATCH),
  entry("a batch with null as id", `[{"jsonrpc":"2.0","id":null,"method":"ping"}]`, BATCH),
  entry(
    "a batch of 101",
    `[${Array.from({ length: 101 }, (_, id) => `{"jsonrpc":"2.0","id":${id},"method":"ping"}`).join(",")}]`,
    BATCH,
  ),
  entry(
    "a batch with a portal that is none",
    `[${CALL},${withArguments('{"portal_id":"a/b"}').replace(":1,", ":2,")}]`,
    BATCH,
  ),
];

const TWICE: readonly CorpusBody[] = [
  entry("jsonrpc twice", CALL.replace("{", '{"jsonrpc":"2.0",')),
  entry("id twice", CALL.replace("{", '{"id":2,')),
  entry("method twice", CALL.replace("{", '{"method":"ping",')),
  entry("method twice, last one harmless", CALL.replace(/\}$/, ',"method":"ping"}')),
  entry("params twice", CALL.replace("{", '{"params":{"name":"update_ticket"},')),
  entry("method twice, one escaped", CALL.replace("{", String.raw`{"m\u0065thod":"ping",`)),
  entry("params twice, both escaped", CALL.replace("{", String.raw`{"\u0070arams":{},"p\u0061rams":{},`)),
  entry("name twice", withParams(`{"name":"update_ticket","name":"get_ticket","arguments":${ARGUMENTS}}`)),
  entry("name twice, one escaped", withParams(String.raw`{"name":"get_ticket","n\u0061me":"update_ticket"}`)),
  entry(
    "arguments twice",
    withParams(`{"name":"get_ticket","arguments":${ARGUMENTS},"arguments":{"portal_id":"globex"}}`),
  ),
  entry("the portal twice", withArguments('{"portal_id":"acme","portal_id":"globex"}')),
  entry("the portal twice, equal", withArguments('{"portal_id":"acme","portal_id":"acme"}')),
  entry("the portal twice, one escaped", withArguments(String.raw`{"portal_id":"acme","portal\u005fid":"globex"}`)),
  entry("a key twice, far down", withMember('"n":{"a":[{"b":1,"b":2}]}')),
  entry("an empty key twice", withMember('"n":{"":1,"":2}')),
  entry("uri twice", withParams('{"uri":"ticket://acme/1","uri":"ticket://globex/1"}', "resources/read")),
  entry("_meta twice", withParams(`{"name":"get_ticket","_meta":{},"_meta":{"a":1},"arguments":${ARGUMENTS}}`)),
  entry("__proto__ in the message", CALL.replace("{", '{"__proto__":{"method":"ping"},')),
  entry("__proto__ in params", withParams(`{"__proto__":{"name":"update_ticket"},"name":"get_ticket"}`)),
  entry("__proto__ in arguments", withArguments('{"__proto__":{"portal_id":"globex"}}')),
  entry("__proto__ escaped", withArguments(String.raw`{"\u005f_proto__":{"portal_id":"globex"}}`)),
];

const title = (key: string): string => key.replace(/[a-z]/, (letter) => letter.toUpperCase());
const wide = (key: string): string =>
  key.replace(/[a-z]/, (letter) => String.fromCodePoint((letter.codePointAt(0) ?? 0) + 0xfee0));
const SPELLINGS: readonly (readonly [string, (key: string) => string])[] = [
  ["with a capital", title],
  ["in capitals", (key) => key.toUpperCase()],
  ["with a wide letter", wide],
  ["with a space behind", (key) => `${key} `],
  ["with NUL behind", (key) => `${key}\\u0000`],
  ["with a zero-width space", (key) => `${key.slice(0, 1)}\u200b${key.slice(1)}`],
];

function lookAlikes(
  keys: readonly string[],
  make: (lookAlike: string) => string,
  where: string,
): readonly CorpusBody[] {
  return keys.flatMap((key) => SPELLINGS.map(([how, spell]) => entry(`${key} in ${where}, ${how}`, make(spell(key)))));
}

const LOOK_ALIKES: readonly CorpusBody[] = [
  ...lookAlikes(["jsonrpc", "id", "method", "params"], (key) => CALL.replace("{", `{"${key}":"ping",`), "the message"),
  ...lookAlikes(
    ["name", "arguments", "uri", "_meta"],
    (key) => withParams(`{"${key}":{},${PARAMS.slice(1)}`),
    "params",
  ),
  ...lookAlikes(["portal_id"], (key) => withArguments(`{"portal_id":"acme","${key}":"globex"}`), "arguments"),
  ...[
    "portalId",
    "PortalId",
    "portal-id",
    "portal.id",
    "portal id",
    "portalid",
    "_portal_id",
    "\uff30ortal\u2003Id",
  ].map((key) => entry(`the portal as ${key} too`, withArguments(`{"portal_id":"acme","${key}":"globex"}`))),
  entry("the portal as portalId alone", withArguments('{"portalId":"globex"}')),
  entry("na_me in params", withParams(`{"na_me":"update_portal",${PARAMS.slice(1)}`)),
  entry("meta beside _meta", withParams(`{"meta":{},${PARAMS.slice(1)}`)),
  entry("json-rpc", CALL.replace("{", '{"json-rpc":"2.0",')),
  entry(
    "resource_subscriptions in notifications",
    withParams('{"notifications":{"resource_subscriptions":["ticket://globex/1"]}}', "subscriptions/listen"),
  ),
  entry(
    "protocol_version in _meta",
    withParams('{"_meta":{"io.modelcontextprotocol/protocol_version":"2025-06-18"}}', "tools/list"),
  ),
  entry("Cursor in params", withParams('{"Cursor":"x"}', "tools/list")),
  entry("Ref in params", withParams('{"Ref":{"type":"ref/prompt","name":"x"}}', "completion/complete")),
  entry("the portal under a look-alike alone", withArguments('{"Portal_ID":"globex"}')),
  entry("long s for s in params", CALL.replace('"params"', '"param\u017f"')),
  entry("the dotless i in id", CALL.replace("{", '{"\u0131D":2,"\u212ad":1,')),
  entry("method under a look-alike alone", CALL.replace('"method"', '"Method"')),
  entry("Result beside a method", CALL.replace("{", '{"Result":{},')),
  entry(
    "Name in ref",
    withParams('{"ref":{"type":"ref/prompt","name":"summarize_ticket","Name":"x"}}', "completion/complete"),
  ),
  entry(
    "URI in ref",
    withParams('{"ref":{"type":"ref/resource","uri":"ticket://acme/1","URI":"x"}}', "completion/complete"),
  ),
  entry(
    "a look-alike of the version in _meta",
    withParams('{"_meta":{"IO.modelcontextprotocol/protocolVersion":"2025-06-18"}}', "tools/list"),
  ),
  entry(
    "ResourceSubscriptions in notifications",
    withParams('{"notifications":{"ResourceSubscriptions":["ticket://globex/1"]}}', "subscriptions/listen"),
  ),
];

const ENVELOPE: readonly CorpusBody[] = [
  entry("no jsonrpc", CALL.replace('"jsonrpc":"2.0",', "")),
  ...['"1.0"', '"2.00"', '"2"', "2.0", "2", "null", '["2.0"]'].map((value) =>
    entry(`jsonrpc is ${value}`, CALL.replace('"2.0"', value)),
  ),
  ...["null", "true", "1.5", "9007199254740992", "-9007199254740992", "1e300", "[1]", '{"a":1}'].map((value) =>
    entry(`id is ${value}`, CALL.replace(":1,", `:${value},`)),
  ),
  ...['""', "null", "1", '["tools/call"]', '{"a":1}', '"tools/call "', '" tools/call"', '"tools/call\\u0000"'].map(
    (value) => entry(`method is ${value}`, CALL.replace('"tools/call"', value)),
  ),
  ...['"tools\\\\call"', '"tools%2fcall"', '"tools/call?x"', '"t\u014d\u014dls/call"', '"tools/call\\n"'].map((value) =>
    entry(`method is ${value}`, CALL.replace('"tools/call"', value)),
  ),
  entry("method of 129 characters", CALL.replace("tools/call", "m".repeat(129))),
  ...["null", "[]", '["get_ticket"]', '"get_ticket"', "1", "false"].map((value) =>
    entry(`params is ${value}`, withParams(value)),
  ),
  ...["null", "[]", '"x"'].map((value) => entry(`_meta is ${value}`, withParams(`{"_meta":${value}}`, "ping"))),
  entry("method and result", CALL.replace("{", '{"result":{},')),
  entry("method and error", CALL.replace("{", '{"error":{"code":1,"message":"x"},')),
  entry("result and error", '{"jsonrpc":"2.0","id":1,"result":{},"error":{"code":1,"message":"x"}}'),
  entry("result and params", `{"jsonrpc":"2.0","id":1,"result":{},"params":${PARAMS}}`),
  entry("result without id", '{"jsonrpc":"2.0","result":{}}'),
  entry("result with null as id", '{"jsonrpc":"2.0","id":null,"result":{}}'),
  entry("result is text", '{"jsonrpc":"2.0","id":1,"result":"x"}'),
  entry("error is text", '{"jsonrpc":"2.0","id":1,"error":"x"}'),
  entry("an answer where clients send none", '{"jsonrpc":"2.0","id":1,"result":{}}', "2026-07-28"),
  entry("a key that JSON-RPC has not", CALL.replace("{", '{"auth":"x",')),
  entry("arguments beside params", CALL.replace("{", `{"arguments":${ARGUMENTS},`)),
];

const named = (name: string): string => withParams(`{"name":${name},"arguments":${ARGUMENTS}}`);
const OPERATION: readonly CorpusBody[] = [
  entry("a call without params", '{"jsonrpc":"2.0","id":1,"method":"tools/call"}'),
  entry("a call without a name", withParams(`{"arguments":${ARGUMENTS}}`)),
  ...["null", "1", '["get_ticket"]', '{"a":"get_ticket"}', "true"].map((name) => entry(`name is ${name}`, named(name))),
  ...["null", "[]", '[{"portal_id":"acme"}]', '"portal_id"', "1"].map((args) =>
    entry(`arguments is ${args}`, withArguments(args)),
  ),
  ...["null", "1", "true", '["acme"]', '{"id":"acme"}', '""', '"a/b"', '".."', '"."', '"acme "'].map((portal) =>
    entry(`portal is ${portal}`, withArguments(`{"portal_id":${portal}}`)),
  ),
  ...['"acme\\u0000"', '"acme,globex"', '"acm\u00e9"', '"acme%20"', '"*"', `"${"a".repeat(65)}"`].map((portal) =>
    entry(`portal is ${portal.slice(0, 20)}`, withArguments(`{"portal_id":${portal}}`)),
  ),
  entry("a prompt without a name", withParams('{"arguments":{}}', "prompts/get")),
  entry("a completion without ref", withParams('{"argument":{"name":"a","value":"b"}}', "completion/complete")),
  entry("a completion with ref as text", withParams('{"ref":"summarize_ticket"}', "completion/complete")),
  entry(
    "a completion of a prompt with a URI too",
    withParams(
      '{"ref":{"type":"ref/prompt","name":"summarize_ticket","uri":"ticket://acme/1"}}',
      "completion/complete",
    ),
  ),
  entry(
    "a completion of the portal with another in its context",
    withParams(
      '{"ref":{"type":"ref/prompt","name":"summarize_ticket"},"argument":{"name":"portal_id","value":"g"},"context":{"arguments":{"portal_id":"acme"}}}',
      "completion/complete",
    ),
  ),
  entry("listening to text", withParams('{"notifications":"all"}', "subscriptions/listen")),
  entry(
    "listening to one URI as text",
    withParams('{"notifications":{"resourceSubscriptions":"ticket://acme/1"}}', "subscriptions/listen"),
  ),
  entry("listening to a number", withParams('{"notifications":{"resourceSubscriptions":[1]}}', "subscriptions/listen")),
];

/** URIs that readers take for others; as JSON text. */
const ODD_URIS = [
  '""',
  '"ticket:"',
  '"acme/1"',
  '"//acme/1"',
  '"TICKET://acme/1"',
  '" ticket://acme/1"',
  '"ticket://acme/1 "',
  '"ticket://acme/../globex/1"',
  '"ticket://acme/./1"',
  '"ticket://acme/.."',
  '"ticket://acme/%2e%2e"',
  '"ticket://acme/%2E"',
  '"ticket://acme/1%2f2"',
  '"ticket://acme/1%2F2"',
  '"ticket://acme%2fglobex/1"',
  '"ticket://acme/1%5c2"',
  '"ticket://acme\\\\globex/1"',
  '"ticket:\\\\\\\\acme/1"',
  '"ticket://acme//1"',
  '"ticket://globex@acme/1"',
  '"ticket://acme:@globex/1"',
  '"ticket://acme/1#globex"',
  '"ticket://acme/1\\u0000"',
  '"ticket://acme/\\n1"',
  '"ticket://ac\\tme/1"',
  '"ticket://acme/%41"',
  '"ticket://acme/%zz"',
  '"ticket://acme/%"',
  '"ticket://acme/%c3%a4"',
  '"ticket://acme/%C0%AF"',
  '"ticket://acme/\u00e4"',
  '"ticket://\u0430cme/1"',
  '"ticket://../1"',
  '"ticket://acme/%00"',
  '"ticket://ac%6De/1"',
  '"ticket://acme,globex/1"',
  '"ticket://acme/{id}"',
  '"ticket://{portal}/1"',
  "1",
  "null",
  '["ticket://acme/1"]',
];

const URIS: readonly CorpusBody[] = ODD_URIS.map((uri) =>
  entry(`uri is ${uri}`, withParams(`{"uri":${uri}}`, "resources/read")),
);

/** All of them; names are unique. */
export const CORPUS: readonly CorpusBody[] = [
  ...BYTES,
  ...SYNTAX,
  ...NOT_A_MESSAGE,
  ...BATCHES,
  ...TWICE,
  ...LOOK_ALIKES,
  ...ENVELOPE,
  ...OPERATION,
  ...URIS,
];
