/**
 * The keys that the next commands of a pipeline will look up, in their order. Known beforehand, the waits for the memory
 * where they stand overlap (see `KeyTable.prefetch`), and their hashes need not be computed twice.
 *
 * It goes by places, not by bytes: whoever announces keys takes care that the bytes stay as they are until `clear`.
 */

import {assert} from '../lib/assert.ts';
import type {Region} from '../lib/region.ts';

/** More look-ups than this overlap no better. */
export const EXPECTED_LIMIT = 16;

export class ExpectedKeys {
	count = 0;
	readonly slots = new Int32Array(EXPECTED_LIMIT);
	readonly hashes = new Int32Array(EXPECTED_LIMIT);
	readonly #places = new Int32Array(EXPECTED_LIMIT);
	readonly #lengths = new Int32Array(EXPECTED_LIMIT);
	#region: Region | null = null;
	/** The first that was not asked for yet. */
	#next = 0;

	/** Keys are added in ascending order of their places, all in one region. */
	add(slot: number, hash: number, region: Region, at: number, length: number): void {
		assert(this.count < EXPECTED_LIMIT, 'no more keys are expected than there is room for');
		const index = this.count++;
		this.slots[index] = slot;
		this.hashes[index] = hash;
		this.#places[index] = at;
		this.#lengths[index] = length;
		this.#region = region;
	}

	/** The hash of the key at this place, or -1 when it was not announced. Asked in about the order of the places. */
	hashOf(region: Region, at: number, length: number): number {
		if (region !== this.#region) return -1;
		const places = this.#places;
		// A command may look the same key up again.
		let index = this.#next > 0 ? this.#next - 1 : 0;
		while (index < this.count && places[index]! < at) index++;
		if (index === this.count || places[index] !== at || this.#lengths[index] !== length) return -1;
		this.#next = index + 1;
		return this.hashes[index]!;
	}

	clear(): void {
		this.count = 0;
		this.#next = 0;
		this.#region = null;
	}
}
