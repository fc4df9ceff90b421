/**
 * Connections to the servers that keys are moved to. One serves one migration at a time and is kept for the next: for ten
 * seconds of idleness, and not more than 64 of them, as Redis keeps them. They are TCP, also to nodes of this process: for short
 * questions and answers that is sooner there than the ring that replication goes through.
 */
import {type DialHandlers, dialTcp} from './dial-tcp.ts';
import {MigrationLink} from './migration-link.ts';
import {type Clock, LONGEST_TIMER_MS} from './ports.ts';

const KEPT_IDLE_MS = 10_000;
const MOST_IDLE = 64;
export interface MigrationTargetsParts {
	readonly clock: Pick<Clock, 'after'>;
	/** Connects; the returned function gives up. Default: by TCP. */
	readonly dial?: (host: string, port: number, handlers: DialHandlers) => () => void;
}

/** Why there is no connection: nothing came in time or the name is unknown, or the other end refused. */
export type DialFailure = 'unreachable' | 'refused';

interface Idle {
	readonly address: string;
	readonly stopTimer: () => void;
}

export class MigrationTargets {
	readonly #parts: MigrationTargetsParts;
	/** In the order in which they became idle. */
	readonly #idle = new Map<MigrationLink, Idle>();
	#openCount = 0;

	constructor(parts: MigrationTargetsParts) {
		this.#parts = parts;
	}

	/** Connections that are open, idle or not. */
	get openCount(): number {
		return this.#openCount;
	}

	/** One of the two is called, perhaps before it returns. */
	take(
		host: string,
		port: number,
		timeoutMs: number,
		opened: (link: MigrationLink) => void,
		failed: (failure: DialFailure) => void,
	): void {
		const address = addressOf(host, port);
		for (const [link, idle] of this.#idle) {
			if (idle.address !== address) continue;
			this.#idle.delete(link);
			idle.stopTimer();
			opened(link);
			return;
		}
		const {clock, dial = dialTcp} = this.#parts;
		const giveUp = dial(host, port, {
			opened: (link) => {
				stopTimer();
				this.#openCount++;
				const made = new MigrationLink(link, clock, () => {
					this.#closed(made);
				});
				// The link is complete when its handler is known.
				setImmediate(() => {
					opened(made);
				});
				return made;
			},
			failed: (reason) => {
				stopTimer();
				failed(REFUSED.test(reason) ? 'refused' : 'unreachable');
			},
		});
		const stopTimer = clock.after(Math.min(timeoutMs, LONGEST_TIMER_MS), () => {
			giveUp();
			failed('unreachable');
		});
	}

	/** The migration is over and all its replies are there. */
	keep(link: MigrationLink, host: string, port: number): void {
		const [oldest] = this.#idle.keys();
		if (oldest !== undefined && this.#idle.size >= MOST_IDLE) oldest.close();
		const stopTimer = this.#parts.clock.after(KEPT_IDLE_MS, () => {
			link.close();
		});
		this.#idle.set(link, {address: addressOf(host, port), stopTimer});
	}

	#closed(link: MigrationLink): void {
		this.#openCount--;
		this.#idle.get(link)?.stopTimer();
		this.#idle.delete(link);
	}
}

const REFUSED = /ECONNREFUSED|ECONNRESET|EPIPE/;

const addressOf = (host: string, port: number): string => `${host} ${port}`;
