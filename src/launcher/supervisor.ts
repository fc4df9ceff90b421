/**
 * Starts nodes again that crashed. Knows nodes by their index and nothing else of them; when to start is the policy's
 * (restart-policy.ts), how is the fleet's.
 */
import type {Clock} from '../node/ports.ts';
import {crashesInARow, restartDelayMs} from './restart-policy.ts';

export type SupervisorClock = Pick<Clock, 'monotonicMs' | 'after'>;

export interface SupervisorOptions {
	readonly clock: SupervisorClock;
	/** A restart is due in `delayMs`; `crashes` in a row led to it. */
	onPlanned(index: number, delayMs: number, crashes: number): void;
	/** It is due now. */
	restart(index: number): void;
}

interface Watched {
	/** Crashes in a row so far. */
	crashes: number;
	listeningSinceMs: number | null;
	planned: {readonly dueAtMs: number; readonly cancel: () => void} | null;
}

export class Supervisor {
	readonly #options: SupervisorOptions;
	readonly #watched = new Map<number, Watched>();
	#isStopped = false;

	constructor(options: SupervisorOptions) {
		this.#options = options;
	}

	/** From now on the node is well, until it crashes. */
	listening(index: number): void {
		this.#of(index).listeningSinceMs = this.#options.clock.monotonicMs();
	}

	/** Plans a restart. To be called when the thread is gone. */
	crashed(index: number): void {
		if (this.#isStopped) return;
		const {clock} = this.#options;
		const watched = this.#of(index);
		const nowMs = clock.monotonicMs();
		const ranMs = watched.listeningSinceMs === null ? 0 : nowMs - watched.listeningSinceMs;
		watched.listeningSinceMs = null;
		watched.crashes = crashesInARow(watched.crashes, ranMs);
		const delayMs = restartDelayMs(watched.crashes);
		watched.planned?.cancel();
		const cancel = clock.after(delayMs, () => {
			watched.planned = null;
			this.#options.restart(index);
		});
		watched.planned = {dueAtMs: nowMs + delayMs, cancel};
		this.#options.onPlanned(index, delayMs, watched.crashes);
	}

	/** In how many ms the node is started again; null when that is not planned. */
	restartsInMs(index: number): number | null {
		const planned = this.#watched.get(index)?.planned ?? null;
		return planned === null ? null : Math.max(0, planned.dueAtMs - this.#options.clock.monotonicMs());
	}

	get isWaiting(): boolean {
		return [...this.#watched.values()].some(({planned}) => planned !== null);
	}

	/** Somebody decides himself what becomes of the node. True when a restart was planned. */
	leave(index: number): boolean {
		const watched = this.#watched.get(index);
		const wasPlanned = (watched?.planned ?? null) !== null;
		watched?.planned?.cancel();
		this.#watched.delete(index);
		return wasPlanned;
	}

	/** Nothing is started any more. */
	stop(): void {
		this.#isStopped = true;
		for (const index of this.#watched.keys()) this.leave(index);
	}

	#of(index: number): Watched {
		let watched = this.#watched.get(index);
		if (watched === undefined) {
			watched = {crashes: 0, listeningSinceMs: null, planned: null};
			this.#watched.set(index, watched);
		}
		return watched;
	}
}
