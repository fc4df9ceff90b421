/**
 * Glob patterns over bytes: `*`, `?`, `[abc]`, `[^a]`, `[a-z]`, and a backslash before what stands for itself.
 * The odd corners are those of Redis 7.0, since clients see them through KEYS, SCAN MATCH and CONFIG GET:
 * - a class that is not closed ends with the pattern (`[ab` is `[ab]`), and `[^` alone matches any byte;
 * - in a class, `x-y` is a range even when y is `]`, and a range may be given backwards;
 * - an escaped byte in a class is compared with its case even when case does not count;
 * - the empty text matches the empty pattern only, not even `*`.
 */

const STAR = 0x2a;
const QUESTION = 0x3f;
const OPEN = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE = 0x5d;
const CARET = 0x5e;
const MINUS = 0x2d;

/** Whether the pattern describes the whole text. Time is at most the product of both lengths, memory none. */
export function globMatch(pattern: Uint8Array, text: Uint8Array, nocase = false): boolean {
	if (text.length === 0) {
		return pattern.length === 0;
	}
	let p = 0;
	let t = 0;
	// Where to resume when the bytes after the last star do not match: that star may then take one byte more.
	// Earlier stars need no second look, since the last one can take all that they could.
	let afterStar = -1;
	let starText = 0;
	while (t < text.length) {
		if (p < pattern.length && pattern[p] === STAR) {
			afterStar = ++p;
			starText = t;
			continue;
		}
		const next = p < pattern.length ? matchOne(pattern, p, text[t]!, nocase) : 0;
		if (next > 0) {
			p = next;
			t++;
		} else if (afterStar >= 0) {
			p = afterStar;
			t = ++starText;
		} else {
			return false;
		}
	}
	while (p < pattern.length && pattern[p] === STAR) {
		p++;
	}
	return p === pattern.length;
}

/** Whether the pattern is the single `*`, which needs no matching at all. */
export function isMatchAll(pattern: Uint8Array): boolean {
	return pattern.length === 1 && pattern[0] === STAR;
}

/** Matches one byte with the element at `p` (not a star): where the next element stands, or 0. */
function matchOne(pattern: Uint8Array, p: number, byte: number, nocase: boolean): number {
	const element = pattern[p]!;
	if (element === QUESTION) {
		return p + 1;
	}
	if (element === OPEN) {
		return matchClass(pattern, p + 1, byte, nocase);
	}
	const at = element === BACKSLASH && p + 1 < pattern.length ? p + 1 : p;
	return isSame(pattern[at]!, byte, nocase) ? at + 1 : 0;
}

/** Matches one byte with the class whose inside starts at `p`: where the element after the class stands, or 0. */
function matchClass(pattern: Uint8Array, p: number, byte: number, nocase: boolean): number {
	const end = pattern.length;
	const negated = p < end && pattern[p] === CARET;
	if (negated) {
		p++;
	}
	let found = false;
	while (p < end && pattern[p] !== CLOSE) {
		if (pattern[p] === BACKSLASH && p + 1 < end) {
			found ||= pattern[p + 1] === byte;
			p += 2;
		} else if (p + 2 < end && pattern[p + 1] === MINUS) {
			found ||= isInRange(pattern[p]!, pattern[p + 2]!, byte, nocase);
			p += 3;
		} else {
			found ||= isSame(pattern[p]!, byte, nocase);
			p++;
		}
	}
	return found === negated ? 0 : Math.min(p + 1, end);
}

function isInRange(a: number, b: number, byte: number, nocase: boolean): boolean {
	const low = Math.min(a, b);
	const high = Math.max(a, b);
	return nocase ? lower(byte) >= lower(low) && lower(byte) <= lower(high) : byte >= low && byte <= high;
}

function isSame(a: number, b: number, nocase: boolean): boolean {
	return a === b || (nocase && lower(a) === lower(b));
}

function lower(byte: number): number {
	return byte >= 65 && byte <= 90 ? byte + 32 : byte;
}
