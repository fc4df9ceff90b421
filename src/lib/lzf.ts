/**
 * The LZF format of Marc Lehmann's liblzf, in which RDB files hold long strings. A compressed text is a row of
 *
 *   000lllll                      l + 1 bytes as they are follow
 *   LLLooooo oooooooo             L + 2 bytes (L from 1 to 6) that were o + 1 bytes ago
 *   111ooooo LLLLLLLL oooooooo    L + 9 bytes that were o + 1 bytes ago
 *
 * The compressor finds repetitions by a table of places where the hash of three bytes was last seen. With this hash, this
 * size of table and these places entered it takes the same decisions as liblzf in redis-server does.
 */

const HASH_BITS = 16;
const HASH_MASK = (1 << HASH_BITS) - 1;
const MAX_LITERALS = 32;
const MAX_DISTANCE = 1 << 13;
const MAX_REPEATED = 264;
/** Repetitions up to this length less 2 stand in the first byte. */
const LONG_LENGTH = 7;

/** So many bytes a compressed byte at most: three of them can say "264 bytes again". */
export const LZF_MAX_EXPANSION = MAX_REPEATED / 3;

/** Compresses one text after the other. Holds a table of 256 KB, made when it is first needed. */
export class LzfCompressor {
	#places: Int32Array | null = null;
	/** Places below it belong to earlier texts: so the table need not be cleared for each. */
	#base = 1;

	/**
	 * Compresses `length` bytes into at most `limit` bytes from `toAt` on, which must be there.
	 * @returns the compressed length; 0 when it does not fit, the target is then half written
	 */
	compress(
		from: Uint8Array,
		fromAt: number,
		length: number,
		to: Uint8Array,
		toAt: number,
		limit: number,
	): number {
		if (length === 0 || limit <= 0) return 0;
		const places = (this.#places ??= new Int32Array(1 << HASH_BITS));
		if (this.#base + length > 0x7fff_ffff) {
			places.fill(0);
			this.#base = 1;
		}
		const base = this.#base;
		this.#base += length;
		// What is added to an index of `from` to make it a place.
		const shift = base - fromAt;
		const end = fromAt + length;
		const hashEnd = end - 2;
		const outEnd = toAt + limit;
		let at = fromAt;
		// The byte before the literals says how many they are: it is left free and filled when they end.
		let out = toAt + 1;
		let literals = 0;
		let word = length > 1 ? (from[at]! << 8) | from[at + 1]! : 0;
		while (at < hashEnd) {
			word = (word << 8) | from[at + 2]!;
			const entry = hash(word);
			const seen = places[entry]! - shift;
			places[entry] = at + shift;
			const distance = at - seen - 1;
			// The first byte of the text is no place to refer to; nor is what an earlier text left.
			if (
				seen <= fromAt ||
				distance >= MAX_DISTANCE ||
				from[seen] !== from[at] ||
				from[seen + 1] !== from[at + 1] ||
				from[seen + 2] !== from[at + 2]
			) {
				if (out >= outEnd) return 0;
				to[out++] = from[at++]!;
				if (++literals === MAX_LITERALS) {
					to[out - MAX_LITERALS - 1] = MAX_LITERALS - 1;
					literals = 0;
					out++;
				}
				continue;
			}
			if (out - (literals === 0 ? 1 : 0) + 4 >= outEnd) return 0;
			if (literals === 0) out--;
			else to[out - literals - 1] = literals - 1;
			literals = 0;
			const longest = longestRepetition(end - at);
			let repeated = 3;
			while (repeated < longest && from[seen + repeated] === from[at + repeated]) repeated++;
			const coded = repeated - 2;
			if (coded < LONG_LENGTH) {
				to[out++] = (distance >>> 8) | (coded << 5);
			} else {
				to[out++] = (distance >>> 8) | (LONG_LENGTH << 5);
				to[out++] = coded - LONG_LENGTH;
			}
			to[out++] = distance;
			out++;
			at += repeated;
			if (at >= hashEnd) break;
			// Of the bytes passed over, the last two places are entered.
			word = (from[at - 2]! << 16) | (from[at - 1]! << 8) | from[at]!;
			places[hash(word)] = at - 2 + shift;
			word = (word << 8) | from[at + 1]!;
			places[hash(word)] = at - 1 + shift;
		}
		// What is left, at most a count and two bytes more than three.
		if (out + 3 > outEnd) return 0;
		while (at < end) {
			to[out++] = from[at++]!;
			if (++literals === MAX_LITERALS) {
				to[out - MAX_LITERALS - 1] = MAX_LITERALS - 1;
				literals = 0;
				out++;
			}
		}
		if (literals === 0) out--;
		else to[out - literals - 1] = literals - 1;
		return out - toAt;
	}
}

/**
 * How long a repetition may be with so many bytes left. Two bytes stay as they are; but liblzf compares 16 bytes at once
 * behind the first three where there are that many, also when they reach into these two.
 */
function longestRepetition(left: number): number {
	const longest = left - 2;
	return longest > 16 && longest < 19 ? 19 : Math.min(longest, MAX_REPEATED);
}

function hash(word: number): number {
	return ((word >>> (24 - HASH_BITS)) - Math.imul(word, 5)) & HASH_MASK;
}

/**
 * Decompresses `length` bytes into exactly `expected` bytes from `toAt` on, which must be there. False when the text is
 * not well formed or makes another number of bytes; nothing outside of both stretches is read or written.
 */
export function decompressLzf(
	from: Uint8Array,
	fromAt: number,
	length: number,
	to: Uint8Array,
	toAt: number,
	expected: number,
): boolean {
	const end = fromAt + length;
	const outEnd = toAt + expected;
	let at = fromAt;
	let out = toAt;
	while (at < end) {
		const control = from[at++]!;
		if (control < MAX_LITERALS) {
			const literalsEnd = at + control + 1;
			if (literalsEnd > end || out + control + 1 > outEnd) return false;
			while (at < literalsEnd) to[out++] = from[at++]!;
			continue;
		}
		let repeated = (control >>> 5) + 2;
		if (repeated === LONG_LENGTH + 2) {
			if (at >= end) return false;
			repeated += from[at++]!;
		}
		if (at >= end) return false;
		let seen = out - (((control & 0x1f) << 8) | from[at++]!) - 1;
		if (seen < toAt || out + repeated > outEnd) return false;
		// Byte by byte: what is repeated may reach into what is written.
		for (const repeatedEnd = out + repeated; out < repeatedEnd;) to[out++] = to[seen++]!;
	}
	return out === outEnd;
}
