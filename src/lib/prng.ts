/**
 * A seeded generator of pseudo-random numbers (sfc32): the same seed gives the same numbers on every machine.
 * Good for sampling and simulation; never for secrets.
 */
export class Prng {
	#a: number;
	#b: number;
	#c: number;
	#counter = 1;

	/** @param seed any integer; its lower 53 bits count */
	constructor(seed: number) {
		this.#a = seed | 0;
		this.#b = Math.floor(seed / 0x1_0000_0000) | 0;
		this.#c = 0x9e37_79b9 | 0;
		// Enough rounds that seeds which differ in one bit share nothing.
		for (let i = 0; i < 12; i++) {
			this.#next();
		}
	}

	/** A whole number from 0 to 2^32 - 1. */
	next32(): number {
		return this.#next() >>> 0;
	}

	/** A whole number from 0 to `bound - 1`, each equally likely. `bound` from 1 to 2^32. */
	below(bound: number): number {
		// Numbers of the last, incomplete run of `bound` are drawn again.
		const limit = 0x1_0000_0000 - (0x1_0000_0000 % bound);
		for (;;) {
			const value = this.next32();
			if (value < limit) {
				return value % bound;
			}
		}
	}

	/** From 0 inclusive to 1 exclusive, in steps of 2^-32. */
	fraction(): number {
		return this.next32() / 0x1_0000_0000;
	}

	/** Puts the array into random order, in place (Fisher-Yates). */
	shuffle<T>(array: T[]): T[] {
		for (let i = array.length - 1; i > 0; i--) {
			const j = this.below(i + 1);
			const swapped = array[i]!;
			array[i] = array[j]!;
			array[j] = swapped;
		}
		return array;
	}

	#next(): number {
		const sum = (((this.#a + this.#b) | 0) + this.#counter) | 0;
		this.#counter = (this.#counter + 1) | 0;
		this.#a = this.#b ^ (this.#b >>> 9);
		this.#b = (this.#c + (this.#c << 3)) | 0;
		this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
		return sum;
	}
}
