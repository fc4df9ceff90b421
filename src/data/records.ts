/**
 * The record of a key: one block of the arena.
 *
 *   word 0     bits 0-2 type, 3-6 flags, 8-31 access bits (see access-clock.ts)
 *   word 1     length of the key
 *   word 2     length of the value; or the index of its object when it stands outside the block
 *   words 3-4  when the key expires, unix ms as float64; only with the flag VOLATILE
 *   the key    its bytes, or the index of its region (4 bytes) when it is longer than 8 KB
 *   the value  its bytes, unless OUTSIDE or not a string
 *
 * Knows nothing of hashes and slots. Who gives a record a new ref tells the table.
 */

import {Arena, byteAt, MAX_BLOCK_BYTES, segmentOf, wordAt} from '../lib/arena.ts';
import {allocateRegion, copyRegion, equalRegions, regionOf, type Region} from '../lib/region.ts';
import {ObjectTable} from './object-table.ts';

export const STRING = 0;
export const LIST = 1;
export const SET = 2;
export const ZSET = 3;
export const HASH = 4;
export const STREAM = 5;
export type ValueType = typeof STRING | typeof LIST | typeof SET | typeof ZSET | typeof HASH | typeof STREAM;

const TYPE_MASK = 0x07;
export const VOLATILE = 0x08;
/** OBJECT ENCODING says `raw` whatever the value's length: it was appended to or written into. */
export const RAW = 0x10;
/** A string whose bytes stand in a `LongString` of the object table. */
const OUTSIDE = 0x20;
/** Which of two generations the record is of: a walk tells by it what it has taken already (see record-walk.ts). */
export const GENERATION = 0x40;
const FLAGS_MASK = 0xff;
const ACCESS_SHIFT = 8;

const HEADER_BYTES = 12;
const EXPIRY_BYTES = 8;
const MAX_INSIDE_KEY_BYTES = 8 << 10;
const KEY_INDEX_BYTES = 4;
/** What a region, its two views and its entry cost beside the bytes themselves, about. */
const REGION_OVERHEAD_BYTES = 240;
/** A growing long string takes half its length more than it needs, but never more than this. */
const MAX_SPARE_BYTES = 32 << 20;

/** The bytes of a value over 16 KB. `region` may be longer than the value: that is room to grow. */
class LongString {
	region: Region;
	length: number;

	constructor(region: Region, length: number) {
		this.region = region;
		this.length = length;
	}
}

export class Records {
	readonly arena = new Arena();
	readonly objects = new ObjectTable();
	/** What new and overwritten records get: 0 or GENERATION. */
	generation = 0;

	/** Type, flags and access bits in one word: what hot paths read once and take apart themselves. */
	header(ref: number): number {
		return this.arena.segments[segmentOf(ref)]!.words[wordAt(ref)]!;
	}

	type(ref: number): ValueType {
		return (this.header(ref) & TYPE_MASK) as ValueType;
	}

	hasFlag(ref: number, flag: number): boolean {
		return (this.header(ref) & flag) !== 0;
	}

	setFlag(ref: number, flag: number, on: boolean): void {
		const header = this.header(ref);
		this.#setHeader(ref, on ? header | flag : header & ~flag);
	}

	accessBits(ref: number): number {
		return this.header(ref) >>> ACCESS_SHIFT;
	}

	setAccessBits(ref: number, bits: number): void {
		this.#setHeader(ref, (this.header(ref) & FLAGS_MASK) | (bits << ACCESS_SHIFT));
	}

	/** Whether the record's key is the given bytes. */
	hasKey(ref: number, region: Region, at: number, length: number): boolean {
		const segment = this.arena.segments[segmentOf(ref)]!;
		const word = wordAt(ref);
		if (segment.words[word + 1] !== length) {
			return false;
		}
		if (length > MAX_INSIDE_KEY_BYTES) {
			return equalRegions(this.keyRegion(ref), 0, region, at, length);
		}
		const keyAt = (word << 2) + HEADER_BYTES + (segment.words[word]! & VOLATILE);
		return equalRegions(segment.region, keyAt, region, at, length);
	}

	keyLength(ref: number): number {
		return this.arena.segments[segmentOf(ref)]!.words[wordAt(ref) + 1]!;
	}

	/** The region in which the key stands, at `keyAt(ref)`. Both are valid until the next change. */
	keyRegion(ref: number): Region {
		const region = this.arena.segments[segmentOf(ref)]!.region;
		if (this.keyLength(ref) <= MAX_INSIDE_KEY_BYTES) {
			return region;
		}
		return this.objects.get(region.view.getInt32(this.#insideKeyAt(ref), true)) as Region;
	}

	keyAt(ref: number): number {
		return this.keyLength(ref) > MAX_INSIDE_KEY_BYTES ? 0 : this.#insideKeyAt(ref);
	}

	/** Unix ms; -1 without an expiry. */
	expireAt(ref: number): number {
		const segment = this.arena.segments[segmentOf(ref)]!;
		if ((segment.words[wordAt(ref)]! & VOLATILE) === 0) {
			return -1;
		}
		return segment.region.view.getFloat64(byteAt(ref) + HEADER_BYTES, true);
	}

	/** The region in which a string's bytes stand, at `valueAt(ref)`. Both are valid until the next change. */
	valueRegion(ref: number): Region {
		const segment = this.arena.segments[segmentOf(ref)]!;
		return (segment.words[wordAt(ref)]! & OUTSIDE) === 0 ? segment.region : this.#longString(ref).region;
	}

	valueAt(ref: number): number {
		const segment = this.arena.segments[segmentOf(ref)]!;
		const word = wordAt(ref);
		const header = segment.words[word]!;
		if ((header & OUTSIDE) !== 0) {
			return 0;
		}
		// VOLATILE is 8, the length of what it adds.
		return (word << 2) + HEADER_BYTES + (header & VOLATILE) + insideKeyBytes(segment.words[word + 1]!);
	}

	valueLength(ref: number): number {
		const segment = this.arena.segments[segmentOf(ref)]!;
		const word = wordAt(ref);
		return (segment.words[word]! & OUTSIDE) === 0 ? segment.words[word + 2]! : this.#longString(ref).length;
	}

	/** The object of a value that is not a string. */
	object(ref: number): unknown {
		return this.objects.get(this.#objectIndex(ref));
	}

	/** Puts another object in the place of the one there. */
	setObject(ref: number, object: unknown): void {
		this.objects.set(this.#objectIndex(ref), object);
	}

	/** Charges the object of the record with so many bytes more (or less). */
	chargeObject(ref: number, bytes: number): void {
		this.objects.charge(this.#objectIndex(ref), bytes);
	}

	/** What the object is charged with. */
	objectBytes(ref: number): number {
		return this.objects.bytesOf(this.#objectIndex(ref));
	}

	/** All bytes that the record holds: its block, and what stands outside. */
	bytesOf(ref: number): number {
		const region = this.arena.segments[segmentOf(ref)]!.region;
		let bytes = this.arena.blockBytes(ref);
		if (this.keyLength(ref) > MAX_INSIDE_KEY_BYTES) {
			bytes += this.objects.bytesOf(region.view.getInt32(this.#insideKeyAt(ref), true));
		}
		return this.#hasObject(ref) ? bytes + this.objects.bytesOf(this.#objectIndex(ref)) : bytes;
	}

	/**
	 * Makes a record with a string value, copying both.
	 * @param expireAt unix ms, or -1
	 */
	createString(
		keyRegion: Region,
		keyAt: number,
		keyLength: number,
		valueRegion: Region,
		valueAt: number,
		valueLength: number,
		accessBits: number,
		expireAt: number,
	): number {
		const volatile = expireAt < 0 ? 0 : VOLATILE;
		const valueOffset = HEADER_BYTES + volatile + insideKeyBytes(keyLength);
		if (valueOffset + valueLength > MAX_BLOCK_BYTES) {
			const owned = valueRegion.bytes.slice(valueAt, valueAt + valueLength);
			return this.createLongString(keyRegion, keyAt, keyLength, owned, accessBits, expireAt);
		}
		const ref = this.arena.allocate(valueOffset + valueLength);
		const segment = this.arena.segments[segmentOf(ref)]!;
		const word = wordAt(ref);
		segment.words[word] = (accessBits << ACCESS_SHIFT) | volatile | this.generation | STRING;
		segment.words[word + 1] = keyLength;
		segment.words[word + 2] = valueLength;
		if (volatile !== 0) {
			segment.region.view.setFloat64((word << 2) + HEADER_BYTES, expireAt, true);
		}
		if (keyLength > MAX_INSIDE_KEY_BYTES) {
			this.#writeLongKey(ref, keyRegion, keyAt, keyLength);
		} else {
			copyRegion(keyRegion, keyAt, segment.region, (word << 2) + HEADER_BYTES + volatile, keyLength);
		}
		copyRegion(valueRegion, valueAt, segment.region, (word << 2) + valueOffset, valueLength);
		return ref;
	}

	/** The same for a value that the caller hands over: it is not copied, whatever its length. */
	createLongString(
		keyRegion: Region,
		keyAt: number,
		keyLength: number,
		value: Uint8Array,
		accessBits: number,
		expireAt: number,
	): number {
		const long = new LongString(regionOf(value), value.length);
		const index = this.objects.add(long, value.length + REGION_OVERHEAD_BYTES);
		return this.#create(OUTSIDE | STRING, index, keyRegion, keyAt, keyLength, accessBits, expireAt);
	}

	/** Makes a record whose value is an object. @param bytes the memory to charge the object with */
	createObject(
		type: ValueType,
		object: unknown,
		bytes: number,
		keyRegion: Region,
		keyAt: number,
		keyLength: number,
		accessBits: number,
		expireAt: number,
	): number {
		const index = this.objects.add(object, bytes);
		return this.#create(type, index, keyRegion, keyAt, keyLength, accessBits, expireAt);
	}

	/**
	 * Writes another string value over the one in the record, where its block fits: long enough, and not more than
	 * twice as long as needed. False when the record must be made anew; it is then unchanged. The flag RAW goes.
	 */
	overwriteString(
		ref: number,
		valueRegion: Region,
		valueAt: number,
		valueLength: number,
		accessBits: number,
	): boolean {
		const segment = this.arena.segments[segmentOf(ref)]!;
		const word = wordAt(ref);
		const header = segment.words[word]!;
		if ((header & (TYPE_MASK | OUTSIDE)) !== STRING) {
			return false;
		}
		const valueOffset = HEADER_BYTES + (header & VOLATILE) + insideKeyBytes(segment.words[word + 1]!);
		const length = valueOffset + valueLength;
		const room = this.arena.blockBytes(ref);
		if (length > room || length << 1 < room) {
			return false;
		}
		segment.words[word] = (accessBits << ACCESS_SHIFT) | (header & VOLATILE) | this.generation | STRING;
		segment.words[word + 2] = valueLength;
		copyRegion(valueRegion, valueAt, segment.region, (word << 2) + valueOffset, valueLength);
		return true;
	}

	/**
	 * Gives a string another length. What is added is zero; what is there stays. Takes more room than it needs, so
	 * that appending a byte at a time costs a copy now and then only. Returns the record's ref, often a new one.
	 */
	resizeString(ref: number, length: number): number {
		if (this.hasFlag(ref, OUTSIDE)) {
			this.#resizeLong(ref, length);
			return ref;
		}
		const valueAt = this.valueAt(ref);
		const oldLength = this.valueLength(ref);
		const offset = valueAt - byteAt(ref);
		if (offset + length <= this.arena.blockBytes(ref)) {
			const segment = this.arena.segments[segmentOf(ref)]!;
			segment.words[wordAt(ref) + 2] = length;
			if (length > oldLength) {
				segment.region.bytes.fill(0, valueAt + oldLength, valueAt + length);
			}
			return ref;
		}
		const grown = this.#grownCopy(ref, offset, oldLength, length);
		this.#releaseBlock(ref);
		return grown;
	}

	/**
	 * The same record under another key, in the same or in another place; what stands outside the block goes along
	 * without a copy. The old record is left as it is: `releaseMoved` it.
	 */
	moved(ref: number, target: Records, keyRegion: Region, keyAt: number, keyLength: number): number {
		const expireAt = this.expireAt(ref);
		const accessBits = this.accessBits(ref);
		const flags = this.header(ref) & FLAGS_MASK & ~(VOLATILE | GENERATION);
		if (!this.#hasObject(ref)) {
			const region = this.valueRegion(ref);
			const length = this.valueLength(ref);
			const moved = target.createString(
				keyRegion,
				keyAt,
				keyLength,
				region,
				this.valueAt(ref),
				length,
				accessBits,
				expireAt,
			);
			target.setFlag(moved, RAW, (flags & RAW) !== 0);
			return moved;
		}
		let index = this.#objectIndex(ref);
		if (target !== this) {
			index = target.objects.add(this.objects.get(index), this.objects.bytesOf(index));
		}
		return target.#create(flags, index, keyRegion, keyAt, keyLength, accessBits, expireAt);
	}

	/** The same record with another expiry. @param expireAt unix ms, or -1 for none */
	withExpireAt(ref: number, expireAt: number): number {
		const segment = this.arena.segments[segmentOf(ref)]!;
		const word = wordAt(ref);
		const isVolatile = (segment.words[word]! & VOLATILE) !== 0;
		const expiryAt = (word << 2) + HEADER_BYTES;
		if (isVolatile !== expireAt >= 0) {
			const length = insideKeyBytes(segment.words[word + 1]!) + this.#insideValueBytes(ref);
			if (isVolatile) {
				segment.region.bytes.copyWithin(expiryAt, expiryAt + EXPIRY_BYTES, expiryAt + EXPIRY_BYTES + length);
				segment.words[word]! &= ~VOLATILE;
			} else if (HEADER_BYTES + EXPIRY_BYTES + length <= this.arena.blockBytes(ref)) {
				segment.region.bytes.copyWithin(expiryAt + EXPIRY_BYTES, expiryAt, expiryAt + length);
				segment.words[word]! |= VOLATILE;
			} else {
				return this.#roomierWithExpireAt(ref, length, expireAt);
			}
		}
		if (expireAt >= 0) {
			segment.region.view.setFloat64(expiryAt, expireAt, true);
		}
		return ref;
	}

	/** Gives back the record and all that belongs to it. */
	release(ref: number): void {
		if (this.#hasObject(ref)) {
			this.objects.remove(this.#objectIndex(ref));
		}
		this.#releaseKey(ref);
		this.#releaseBlock(ref);
	}

	/** Gives back a record whose value went on in the record that `moved` made. */
	releaseMoved(ref: number, target: Records): void {
		if (target !== this && this.#hasObject(ref)) {
			this.objects.remove(this.#objectIndex(ref));
		}
		this.#releaseKey(ref);
		this.#releaseBlock(ref);
	}

	#create(
		flags: number,
		index: number,
		keyRegion: Region,
		keyAt: number,
		keyLength: number,
		accessBits: number,
		expireAt: number,
	): number {
		const volatile = expireAt < 0 ? 0 : VOLATILE;
		const ref = this.arena.allocate(HEADER_BYTES + volatile + insideKeyBytes(keyLength));
		const segment = this.arena.segments[segmentOf(ref)]!;
		const word = wordAt(ref);
		segment.words[word] = (accessBits << ACCESS_SHIFT) | volatile | this.generation | flags;
		segment.words[word + 1] = keyLength;
		segment.words[word + 2] = index;
		if (volatile !== 0) {
			segment.region.view.setFloat64((word << 2) + HEADER_BYTES, expireAt, true);
		}
		if (keyLength > MAX_INSIDE_KEY_BYTES) {
			this.#writeLongKey(ref, keyRegion, keyAt, keyLength);
		} else {
			copyRegion(keyRegion, keyAt, segment.region, (word << 2) + HEADER_BYTES + volatile, keyLength);
		}
		return ref;
	}

	#writeLongKey(ref: number, keyRegion: Region, keyAt: number, keyLength: number): void {
		const key = regionOf(keyRegion.bytes.slice(keyAt, keyAt + keyLength));
		const index = this.objects.add(key, keyLength + REGION_OVERHEAD_BYTES);
		this.arena.segments[segmentOf(ref)]!.region.view.setInt32(this.#insideKeyAt(ref), index, true);
	}

	/** Copies a string's record into a longer block, or its value out of the block, with room to grow. */
	#grownCopy(ref: number, offset: number, oldLength: number, length: number): number {
		const from = this.arena.segments[segmentOf(ref)]!;
		const fromAt = byteAt(ref);
		if (offset + length > MAX_BLOCK_BYTES) {
			const region = allocateRegion(length + spareBytes(length));
			copyRegion(from.region, fromAt + offset, region, 0, oldLength);
			const index = this.objects.add(
				new LongString(region, length),
				region.bytes.length + REGION_OVERHEAD_BYTES,
			);
			const grown = this.arena.allocate(offset);
			const to = this.arena.segments[segmentOf(grown)]!;
			copyRegion(from.region, fromAt, to.region, byteAt(grown), offset);
			to.words[wordAt(grown)]! |= OUTSIDE;
			to.words[wordAt(grown) + 2] = index;
			return grown;
		}
		const wanted = offset + length;
		const grown = this.arena.allocate(Math.min(wanted + spareBytes(wanted), MAX_BLOCK_BYTES));
		const to = this.arena.segments[segmentOf(grown)]!;
		const toAt = byteAt(grown);
		copyRegion(from.region, fromAt, to.region, toAt, offset + oldLength);
		to.region.bytes.fill(0, toAt + offset + oldLength, toAt + wanted);
		to.words[wordAt(grown) + 2] = length;
		return grown;
	}

	#resizeLong(ref: number, length: number): void {
		const long = this.#longString(ref);
		const capacity = long.region.bytes.length;
		if (length > capacity) {
			const region = allocateRegion(length + spareBytes(length));
			copyRegion(long.region, 0, region, 0, long.length);
			this.objects.charge(this.#objectIndex(ref), region.bytes.length - capacity);
			long.region = region;
		} else if (length > long.length) {
			long.region.bytes.fill(0, long.length, length);
		}
		long.length = length;
	}

	/** Copies a record without expiry into a block that has room for one. */
	#roomierWithExpireAt(ref: number, length: number, expireAt: number): number {
		if (HEADER_BYTES + EXPIRY_BYTES + length > MAX_BLOCK_BYTES) {
			// The value was just short enough for the longest block.
			const oldLength = this.valueLength(ref);
			const outside = this.#grownCopy(ref, this.valueAt(ref) - byteAt(ref), oldLength, MAX_BLOCK_BYTES);
			this.#longString(outside).length = oldLength;
			this.#releaseBlock(ref);
			return this.withExpireAt(outside, expireAt);
		}
		const roomier = this.arena.allocate(HEADER_BYTES + EXPIRY_BYTES + length);
		const from = this.arena.segments[segmentOf(ref)]!;
		const to = this.arena.segments[segmentOf(roomier)]!;
		const fromAt = byteAt(ref);
		const toAt = byteAt(roomier);
		copyRegion(from.region, fromAt, to.region, toAt, HEADER_BYTES);
		copyRegion(from.region, fromAt + HEADER_BYTES, to.region, toAt + HEADER_BYTES + EXPIRY_BYTES, length);
		to.words[wordAt(roomier)]! |= VOLATILE;
		to.region.view.setFloat64(toAt + HEADER_BYTES, expireAt, true);
		this.#releaseBlock(ref);
		return roomier;
	}

	#releaseKey(ref: number): void {
		if (this.keyLength(ref) > MAX_INSIDE_KEY_BYTES) {
			const view = this.arena.segments[segmentOf(ref)]!.region.view;
			this.objects.remove(view.getInt32(this.#insideKeyAt(ref), true));
		}
	}

	#releaseBlock(ref: number): void {
		this.arena.release(ref);
	}

	#setHeader(ref: number, header: number): void {
		this.arena.segments[segmentOf(ref)]!.words[wordAt(ref)] = header;
	}

	#insideKeyAt(ref: number): number {
		return byteAt(ref) + HEADER_BYTES + (this.header(ref) & VOLATILE);
	}

	#insideValueBytes(ref: number): number {
		return this.#hasObject(ref) ? 0 : this.arena.segments[segmentOf(ref)]!.words[wordAt(ref) + 2]!;
	}

	#hasObject(ref: number): boolean {
		return (this.header(ref) & (TYPE_MASK | OUTSIDE)) !== STRING;
	}

	#objectIndex(ref: number): number {
		return this.arena.segments[segmentOf(ref)]!.words[wordAt(ref) + 2]!;
	}

	#longString(ref: number): LongString {
		return this.objects.get(this.#objectIndex(ref)) as LongString;
	}
}

/** Values longer than this always stand outside the block, so that one handed over need not be copied. */
export const MAX_INSIDE_VALUE_BYTES = MAX_BLOCK_BYTES;

/** How many bytes of the block the key takes. */
function insideKeyBytes(keyLength: number): number {
	return keyLength > MAX_INSIDE_KEY_BYTES ? KEY_INDEX_BYTES : keyLength;
}

function spareBytes(length: number): number {
	return Math.min(length >>> 1, MAX_SPARE_BYTES);
}
