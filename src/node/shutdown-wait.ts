/**
 * A shutdown lets replicas catch up first: writes pause, and it waits until all have acknowledged what was written, at most for
 * `shutdown-timeout`. It can be aborted until then.
 */
import type {Client} from '../commands/client.ts';
import {CommandError} from '../commands/errors.ts';
import type {LogLevel, Settings} from '../commands/settings.ts';
import type {NodeClients} from './clients.ts';
import type {Clock} from './ports.ts';
import type {Replication} from './replication.ts';

export interface ShutdownWaitParts {
	readonly clients: NodeClients;
	readonly clock: Clock;
	readonly replication: Pick<Replication, 'followerCount' | 'laggingCount' | 'writtenOffset'>;
	readonly settings: Settings;
	readonly log: (level: LogLevel, text: string) => void;
}

const LOOK_MS = 20;
const ABORTED = 'ERR Errors trying to SHUTDOWN. Check logs.';

export class ShutdownWait {
	readonly #parts: ShutdownWaitParts;
	/** Who asked, and is told when it is aborted. */
	readonly #askers = new Set<Client>();
	#stopLooking: (() => void) | null = null;

	constructor(parts: ShutdownWaitParts) {
		this.#parts = parts;
	}

	/**
	 * Calls `run`, at once when nobody lags; asked again while one waits, the first decides when. A CommandError that it throws
	 * is what who asked is told: the node goes on.
	 */
	begin(client: Client, run: () => void): void {
		const {clients, clock, log, replication, settings} = this.#parts;
		const offset = replication.writtenOffset();
		const timeoutMs = settings.shutdownTimeoutSeconds * 1000;
		if (timeoutMs === 0 || replication.laggingCount(offset) === 0) {
			run();
			return;
		}
		this.#block(client);
		if (this.#stopLooking !== null) return;
		log(
			'notice',
			`Waiting for replicas before shutting down, for ${settings.shutdownTimeoutSeconds} seconds at most.`,
		);
		clients.pause(Infinity, 'write', 'shutdown');
		const endsAtMs = clock.monotonicMs() + timeoutMs;
		this.#stopLooking = clock.every(LOOK_MS, () => {
			const laggingCount = replication.laggingCount(offset);
			if (laggingCount > 0 && clock.monotonicMs() < endsAtMs) return;
			this.#stop();
			const count = replication.followerCount;
			log(
				laggingCount > 0 ? 'warning' : 'notice',
				`${count - laggingCount} of ${count} replicas are in sync when shutting down.`,
			);
			try {
				run();
			} catch (error) {
				if (!(error instanceof CommandError)) throw error;
				this.#giveUp(error.message);
			}
		});
	}

	/** False when none waits. */
	abort(): boolean {
		if (this.#stopLooking === null) return false;
		this.#stop();
		this.#parts.log('warning', 'Shutdown manually aborted');
		this.#giveUp(ABORTED);
		return true;
	}

	#giveUp(line: string): void {
		const {clients} = this.#parts;
		clients.unpause('shutdown');
		for (const asker of this.#askers)
			clients.unblock(asker, (reply) => {
				reply.error(line);
			});
	}

	#stop(): void {
		this.#stopLooking?.();
		this.#stopLooking = null;
	}

	#block(client: Client): void {
		this.#askers.add(client);
		this.#parts.clients.block(client, {
			timeoutMs: 0,
			timedOut: (reply) => {
				reply.error(ABORTED);
			},
			ended: () => {
				this.#askers.delete(client);
			},
		});
	}
}
