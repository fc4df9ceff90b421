/** Randomness of a real node: node ids must not repeat on any machine, so it comes from the system's generator. */
import {randomFillSync} from 'node:crypto';
import type {Random} from '../cluster/config.ts';

/** Drawn from the system in one go: a call each costs a microsecond. */
const POOL_WORDS = 256;
const LIMIT = 2 ** 32;

export class SecureRandom implements Random {
	readonly #pool = new Uint32Array(POOL_WORDS);
	#used = POOL_WORDS;

	next32(): number {
		if (this.#used === POOL_WORDS) {
			randomFillSync(this.#pool);
			this.#used = 0;
		}
		return this.#pool[this.#used++]!;
	}

	/** Each equally likely: numbers of the last, incomplete run of `bound` are drawn again. */
	below(bound: number): number {
		for (;;) {
			const drawn = this.next32();
			if (drawn < LIMIT - (LIMIT % bound)) return drawn % bound;
		}
	}
}
