/**
 * The 24 bits of a record that tell how it is used, in one of two readings that `maxmemory-policy` chooses
 * (as Redis's evict.c has them, so that OBJECT IDLETIME and OBJECT FREQ show the same figures):
 *
 *   lru   seconds of the wall clock when the key was last used, modulo 2^24 (194 days)
 *   lfu   16 bits of minutes when the counter last decayed | 8 bits of a counter that grows by its logarithm
 */

import type {Prng} from '../lib/prng.ts';

export type AccessPolicy = 'lru' | 'lfu';

const LRU_MASK = 0xff_ffff;
const MINUTES_MASK = 0xffff;
const COUNTER_MAX = 255;
/** What a new key starts with, so that it is not the first to be evicted before it had a chance. */
const COUNTER_START = 5;

export class AccessClock {
	policy: AccessPolicy = 'lru';
	/** `lfu-log-factor`: how many uses a step of the counter takes, growing with the counter. */
	lfuLogFactor = 10;
	/** `lfu-decay-time`: minutes until an unused counter loses one; 0 for never. */
	lfuDecayMinutes = 1;
	#seconds = 0;
	#minutes = 0;
	readonly #prng: Prng;

	constructor(prng: Prng) {
		this.#prng = prng;
	}

	/** @param nowMs unix time */
	advance(nowMs: number): void {
		const seconds = Math.floor(nowMs / 1000);
		this.#seconds = seconds & LRU_MASK;
		this.#minutes = Math.floor(seconds / 60) & MINUTES_MASK;
	}

	/** The bits of a key that is made now. */
	initial(): number {
		return this.policy === 'lru' ? this.#seconds : (this.#minutes << 8) | COUNTER_START;
	}

	/** The bits after one more use. */
	touched(bits: number): number {
		return this.policy === 'lru'
			? this.#seconds
			: (this.#minutes << 8) | this.#increased(this.frequency(bits));
	}

	/** Seconds since the last use, by the reading `lru`. */
	idleSeconds(bits: number): number {
		return this.#seconds >= bits ? this.#seconds - bits : this.#seconds + LRU_MASK - bits;
	}

	/** The counter as it has decayed until now, 0 to 255, by the reading `lfu`. */
	frequency(bits: number): number {
		const counter = bits & COUNTER_MAX;
		if (this.lfuDecayMinutes === 0) {
			return counter;
		}
		const since = bits >>> 8;
		const elapsed = this.#minutes >= since ? this.#minutes - since : MINUTES_MASK - since + this.#minutes;
		return Math.max(0, counter - Math.floor(elapsed / this.lfuDecayMinutes));
	}

	/** The bits of a key that was last used so many seconds ago (RESTORE IDLETIME). */
	idleFor(seconds: number): number {
		return (this.#seconds - seconds) & LRU_MASK;
	}

	/** The bits of a key with the given counter (RESTORE FREQ). @param counter 0 to 255 */
	withFrequency(counter: number): number {
		return (this.#minutes << 8) | counter;
	}

	#increased(counter: number): number {
		if (counter === COUNTER_MAX) {
			return counter;
		}
		const base = Math.max(0, counter - COUNTER_START);
		return this.#prng.fraction() < 1 / (base * this.lfuLogFactor + 1) ? counter + 1 : counter;
	}
}
