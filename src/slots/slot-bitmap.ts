/** A set of slots as gossip and nodes carry it: one bit a slot, 2048 bytes, slot n at bit n % 8 of byte n / 8. */

import {assert} from '../lib/assert.ts';
import {endOfRun} from '../lib/runs.ts';
import {SLOT_COUNT} from './key-slot.ts';
import type {SlotRange} from './slot-ranges.ts';

export const SLOT_BITMAP_BYTES = SLOT_COUNT / 8;

export class SlotBitmap {
	/** The bits themselves. Written through the methods only, which keep `count` true. */
	readonly bytes: Uint8Array;
	#count: number;

	/** @param bytes taken over, not copied; 2048 of them */
	constructor(bytes?: Uint8Array) {
		this.bytes = bytes ?? new Uint8Array(SLOT_BITMAP_BYTES);
		assert(this.bytes.length === SLOT_BITMAP_BYTES, 'a slot bitmap has 2048 bytes');
		this.#count = bytes === undefined ? 0 : countBits(bytes);
	}

	static of(slots: Iterable<number>): SlotBitmap {
		const bitmap = new SlotBitmap();
		for (const slot of slots) {
			bitmap.add(slot);
		}
		return bitmap;
	}

	static ofRanges(ranges: Iterable<SlotRange>): SlotBitmap {
		const bitmap = new SlotBitmap();
		for (const [start, end] of ranges) {
			bitmap.addRun(start, end + 1);
		}
		return bitmap;
	}

	/** How many slots are in the set. */
	get count(): number {
		return this.#count;
	}

	has(slot: number): boolean {
		return ((this.bytes[slot >>> 3]! >>> (slot & 7)) & 1) === 1;
	}

	/** Adds a slot; false when it was there. */
	add(slot: number): boolean {
		assert(slot >= 0 && slot < SLOT_COUNT, 'a slot is from 0 to 16383');
		if (this.has(slot)) {
			return false;
		}
		this.bytes[slot >>> 3]! |= 1 << (slot & 7);
		this.#count++;
		return true;
	}

	/** Adds the slots from `first` up to `end`, which is not among them. */
	addRun(first: number, end: number): void {
		assert(first >= 0 && first <= end && end <= SLOT_COUNT, 'a run of slots lies from 0 to 16383');
		let slot = first;
		for (; slot < end && (slot & 7) !== 0; slot++) this.add(slot);
		const firstByte = slot >>> 3;
		const endByte = Math.max(end >>> 3, firstByte);
		this.#count += (endByte - firstByte) * 8 - countBits(this.bytes, firstByte, endByte);
		this.bytes.fill(0xff, firstByte, endByte);
		for (slot = Math.max(endByte * 8, slot); slot < end; slot++) this.add(slot);
	}

	/** Takes a slot out; false when it was not there. */
	delete(slot: number): boolean {
		assert(slot >= 0 && slot < SLOT_COUNT, 'a slot is from 0 to 16383');
		if (!this.has(slot)) {
			return false;
		}
		this.bytes[slot >>> 3]! &= ~(1 << (slot & 7));
		this.#count--;
		return true;
	}

	clear(): void {
		this.bytes.fill(0);
		this.#count = 0;
	}

	copy(): SlotBitmap {
		return new SlotBitmap(this.bytes.slice());
	}

	equals(other: SlotBitmap): boolean {
		return this.#count === other.#count && this.bytes.every((byte, i) => byte === other.bytes[i]);
	}

	/** The slots in ascending order. The set must not change meanwhile. */
	*[Symbol.iterator](): Generator<number, void, undefined> {
		for (let i = 0; i < SLOT_BITMAP_BYTES; i++) {
			const byte = this.bytes[i]!;
			for (let bit = 0; byte >>> bit !== 0; bit++) {
				if ((byte >>> bit) & 1) {
					yield i * 8 + bit;
				}
			}
		}
	}
}

/** The first slot from `slot` on that the bitmap holds; SLOT_COUNT when there is none. */
export function nextSlot(bytes: Uint8Array, slot: number): number {
	return nextBit(bytes, slot, 0);
}

/** The first slot from `slot` on that the bitmap does not hold; SLOT_COUNT when there is none. */
export function nextGap(bytes: Uint8Array, slot: number): number {
	return nextBit(bytes, slot, 0xff);
}

/** @param skipped the byte that has no bit of the wanted kind: 0 when ones are looked for, 0xff when zeros are */
function nextBit(bytes: Uint8Array, slot: number, skipped: 0 | 0xff): number {
	for (let at = slot; at < SLOT_COUNT; at++) {
		const index = at >>> 3;
		const byte = bytes[index]! ^ skipped;
		// The last byte's run ends where the bitmap does.
		if (byte === 0) at = endOfRun(bytes, index) * 8 - 1;
		else if (((byte >>> (at & 7)) & 1) === 1) return at;
	}
	return SLOT_COUNT;
}

function countBits(bytes: Uint8Array, first = 0, end: number = bytes.length): number {
	if (first === end) return 0;
	const uniformEnd = endOfRun(bytes, first, end);
	let count = bitsOf(bytes[first]!) * (uniformEnd - first);
	for (let at = uniformEnd; at < end; at++) count += bitsOf(bytes[at]!);
	return count;
}

function bitsOf(byte: number): number {
	let count = 0;
	for (let rest = byte; rest !== 0; rest &= rest - 1) count++;
	return count;
}
