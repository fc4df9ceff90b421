/**
 * One command as it stands in the bytes it was read from: offsets and lengths, no argument objects.
 *
 * ```
 *  region  … * 3 ␍␊ $ 3 ␍␊ S E T ␍␊ $ 3 ␍␊ k e y ␍␊ $ 5 ␍␊ v a l u e ␍␊ …
 *            ^start         ^offsets[0]    ^offsets[1]    ^offsets[2]      ^end
 * ```
 *
 * The parser fills it, handlers read it. A view that it gives is valid only until the handler returns.
 */

import {isWord, latin1, utf8} from '../lib/bytes.ts';
import {allocateRegion, type Region} from '../lib/region.ts';
import {keySlot} from '../slots/key-slot.ts';

/** Bulks from this size on may be handed over with the buffer they stand in (redis: PROTO_MBULK_BIG_ARG). */
export const HAND_OVER_BYTES = 32 * 1024;

const NO_REGION = allocateRegion(0);
const INITIAL_ARGUMENTS = 16;
/** Above this many places a request gives its tables back before the next command. */
const KEPT_ARGUMENTS = 4096;

/** One command, reused for the next. Public fields, because the parser and the hot handlers read them for each command. */
export class Request {
	/** Where the arguments stand: the chunk that was read, or the buffer a cut command was gathered in. */
	region: Region = NO_REGION;
	/** Number of arguments, the command's name included; while a command is cut, those read so far. */
	count = 0;
	/** Start of each argument in `region`. */
	offsets = new Int32Array(INITIAL_ARGUMENTS);
	/** Bytes of each argument. */
	lengths = new Int32Array(INITIAL_ARGUMENTS);
	/** The one slot of all keys, when the executor knows it, else -1. */
	slot = -1;
	/** The command's raw bytes are `region.bytes[start..end)`; `end` is where the next command starts. */
	start = 0;
	end = 0;
	/** Whether it came as a line of words. Its quoted words are then decoded in place: the raw bytes are no longer the line. */
	inline = false;
	/**
	 * Set by the connection when nobody will write to `region` again, so that `copy` may keep a part of it.
	 * `handedOver` then tells whether one did.
	 */
	ownsRegion = false;
	handedOver = false;

	// What the parser knows of a command that is not complete yet.

	/** Whether the command began and its end has not been seen. */
	partial = false;
	/** Arguments that the command announced. */
	expected = 0;
	/** Where parsing goes on: the header of the next argument, its data when `pendingLength` is known, or a line's unread part. */
	cursor = 0;
	/** Length of the argument whose header was read and whose data was not, else -1. */
	pendingLength = -1;
	/** When INCOMPLETE: the least number of further bytes that can complete the present argument or line; at least 1. */
	needed = 0;

	/** Slot of the first argument behind the name, where most keys stand; -1 while nobody asked. */
	#firstSlot = -1;

	/** View of an argument, valid until the handler returns. */
	bytes(index: number): Uint8Array {
		const at = this.offsets[index]!;
		return this.region.bytes.subarray(at, at + this.lengths[index]!);
	}

	/**
	 * An argument that the caller may keep. It is a copy, but for a large one that makes up most of a buffer that
	 * belongs to this command alone: that one is handed over as it is.
	 */
	copy(index: number): Uint8Array {
		const at = this.offsets[index]!;
		const length = this.lengths[index]!;
		const {bytes} = this.region;
		if (this.ownsRegion && length >= HAND_OVER_BYTES && length * 2 >= bytes.length) {
			this.handedOver = true;
			return bytes.subarray(at, at + length);
		}
		return bytes.slice(at, at + length);
	}

	/** An argument decoded as UTF-8. */
	text(index: number): string {
		const at = this.offsets[index]!;
		return utf8(this.region.bytes, at, at + this.lengths[index]!);
	}

	/** An argument as a string of one character a byte. */
	latin1(index: number): string {
		const at = this.offsets[index]!;
		return latin1(this.region.bytes, at, at + this.lengths[index]!);
	}

	/** Whether an argument is `word` (given in upper case) in any ASCII case. */
	isWord(index: number, word: string): boolean {
		return isWord(this.region.bytes, word, this.offsets[index], this.lengths[index]);
	}

	/** An argument in upper case, one character a byte. */
	word(index: number): string {
		return this.latin1(index).replaceAll(/[a-z]+/g, (letters) => letters.toUpperCase());
	}

	/** Whether an argument has exactly these bytes. */
	equals(index: number, other: Uint8Array): boolean {
		const length = this.lengths[index]!;
		if (length !== other.length) return false;
		const {bytes} = this.region;
		const at = this.offsets[index]!;
		for (let i = 0; i < length; i++) {
			if (bytes[at + i] !== other[i]) return false;
		}
		return true;
	}

	/** The hash slot of the key at `index`, without computing it again where the executor did. */
	keySlot(index: number): number {
		if (this.slot >= 0) return this.slot;
		if (index !== 1) return keySlot(this.region.bytes, this.offsets[index]!, this.lengths[index]!);
		if (this.#firstSlot < 0) this.#firstSlot = keySlot(this.region.bytes, this.offsets[1]!, this.lengths[1]!);
		return this.#firstSlot;
	}

	/**
	 * Follows the bytes of a cut command to another place: what stood at `at` stands at `at + delta` of `region` now.
	 */
	rebase(delta: number, region: Region): void {
		this.region = region;
		this.start += delta;
		this.end += delta;
		this.cursor += delta;
		for (let i = 0; i < this.count; i++) this.offsets[i]! += delta;
	}

	/** Forgets a command that was cut: the next parse starts afresh. */
	reset(): void {
		this.#firstSlot = -1;
		this.partial = false;
		this.count = 0;
		this.pendingLength = -1;
		this.slot = -1;
		this.inline = false;
		this.ownsRegion = false;
		this.handedOver = false;
		if (this.offsets.length > KEPT_ARGUMENTS) {
			this.offsets = new Int32Array(INITIAL_ARGUMENTS);
			this.lengths = new Int32Array(INITIAL_ARGUMENTS);
		}
	}

	/** Makes room for one more argument: called by the parser when the tables are full. */
	grow(): void {
		const capacity = this.offsets.length * 2;
		const offsets = new Int32Array(capacity);
		const lengths = new Int32Array(capacity);
		offsets.set(this.offsets);
		lengths.set(this.lengths);
		this.offsets = offsets;
		this.lengths = lengths;
	}
}
