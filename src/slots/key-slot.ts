/** From a key to its hash slot (Cluster Specification, Hash tags). */

import {crc16, crc16Unless} from './crc16.ts';

export const SLOT_COUNT = 16384;

declare const slotBrand: unique symbol;

/** A number from 0 to 16383 that was checked. The hot path takes plain numbers; borders hand out this. */
export type Slot = number & {readonly [slotBrand]: true};

const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/**
 * The slot of the key at `bytes[at..at + length)`, from 0 to 16383. Allocates nothing.
 * What counts is the hash tag: the bytes between the first `{` and the first `}` after it,
 * or the whole key when there are none or nothing stands between.
 */
export function keySlot(bytes: Uint8Array, at = 0, length = bytes.length): number {
	const end = at + length;
	const crc = crc16Unless(bytes, at, end, OPEN_BRACE);
	return crc >= 0 ? crc & (SLOT_COUNT - 1) : taggedSlot(bytes, at, end);
}

/** The slot as a checked number; `null` for anything but a whole number from 0 to 16383. */
export function toSlot(value: number): Slot | null {
	return isSlot(value) ? value : null;
}

export function isSlot(value: number): value is Slot {
	return Number.isInteger(value) && value >= 0 && value < SLOT_COUNT;
}

/** The slot of a key that has an opening brace. */
function taggedSlot(bytes: Uint8Array, at: number, end: number): number {
	let tagAt = at;
	while (bytes[tagAt] !== OPEN_BRACE) {
		tagAt++;
	}
	tagAt++;
	let tagEnd = tagAt;
	while (tagEnd < end && bytes[tagEnd] !== CLOSE_BRACE) {
		tagEnd++;
	}
	const hasTag = tagEnd < end && tagEnd > tagAt;
	return (hasTag ? crc16(bytes, tagAt, tagEnd) : crc16(bytes, at, end)) & (SLOT_COUNT - 1);
}
