/** Replies as `redis-cli --raw` prints them. Pure. */

import {RespError, type Reply} from '../resp/reply-parser.ts';

const STRICT = new TextDecoder('utf-8', {fatal: true, ignoreBOM: true});
const BACKSLASH = 0x5c;
const QUOTE = 0x22;

/**
 * Elements stand a line each, nil is nothing, and an error has a line feed of its own. Bytes that are no text are quoted,
 * `"\xff\x00"`, where redis-cli writes them as they are: lines go through messages and JSON, and to terminals.
 * @param reply of a binary parser: bulk strings are bytes
 */
export function formatRawReply(reply: Reply): string {
	if (reply === null) return '';
	if (reply instanceof RespError) return `${reply.message}\n`;
	if (reply instanceof Uint8Array) return formatBytes(reply);
	if (Array.isArray(reply)) return reply.map(formatRawReply).join('\n');
	if (reply instanceof Map) return [...reply].flat().map(formatRawReply).join('\n');
	if (reply instanceof Set) return [...reply].map(formatRawReply).join('\n');
	if (typeof reply === 'boolean') return reply ? '(true)' : '(false)';
	return String(reply);
}

/** Text as it is; other bytes between quotes with the escapes of redis-cli. */
export function formatBytes(bytes: Uint8Array): string {
	try {
		return STRICT.decode(bytes);
	} catch {
		return quoteBytes(bytes);
	}
}

function quoteBytes(bytes: Uint8Array): string {
	let text = '"';
	for (const byte of bytes) text += escapeByte(byte);
	return `${text}"`;
}

function escapeByte(byte: number): string {
	switch (byte) {
		case BACKSLASH:
		case QUOTE:
			return `\\${String.fromCharCode(byte)}`;
		case 0x0a:
			return '\\n';
		case 0x0d:
			return '\\r';
		case 0x09:
			return '\\t';
		case 0x07:
			return '\\a';
		case 0x08:
			return '\\b';
		default:
			return byte >= 0x20 && byte < 0x7f
				? String.fromCharCode(byte)
				: `\\x${byte.toString(16).padStart(2, '0')}`;
	}
}
