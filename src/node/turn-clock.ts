/**
 * The time that commands see. It is read once for the commands of a chunk that together take less than a millisecond:
 * they happen at the same moment, and a key that is there for the first of them does not expire under the second.
 * What comes behind a slow command happens later, as in Redis.
 */
import type {Clock} from '../commands/services.ts';

/** How old the turn's time may become. */
const STALE_MS = 1;

export class TurnClock implements Clock {
	nowMs = Date.now();
	/** By the monotonic clock, when `nowMs` was looked at last. */
	#lookedAtMs = performance.now();

	/** Begins a turn. */
	read(): number {
		this.nowMs = Date.now();
		return this.nowMs;
	}

	/** Moves the turn's time on where it has become stale: who measures a command has just run one. */
	monotonicUs(): number {
		const ms = performance.now();
		if (ms - this.#lookedAtMs >= STALE_MS) {
			this.#lookedAtMs = ms;
			this.read();
		}
		return ms * 1000;
	}

	wallUs(): number {
		return Math.floor((performance.timeOrigin + performance.now()) * 1000);
	}
}
