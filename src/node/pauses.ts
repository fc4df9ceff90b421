/**
 * The pauses under way, by who asked for them: CLIENT UNPAUSE does not end the one that a manual failover needs, and the
 * other way about. The strictest of them holds.
 */
import type {PauseMode, PausePurpose} from '../commands/services.ts';

interface Pause {
	/** Unix time in ms. */
	readonly untilMs: number;
	readonly mode: 'write' | 'all';
}

export class Pauses {
	readonly #running = new Map<PausePurpose, Pause>();

	get mode(): PauseMode {
		let mode: PauseMode = 'none';
		for (const pause of this.#running.values()) if (mode !== 'all') mode = pause.mode;
		return mode;
	}

	has(purpose: PausePurpose): boolean {
		return this.#running.has(purpose);
	}

	/** When the first of them ends; Infinity when there is none. Unix time in ms. */
	get nextEndMs(): number {
		let first = Infinity;
		for (const {untilMs} of this.#running.values()) first = Math.min(first, untilMs);
		return first;
	}

	/** The end of a running pause is never brought forward, and `write` does not weaken a running `all`. */
	begin(purpose: PausePurpose, untilMs: number, mode: 'write' | 'all'): void {
		const running = this.#running.get(purpose);
		this.#running.set(purpose, {
			untilMs: Math.max(running?.untilMs ?? 0, untilMs),
			mode: running?.mode === 'all' ? 'all' : mode,
		});
	}

	end(purpose: PausePurpose): void {
		this.#running.delete(purpose);
	}

	endThoseOver(nowMs: number): void {
		for (const [purpose, {untilMs}] of this.#running) if (nowMs >= untilMs) this.#running.delete(purpose);
	}
}
