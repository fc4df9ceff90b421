/** Bytes as text in double quotes, the way MONITOR and DEBUG show them: what is not printable ASCII is escaped. */

const ESCAPES: Readonly<Record<number, string>> = {
	0x07: '\\a',
	0x08: '\\b',
	0x09: '\\t',
	0x0a: '\\n',
	0x0d: '\\r',
	0x22: '\\"',
	0x5c: '\\\\',
};

/** `"a\n\x00b"`; pure ASCII. */
export function quoted(bytes: Uint8Array): string {
	let text = '"';
	for (const byte of bytes) {
		if (ESCAPES[byte] !== undefined) text += ESCAPES[byte];
		else if (byte >= 0x20 && byte < 0x7f) text += String.fromCharCode(byte);
		else text += `\\x${byte.toString(16).padStart(2, '0')}`;
	}
	return `${text}"`;
}
