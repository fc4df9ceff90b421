/**
 * Integers as decimal text, read as strictly as Redis reads them (`string2ll`): no sign but one minus, no leading
 * zero, no space, nothing beyond 64 bits. So a text that parses is the text that printing gives back.
 */

export const INT64_MAX = 2n ** 63n - 1n;
export const INT64_MIN = -(2n ** 63n);
export const UINT64_MAX = 2n ** 64n - 1n;

const MINUS = 0x2d;
const ZERO = 0x30;
/** As many digits always fit a safe integer; one more may not. */
const SAFE_DIGITS = 15;
const INT64_DIGITS = 19;

/**
 * Reads a signed 64-bit integer: a number where that is exact, a bigint beyond it, `null` when the text is not one.
 * Allocates nothing up to 15 digits.
 */
export function parseInt64(bytes: Uint8Array, at = 0, length = bytes.length): number | bigint | null {
	const negative = length > 0 && bytes[at] === MINUS;
	const digitsAt = negative ? at + 1 : at;
	const digits = negative ? length - 1 : length;
	if (digits <= SAFE_DIGITS) {
		const magnitude = parseUint(bytes, digitsAt, digits);
		if (magnitude < 0 || (negative && magnitude === 0)) {
			return null;
		}
		return negative ? -magnitude : magnitude;
	}
	if (digits > INT64_DIGITS || bytes[digitsAt] === ZERO) {
		return null;
	}
	let magnitude = 0n;
	for (let i = digitsAt; i < digitsAt + digits; i++) {
		const digit = bytes[i]! - ZERO;
		if (digit < 0 || digit > 9) {
			return null;
		}
		magnitude = magnitude * 10n + BigInt(digit);
	}
	const value = negative ? -magnitude : magnitude;
	if (value > INT64_MAX || value < INT64_MIN) {
		return null;
	}
	return toNumberWhenSafe(value);
}

/**
 * Reads a signed integer that a number holds exactly; `NaN` when the text is none or is beyond 2^53 - 1.
 * The form for hot paths: always a number, no allocation.
 */
export function parseSafeInteger(bytes: Uint8Array, at = 0, length = bytes.length): number {
	if (length > SAFE_DIGITS) {
		const value = parseInt64(bytes, at, length);
		return typeof value === 'number' ? value : Number.NaN;
	}
	if (length > 0 && bytes[at] === MINUS) {
		const magnitude = parseUint(bytes, at + 1, length - 1);
		return magnitude > 0 ? -magnitude : Number.NaN;
	}
	const magnitude = parseUint(bytes, at, length);
	return magnitude >= 0 ? magnitude : Number.NaN;
}

/** Reads an unsigned integer of at most 2^53 - 1, without leading zeros; -1 when the text is none. */
export function parseUint(bytes: Uint8Array, at = 0, length = bytes.length): number {
	if (length === 0 || length > SAFE_DIGITS + 1 || (length > 1 && bytes[at] === ZERO)) {
		return -1;
	}
	let value = 0;
	for (let i = at; i < at + length; i++) {
		const digit = bytes[i]! - ZERO;
		if (digit < 0 || digit > 9) {
			return -1;
		}
		value = value * 10 + digit;
	}
	return Number.isSafeInteger(value) ? value : -1;
}

/** The number when it is exact, the bigint itself else: the two forms in which 64-bit integers travel here. */
export function toNumberWhenSafe(value: bigint): number | bigint {
	const number = Number(value);
	return Number.isSafeInteger(number) ? number : value;
}

/** How many characters the decimal text of a safe integer takes, the minus included. */
export function decimalLength(value: number): number {
	let length = 1;
	if (value < 0) {
		length++;
		value = -value;
	}
	// Ten at a time while the value may exceed int32: beyond, division is done on doubles.
	while (value >= 1e9) {
		value = Math.floor(value / 1e9);
		length += 9;
	}
	let rest = value | 0;
	while (rest >= 10) {
		rest = (rest / 10) | 0;
		length++;
	}
	return length;
}

/** Writes the decimal text of a safe integer and returns its length. The target must have room for up to 17 bytes. */
export function writeInteger(bytes: Uint8Array, at: number, value: number): number {
	const length = decimalLength(value);
	let rest = value;
	if (value < 0) {
		bytes[at] = MINUS;
		rest = -value;
	}
	let i = at + length;
	while (rest > 0x7fff_ffff) {
		const quotient = Math.floor(rest / 10);
		bytes[--i] = ZERO + (rest - quotient * 10);
		rest = quotient;
	}
	let small = rest | 0;
	do {
		const quotient = (small / 10) | 0;
		bytes[--i] = ZERO + (small - quotient * 10);
		small = quotient;
	} while (small > 0);
	return length;
}
