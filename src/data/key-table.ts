/**
 * From a key to its record: extendible hashing (Fagin and others, 1979), one table for each of the 16384 slots.
 *
 *   roots      of each slot: its only leaf, or its directory
 *   directory  2^d pairs, found by the upper d bits of the hash; a leaf of depth e < d stands in 2^(d-e) of them
 *   leaf       a block of the arena: pairs of words, sorted by hash, without gaps
 *
 *   roots[slot]  -->  leaf      | hash ref | hash ref | hash ref |         count and capacity stand beside the
 *        or      -->  directory | leaf state | leaf state | ...            leaf's ref, in its pair's second word
 *
 * A leaf is entered where its hash ought to stand among evenly spread ones, a few steps from where it does. It grows
 * by a quarter up to 256 entries, then splits; small neighbours merge again. So no growth ever touches more than one
 * leaf (and now and then one directory, 8 bytes for some 170 keys), and a walk in the order of hashes is not disturbed
 * by growth or shrinking: that order is the cursor of SCAN.
 *
 * An entry's first word is the hash shifted up by one | whether the key is volatile, so that the search for expired
 * keys passes all others without a look at their records.
 */

import {assert} from '../lib/assert.ts';
import {segmentOf, wordAt, type Arena} from '../lib/arena.ts';
import type {Prng} from '../lib/prng.ts';
import type {Region} from '../lib/region.ts';
import {SLOT_COUNT} from '../slots/key-slot.ts';
import {
	checkDirectory,
	COUNT_MASK,
	DEPTH_SHIFT,
	Directory,
	doubleDirectory,
	halveDirectory,
	HASH_BITS,
	leafState,
	NO_DIRECTORY,
	setLeaf,
	setState,
	stateCapacity,
} from './directory.ts';
import {EXPECTED_LIMIT} from './expected-keys.ts';
import type {Records} from './records.ts';
import type {RefBatch} from './ref-batch.ts';
import {SlotCounts} from './slot-counts.ts';

const LEAF_LIMIT = 256;
/** Two neighbours with no more entries than this become one: half of what splits, so that neither undoes the other. */
const MERGE_LIMIT = 128;
/** Beyond it, leaves of equal hashes grow up to the longest block instead: no directory is longer than 8 MB. */
const MAX_DEPTH = 20;
const MAX_LEAF_LIMIT = 2048;
const ENTRY_BYTES = 8;
/** So many leaves without a key to gather a walk passes (some 20 microseconds) before its caller may stop. */
const WALK_LIMIT = 64;

/** A position of `collect` is slot * 2^31 + hash; this is the one behind the last. */
export const END_POSITION = SLOT_COUNT * 2 ** HASH_BITS;

/** The position before all keys of the slot. */
export function slotPosition(slot: number): number {
	return slot * 2 ** HASH_BITS;
}

export class KeyTable {
	readonly #records: Records;
	readonly #arena: Arena;
	readonly #roots = new Int32Array(2 * SLOT_COUNT);
	readonly #directories: Directory[] = [];
	readonly #freeDirectories: number[] = [];
	readonly #all = new SlotCounts();
	readonly #volatile = new SlotCounts();
	/** Where in its leaf the last search ended: at the entry it found, or where a new one belongs. */
	#index = 0;
	/** Of `prefetch`: leaves, then refs, and states. */
	readonly #leaves = new Int32Array(EXPECTED_LIMIT);
	readonly #states = new Int32Array(EXPECTED_LIMIT);
	#lastRead = 0;

	constructor(records: Records) {
		this.#records = records;
		this.#arena = records.arena;
	}

	get size(): number {
		return this.#all.total;
	}

	get volatileCount(): number {
		return this.#volatile.total;
	}

	slotCount(slot: number): number {
		return this.#all.slots[slot]!;
	}

	slotVolatileCount(slot: number): number {
		return this.#volatile.slots[slot]!;
	}

	/** The ref of the key's record, or 0. What `insert`, `replace` and `remove` do next, they do at the place found. */
	find(slot: number, hash: number, region: Region, at: number, length: number): number {
		let pairs: Int32Array = this.#roots;
		let pair = slot << 1;
		if (pairs[pair]! < 0) {
			const directory = this.#directories[~pairs[pair]!]!;
			pairs = directory.entries;
			pair = (hash >>> (HASH_BITS - directory.depth)) << 1;
		}
		const leaf = pairs[pair]!;
		const state = pairs[pair + 1]!;
		const words = this.#arena.segments[segmentOf(leaf)]!.words;
		const base = wordAt(leaf);
		const count = state & COUNT_MASK;
		let index = lowerBound(words, base, count, state >>> DEPTH_SHIFT, hash);
		for (; index < count && words[base + (index << 1)]! >>> 1 === hash; index++) {
			const ref = words[base + (index << 1) + 1]!;
			if (this.#records.hasKey(ref, region, at, length)) {
				this.#index = index;
				return ref;
			}
		}
		this.#index = index;
		return 0;
	}

	/**
	 * Reads what `find` will read for these keys, step by step for all of them: first where in its leaf each is looked for,
	 * then its record. With a million keys each of these reads waits some 150 ns for memory, and reads that do not depend
	 * on each other wait together (16 keys at a time: 330 instead of 530 ns a key).
	 */
	prefetch(slots: Int32Array, hashes: Int32Array, count: number): void {
		let read = 0;
		for (let i = 0; i < count; i++) {
			const hash = hashes[i]!;
			let pairs: Int32Array = this.#roots;
			let pair = slots[i]! << 1;
			if (pairs[pair]! < 0) {
				const directory = this.#directories[~pairs[pair]!]!;
				pairs = directory.entries;
				pair = (hash >>> (HASH_BITS - directory.depth)) << 1;
			}
			const leaf = pairs[pair]!;
			const state = pairs[pair + 1]!;
			this.#leaves[i] = leaf;
			this.#states[i] = state;
			const guess = guessIndex(state & COUNT_MASK, state >>> DEPTH_SHIFT, hash);
			read ^= this.#arena.segments[segmentOf(leaf)]!.words[wordAt(leaf) + (guess << 1)]!;
		}
		for (let i = 0; i < count; i++) {
			const leaf = this.#leaves[i]!;
			const state = this.#states[i]!;
			const leafCount = state & COUNT_MASK;
			const words = this.#arena.segments[segmentOf(leaf)]!.words;
			const base = wordAt(leaf);
			const index = lowerBound(words, base, leafCount, state >>> DEPTH_SHIFT, hashes[i]!);
			this.#leaves[i] = index < leafCount ? words[base + (index << 1) + 1]! : 0;
		}
		for (let i = 0; i < count; i++) {
			const ref = this.#leaves[i]!;
			read ^= this.#arena.segments[segmentOf(ref)]!.words[wordAt(ref)]!;
		}
		// Kept, so that the reads are not optimized away.
		this.#lastRead = read;
	}

	/** What `prefetch` read; of no meaning. */
	get lastRead(): number {
		return this.#lastRead;
	}

	/** Goes to the entry of a record, as `find` does to that of a key. The record must be in the table. */
	seek(slot: number, hash: number, ref: number): void {
		const {pairs, pair} = this.#locate(slot, hash);
		const leaf = pairs[pair]!;
		const state = pairs[pair + 1]!;
		const words = this.#arena.segments[segmentOf(leaf)]!.words;
		const base = wordAt(leaf);
		const count = state & COUNT_MASK;
		let index = lowerBound(words, base, count, state >>> DEPTH_SHIFT, hash);
		while (index < count && words[base + (index << 1) + 1] !== ref) {
			index++;
		}
		assert(
			index < count && words[base + (index << 1)]! >>> 1 === hash,
			'a record sought by its ref is in the table',
		);
		this.#index = index;
	}

	/** Enters a record whose key the last `find` did not meet. @param volatile 1 when the record has an expiry, else 0 */
	insert(slot: number, hash: number, ref: number, volatile: number): void {
		let pairs: Int32Array = this.#roots;
		let pair = slot << 1;
		let span = 1;
		if (pairs[pair]! < 0) {
			const directory = this.#directories[~pairs[pair]!]!;
			pairs = directory.entries;
			pair = (hash >>> (HASH_BITS - directory.depth)) << 1;
			span = 1 << (directory.depth - (pairs[pair + 1]! >>> DEPTH_SHIFT));
		}
		const state = pairs[pair + 1]!;
		const count = state & COUNT_MASK;
		if (count === stateCapacity(state)) {
			this.#makeRoom(slot, hash);
			this.insert(slot, hash, ref, volatile);
			return;
		}
		const leaf = pairs[pair]!;
		const words = this.#arena.segments[segmentOf(leaf)]!.words;
		const base = wordAt(leaf);
		const at = base + (this.#index << 1);
		moveWords(words, at, at + 2, base + (count << 1) - at);
		words[at] = (hash << 1) | volatile;
		words[at + 1] = ref;
		setState(pairs, pair, span, state + 1);
		this.#all.add(slot, 1);
		if (volatile !== 0) {
			this.#volatile.add(slot, 1);
		}
	}

	/** Puts another ref, or another volatility, into the entry that was found. */
	replace(slot: number, hash: number, ref: number, volatile: number): void {
		const {pairs, pair} = this.#locate(slot, hash);
		const leaf = pairs[pair]!;
		const words = this.#arena.segments[segmentOf(leaf)]!.words;
		const at = wordAt(leaf) + (this.#index << 1);
		const change = volatile - (words[at]! & 1);
		if (change !== 0) {
			this.#volatile.add(slot, change);
		}
		words[at] = (hash << 1) | volatile;
		words[at + 1] = ref;
	}

	/** Takes out the entry that was found; the record is the caller's to release. */
	remove(slot: number, hash: number): void {
		const {pairs, pair, directory} = this.#locate(slot, hash);
		const leaf = pairs[pair]!;
		const state = pairs[pair + 1]!;
		const words = this.#arena.segments[segmentOf(leaf)]!.words;
		const count = (state & COUNT_MASK) - 1;
		const at = wordAt(leaf) + (this.#index << 1);
		this.#all.add(slot, -1);
		if ((words[at]! & 1) !== 0) {
			this.#volatile.add(slot, -1);
		}
		moveWords(words, at + 2, at, wordAt(leaf) + (count << 1) - at);
		const depth = state >>> DEPTH_SHIFT;
		const span = directory === null ? 1 : 1 << (directory.depth - depth);
		setState(pairs, pair, span, state - 1);
		const capacity = stateCapacity(state);
		if (count === 0 || (count << 1 < capacity && capacity > 4)) {
			this.#resizeLeaf(pairs, pair, span, count);
		}
		if (directory !== null && count <= MERGE_LIMIT) {
			while (this.#mergeLeaves(slot, hash)) {
				// A merged leaf may be small enough for its own neighbour.
			}
		}
	}

	/**
	 * Gathers the refs of up to `limit` keys from a position on (more only when further keys have the last one's
	 * hash), into `batch`. Whatever else happens to the table, a key that is there from the start to the end of the
	 * walk from 0 to END_POSITION is gathered, and no key twice unless it was removed and made anew meanwhile.
	 * Returns early, with fewer or none, when it passed many leaves that had none to gather.
	 * @param end where to stop; the position of a slot or END_POSITION
	 * @param volatileOnly leaves out all keys that do not expire
	 * @returns the position to go on from; `end` when nothing is left before it
	 */
	collect(batch: RefBatch, position: number, end: number, limit: number, volatileOnly: boolean): number {
		batch.length = 0;
		const counts = volatileOnly ? this.#volatile : this.#all;
		let slot = Math.floor(position / 2 ** HASH_BITS);
		let hash = position % 2 ** HASH_BITS;
		let barren = 0;
		while (slotPosition(slot) + hash < end && barren < WALK_LIMIT) {
			const next = counts.next(slot);
			if (next !== slot) {
				slot = next;
				hash = 0;
				continue;
			}
			const {pairs, pair} = this.#locate(slot, hash);
			const state = pairs[pair + 1]!;
			const depth = state >>> DEPTH_SHIFT;
			const gathered = batch.length;
			const stopped = this.#collectLeaf(batch, pairs[pair]!, state, hash, limit, volatileOnly);
			if (stopped >= 0) {
				return slotPosition(slot) + stopped;
			}
			barren += batch.length === gathered ? 1 : 0;
			// On to the first hash behind this leaf; in the last leaf, that is the next slot's 0.
			const width = 2 ** (HASH_BITS - depth);
			hash = (Math.floor(hash / width) + 1) * width;
			if (hash === 2 ** HASH_BITS) {
				slot++;
				hash = 0;
			}
		}
		return Math.min(slotPosition(slot) + hash, end);
	}

	/** Calls for every key's ref, slot by slot. The table must not change meanwhile. */
	forEach(visit: (ref: number) => void): void {
		for (let slot = this.#all.next(0); slot < SLOT_COUNT; slot = this.#all.next(slot + 1)) {
			this.forEachInSlot(slot, visit);
		}
	}

	/** The same for one slot. Records may be released meanwhile when `clearSlot` follows. */
	forEachInSlot(slot: number, visit: (ref: number) => void): void {
		this.#forEachLeaf(slot, (leaf, state) => {
			const words = this.#arena.segments[segmentOf(leaf)]!.words;
			const base = wordAt(leaf);
			for (let i = 0; i < (state & COUNT_MASK); i++) {
				visit(words[base + (i << 1) + 1]!);
			}
		});
	}

	/** Forgets all keys of a slot. Their records are the caller's to release. */
	clearSlot(slot: number): void {
		this.#forEachLeaf(slot, (leaf) => this.#arena.release(leaf));
		const root = this.#roots[slot << 1]!;
		if (root < 0) {
			this.#freeDirectory(~root);
		}
		this.#roots[slot << 1] = 0;
		this.#roots[(slot << 1) + 1] = 0;
		this.#all.add(slot, -this.#all.slots[slot]!);
		this.#volatile.add(slot, -this.#volatile.slots[slot]!);
	}

	/** The ref of a key drawn so that each is equally likely. The table must not be empty. */
	randomRef(prng: Prng): number {
		const slot = this.#all.slotOf(prng.below(this.#all.total));
		const root = this.#roots[slot << 1]!;
		if (root >= 0) {
			return this.#entryRef(root, prng.below(this.#all.slots[slot]!));
		}
		// A leaf is met as often as it stands in the directory, so one that stands there twice takes half of the draws;
		// and a draw beyond its count is thrown away, so that a leaf with fewer keys is taken less often.
		const directory = this.#directories[~root]!;
		const limit = directory.depth === MAX_DEPTH ? MAX_LEAF_LIMIT : LEAF_LIMIT;
		for (;;) {
			const pair = prng.below(1 << directory.depth) << 1;
			const state = directory.entries[pair + 1]!;
			const index = prng.below(limit * (1 << (directory.depth - (state >>> DEPTH_SHIFT))));
			if (index < (state & COUNT_MASK)) {
				return this.#entryRef(directory.entries[pair]!, index);
			}
		}
	}

	/** The ref of some volatile key, 0 when there is none: each slot as often as it has such keys, within it nearly fair. */
	randomVolatileRef(prng: Prng, batch: RefBatch): number {
		if (this.#volatile.total === 0) {
			return 0;
		}
		const slot = this.#volatile.slotOf(prng.below(this.#volatile.total));
		const start = slotPosition(slot);
		const end = slotPosition(slot + 1);
		let position = start + prng.below(2 ** HASH_BITS);
		do {
			position = this.collect(batch, position === end ? start : position, end, 1, true);
		} while (batch.length === 0);
		return batch.refs[prng.below(batch.length)]!;
	}

	/** What the table holds beside the arena's blocks, in bytes. */
	get overheadBytes(): number {
		let bytes = this.#roots.byteLength + 2 * (this.#all.slots.byteLength + this.#all.groups.byteLength);
		for (const directory of this.#directories) {
			bytes += directory.entries.byteLength;
		}
		return bytes;
	}

	/** Asserts every invariant of the structure. For tests: slow. @param hashOf the hash of a record's key */
	check(hashOf: (ref: number) => number): void {
		let total = 0;
		for (let slot = 0; slot < SLOT_COUNT; slot++) {
			let count = 0;
			let volatileCount = 0;
			this.#forEachLeaf(slot, (leaf, state, first) => {
				const words = this.#arena.segments[segmentOf(leaf)]!.words;
				const depth = state >>> DEPTH_SHIFT;
				const capacity = stateCapacity(state);
				assert((state & COUNT_MASK) <= capacity, 'a leaf has no more entries than room');
				assert(capacity * ENTRY_BYTES <= this.#arena.blockBytes(leaf), 'a leaf is no longer than its block');
				let last = 0;
				for (let i = 0; i < (state & COUNT_MASK); i++) {
					const word = words[wordAt(leaf) + (i << 1)]!;
					const hash = word >>> 1;
					assert(hash >= last, 'a leaf is sorted');
					assert(hash >>> (HASH_BITS - depth) === first || depth === 0, 'a hash is in the leaf it chooses');
					assert(hashOf(words[wordAt(leaf) + (i << 1) + 1]!) === hash, 'an entry has the hash of its key');
					last = hash;
					count++;
					volatileCount += word & 1;
				}
			});
			const root = this.#roots[slot << 1]!;
			if (root < 0) {
				checkDirectory(this.#directories[~root]!);
			}
			assert(count === this.#all.slots[slot], 'keys of a slot are counted');
			assert(volatileCount === this.#volatile.slots[slot], 'volatile keys of a slot are counted');
			total += count;
		}
		assert(total === this.#all.total, 'keys are counted');
	}

	/** Where the pair of the hash's leaf stands. For all paths but the hottest, which do the same without an object. */
	#locate(slot: number, hash: number): {pairs: Int32Array; pair: number; directory: Directory | null} {
		const root = this.#roots[slot << 1]!;
		if (root >= 0) {
			return {pairs: this.#roots, pair: slot << 1, directory: null};
		}
		const directory = this.#directories[~root]!;
		return {pairs: directory.entries, pair: (hash >>> (HASH_BITS - directory.depth)) << 1, directory};
	}

	#entryRef(leaf: number, index: number): number {
		return this.#arena.segments[segmentOf(leaf)]!.words[wordAt(leaf) + (index << 1) + 1]!;
	}

	/** Calls for each leaf with entries: its ref, its state, and the upper bits of the hash that choose it. */
	#forEachLeaf(slot: number, visit: (leaf: number, state: number, first: number) => void): void {
		const root = this.#roots[slot << 1]!;
		if (root >= 0) {
			if (root > 0) {
				visit(root, this.#roots[(slot << 1) + 1]!, 0);
			}
			return;
		}
		const directory = this.#directories[~root]!;
		for (let index = 0; index < 1 << directory.depth;) {
			const leaf = directory.entries[index << 1]!;
			const state = directory.entries[(index << 1) + 1]!;
			const shift = directory.depth - (state >>> DEPTH_SHIFT);
			if (leaf !== 0) {
				visit(leaf, state, index >>> shift);
			}
			index += 1 << shift;
		}
	}

	/** Adds the entries of one leaf from `hash` on; the hash to go on from when the batch is full, else -1. */
	#collectLeaf(
		batch: RefBatch,
		leaf: number,
		state: number,
		hash: number,
		limit: number,
		volatileOnly: boolean,
	): number {
		const words = this.#arena.segments[segmentOf(leaf)]!.words;
		const base = wordAt(leaf);
		const count = state & COUNT_MASK;
		let last = -1;
		for (let i = lowerBound(words, base, count, state >>> DEPTH_SHIFT, hash); i < count; i++) {
			const word = words[base + (i << 1)]!;
			if (batch.length >= limit && word >>> 1 !== last) {
				return word >>> 1;
			}
			if (!volatileOnly || (word & 1) !== 0) {
				batch.add(words[base + (i << 1) + 1]!);
				last = word >>> 1;
			}
		}
		return -1;
	}

	/** Gives the hash's leaf room for one more entry at least: a longer block, or a split. */
	#makeRoom(slot: number, hash: number): void {
		const {pairs, pair, directory} = this.#locate(slot, hash);
		const state = pairs[pair + 1]!;
		const count = state & COUNT_MASK;
		const depth = state >>> DEPTH_SHIFT;
		if (count < LEAF_LIMIT || depth === MAX_DEPTH) {
			assert(count < MAX_LEAF_LIMIT, 'no two thousand keys have one hash');
			const span = directory === null ? 1 : 1 << (directory.depth - depth);
			this.#resizeLeaf(pairs, pair, span, count + 1);
			return;
		}
		this.#splitLeaf(slot, hash);
		this.#reenter(slot, hash);
	}

	/** Finds again where the hash belongs, after its leaf was split: behind all entries with the same hash, as before. */
	#reenter(slot: number, hash: number): void {
		const {pairs, pair} = this.#locate(slot, hash);
		const leaf = pairs[pair]!;
		const state = pairs[pair + 1]!;
		const words = this.#arena.segments[segmentOf(leaf)]!.words;
		const base = wordAt(leaf);
		const count = state & COUNT_MASK;
		let index = lowerBound(words, base, count, state >>> DEPTH_SHIFT, hash);
		while (index < count && words[base + (index << 1)]! >>> 1 === hash) {
			index++;
		}
		this.#index = index;
	}

	/** Moves a leaf into a block for `wanted` entries and a quarter more; for none, lets its block go. */
	#resizeLeaf(pairs: Int32Array, pair: number, span: number, wanted: number): void {
		const leaf = pairs[pair]!;
		const state = pairs[pair + 1]!;
		const count = state & COUNT_MASK;
		const depth = state >>> DEPTH_SHIFT;
		const resized = wanted === 0 ? 0 : this.#allocateLeaf(wanted, depth);
		if (count > 0) {
			this.#copyEntries(leaf, 0, resized, 0, count);
		}
		setLeaf(pairs, pair, span, resized, this.#stateOf(resized, count, depth));
		if (leaf !== 0) {
			this.#arena.release(leaf);
		}
	}

	#splitLeaf(slot: number, hash: number): void {
		let {pairs, pair, directory} = this.#locate(slot, hash);
		if (directory === null) {
			directory = this.#makeDirectory(slot);
		}
		const depth = directory.entries[this.#pairOf(directory, hash) + 1]! >>> DEPTH_SHIFT;
		if (depth === directory.depth) {
			doubleDirectory(directory);
		}
		pairs = directory.entries;
		pair = this.#pairOf(directory, hash);
		const leaf = pairs[pair]!;
		const count = pairs[pair + 1]! & COUNT_MASK;
		const words = this.#arena.segments[segmentOf(leaf)]!.words;
		const base = wordAt(leaf);
		let lowerCount = 0;
		while (lowerCount < count && ((words[base + (lowerCount << 1)]! >>> (HASH_BITS - depth)) & 1) === 0) {
			lowerCount++;
		}
		const upperCount = count - lowerCount;
		const lower = lowerCount === 0 ? 0 : this.#allocateLeaf(lowerCount, depth + 1);
		const upper = upperCount === 0 ? 0 : this.#allocateLeaf(upperCount, depth + 1);
		if (lower !== 0) {
			this.#copyEntries(leaf, 0, lower, 0, lowerCount);
		}
		if (upper !== 0) {
			this.#copyEntries(leaf, lowerCount, upper, 0, upperCount);
		}
		const span = 1 << (directory.depth - depth - 1);
		const first = pair & ~((span << 2) - 1);
		setLeaf(pairs, first, span, lower, this.#stateOf(lower, lowerCount, depth + 1));
		setLeaf(pairs, first + (span << 1), span, upper, this.#stateOf(upper, upperCount, depth + 1));
		if (depth + 1 === directory.depth) {
			directory.deepest += 2;
		}
		this.#arena.release(leaf);
	}

	/** Makes one leaf of the hash's leaf and its neighbour when both are small; false when they stay as they are. */
	#mergeLeaves(slot: number, hash: number): boolean {
		const {pairs, pair, directory} = this.#locate(slot, hash);
		if (directory === null) {
			return false;
		}
		const state = pairs[pair + 1]!;
		const depth = state >>> DEPTH_SHIFT;
		const span = 1 << (directory.depth - depth);
		const neighbour = pair ^ (span << 1);
		const neighbourState = pairs[neighbour + 1]!;
		const count = (state & COUNT_MASK) + (neighbourState & COUNT_MASK);
		if (neighbourState >>> DEPTH_SHIFT !== depth || count > MERGE_LIMIT) {
			return false;
		}
		const first = pair & ~((span << 2) - 1);
		const second = first + (span << 1);
		const lower = pairs[first]!;
		const upper = pairs[second]!;
		const lowerCount = pairs[first + 1]! & COUNT_MASK;
		const upperCount = pairs[second + 1]! & COUNT_MASK;
		const merged = count === 0 ? 0 : this.#allocateLeaf(count, depth - 1);
		if (lowerCount > 0) {
			this.#copyEntries(lower, 0, merged, 0, lowerCount);
		}
		if (upperCount > 0) {
			this.#copyEntries(upper, 0, merged, lowerCount, upperCount);
		}
		setLeaf(pairs, first, span << 1, merged, this.#stateOf(merged, count, depth - 1));
		if (lower !== 0) {
			this.#arena.release(lower);
		}
		if (upper !== 0) {
			this.#arena.release(upper);
		}
		if (depth === directory.depth) {
			directory.deepest -= 2;
			this.#shrinkDirectory(slot, directory);
		}
		return true;
	}

	#shrinkDirectory(slot: number, directory: Directory): void {
		while (directory.deepest === 0 && directory.depth > 1) {
			halveDirectory(directory);
		}
		if (directory.deepest === 0) {
			const root = this.#roots[slot << 1]!;
			this.#roots[slot << 1] = directory.entries[0]!;
			this.#roots[(slot << 1) + 1] = directory.entries[1]!;
			this.#freeDirectory(~root);
		}
	}

	/** Puts a directory of two equal pairs between the slot and its only leaf. */
	#makeDirectory(slot: number): Directory {
		const index = this.#freeDirectories.pop() ?? this.#directories.length;
		const directory = new Directory(new Int32Array(4));
		for (let pair = 0; pair < 4; pair += 2) {
			directory.entries[pair] = this.#roots[slot << 1]!;
			directory.entries[pair + 1] = this.#roots[(slot << 1) + 1]!;
		}
		this.#directories[index] = directory;
		this.#roots[slot << 1] = ~index;
		this.#roots[(slot << 1) + 1] = 0;
		return directory;
	}

	#freeDirectory(index: number): void {
		this.#directories[index] = NO_DIRECTORY;
		this.#freeDirectories.push(index);
	}

	#pairOf(directory: Directory, hash: number): number {
		return (hash >>> (HASH_BITS - directory.depth)) << 1;
	}

	#allocateLeaf(count: number, depth: number): number {
		const limit = depth === MAX_DEPTH ? MAX_LEAF_LIMIT : LEAF_LIMIT;
		return this.#arena.allocate(Math.min(count + (count >>> 2), limit) * ENTRY_BYTES);
	}

	#stateOf(leaf: number, count: number, depth: number): number {
		if (leaf === 0) {
			return leafState(0, 0, depth);
		}
		const limit = depth === MAX_DEPTH ? MAX_LEAF_LIMIT : LEAF_LIMIT;
		const capacity = Math.min((this.#arena.blockBytes(leaf) / ENTRY_BYTES) | 0, limit);
		return leafState(count, capacity, depth);
	}

	#copyEntries(from: number, fromIndex: number, to: number, toIndex: number, count: number): void {
		const source = this.#arena.segments[segmentOf(from)]!.words;
		const target = this.#arena.segments[segmentOf(to)]!.words;
		let sourceAt = wordAt(from) + (fromIndex << 1);
		let targetAt = wordAt(to) + (toIndex << 1);
		for (const end = sourceAt + (count << 1); sourceAt < end;) {
			target[targetAt++] = source[sourceAt++]!;
		}
	}
}

/**
 * The index of the first entry whose hash is not below the given one. Starts at the guess; the real place is about the root of `count` away.
 */
function lowerBound(words: Int32Array, base: number, count: number, depth: number, hash: number): number {
	let index = guessIndex(count, depth, hash);
	if (index < count && words[base + (index << 1)]! >>> 1 < hash) {
		do {
			index++;
		} while (index < count && words[base + (index << 1)]! >>> 1 < hash);
		return index;
	}
	while (index > 0 && words[base + (index << 1) - 2]! >>> 1 >= hash) {
		index--;
	}
	return index;
}

/** Where the hash would stand if the hashes were spread evenly over the leaf's range. */
function guessIndex(count: number, depth: number, hash: number): number {
	const inLeaf = (hash << depth) & 0x7fff_ffff;
	return ((inLeaf >>> 15) * count) >>> 16;
}

/** Moves words within a leaf, up or down. Short ones by a loop: a call of copyWithin costs about 20 steps. */
function moveWords(words: Int32Array, from: number, to: number, length: number): void {
	if (length > 32) {
		words.copyWithin(to, from, from + length);
	} else if (to < from) {
		for (let i = 0; i < length; i++) {
			words[to + i] = words[from + i]!;
		}
	} else {
		for (let i = length - 1; i >= 0; i--) {
			words[to + i] = words[from + i]!;
		}
	}
}
