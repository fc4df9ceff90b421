/** Helpers for byte strings. Text crosses this border in one of two ways: as UTF-8, or as latin1, which loses no byte. */

const encoder = new TextEncoder();

/** From this length on the call of memcmp costs less than a loop. */
const NATIVE_COMPARISON_BYTES = 256;

export const EMPTY_BYTES = new Uint8Array(0);

/** The UTF-8 bytes of a text. */
export function toBytes(text: string): Uint8Array {
	return encoder.encode(text);
}

/** One byte a character; characters over 255 lose their upper bits. The inverse of `latin1`. */
export function latin1ToBytes(text: string): Uint8Array {
	const bytes = new Uint8Array(text.length);
	for (let i = 0; i < text.length; i++) {
		bytes[i] = text.charCodeAt(i);
	}
	return bytes;
}

/** The bytes as text, one character a byte: any bytes survive the way there and back. */
export function latin1(bytes: Uint8Array, start = 0, end = bytes.length): string {
	return asBuffer(bytes).toString('latin1', start, end);
}

/** The bytes read as UTF-8; what is not valid becomes U+FFFD. */
export function utf8(bytes: Uint8Array, start = 0, end = bytes.length): string {
	return asBuffer(bytes).toString('utf8', start, end);
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
	if (a.length !== b.length) {
		return false;
	}
	if (a.length > NATIVE_COMPARISON_BYTES) {
		return asBuffer(a).equals(b);
	}
	for (let i = 0; i < a.length; i++) {
		if (a[i] !== b[i]) {
			return false;
		}
	}
	return true;
}

/** Order of memcmp, the shorter first among equals: negative, 0 or positive. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
	const length = Math.min(a.length, b.length);
	for (let i = 0; i < length; i++) {
		const difference = a[i]! - b[i]!;
		if (difference !== 0) {
			return difference;
		}
	}
	return a.length - b.length;
}

/**
 * Whether the bytes are the given word in any ASCII case.
 * @param word in upper case: letters, digits and signs outside `[\]^_` and `{|}~` and the backtick's neighbourhood
 */
export function isWord(bytes: Uint8Array, word: string, at = 0, length = bytes.length): boolean {
	if (length !== word.length) {
		return false;
	}
	for (let i = 0; i < length; i++) {
		const byte = bytes[at + i]!;
		const upper = byte >= 97 && byte <= 122 ? byte - 32 : byte;
		if (upper !== word.charCodeAt(i)) {
			return false;
		}
	}
	return true;
}

/** One array of its own with all parts in order. */
export function concat(parts: readonly Uint8Array[]): Uint8Array {
	let length = 0;
	for (const part of parts) {
		length += part.length;
	}
	const whole = new Uint8Array(length);
	let at = 0;
	for (const part of parts) {
		whole.set(part, at);
		at += part.length;
	}
	return whole;
}

function asBuffer(bytes: Uint8Array): Buffer {
	return bytes instanceof Buffer ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}
