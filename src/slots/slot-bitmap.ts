/** A set of slots as gossip and nodes carry it: one bit a slot, 2048 bytes, slot n at bit n % 8 of byte n / 8. */

import {assert} from '../lib/assert.ts';
import {SLOT_COUNT} from './key-slot.ts';
import type {SlotRange} from './slot-ranges.ts';

export const SLOT_BITMAP_BYTES = SLOT_COUNT / 8;

export class SlotBitmap {
	/** The bits themselves. Written through the methods only, which keep `count` true. */
	readonly bytes: Uint8Array;
	#count: number;

	/** @param bytes taken over, not copied; 2048 of them */
	constructor(bytes: Uint8Array = new Uint8Array(SLOT_BITMAP_BYTES)) {
		assert(bytes.length === SLOT_BITMAP_BYTES, 'a slot bitmap has 2048 bytes');
		this.bytes = bytes;
		this.#count = countBits(bytes);
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
			for (let slot = start; slot <= end; slot++) {
				bitmap.add(slot);
			}
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

function countBits(bytes: Uint8Array): number {
	let count = 0;
	for (let byte of bytes) {
		for (; byte !== 0; byte &= byte - 1) {
			count++;
		}
	}
	return count;
}
