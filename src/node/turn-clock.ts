/**
 * The time that commands see. It is read once for all commands of a chunk: they happen at the same moment, and a key
 * that is there for the first of them does not expire under the second.
 */
import type {Clock} from '../commands/services.ts';

export class TurnClock implements Clock {
	nowMs = Date.now();

	/** Begins a turn. */
	read(): number {
		this.nowMs = Date.now();
		return this.nowMs;
	}

	monotonicUs(): number {
		return performance.now() * 1000;
	}

	wallUs(): number {
		return Math.floor((performance.timeOrigin + performance.now()) * 1000);
	}
}
