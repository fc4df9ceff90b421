/** Clients that wait until replicas have what they wrote: WAIT, and SHUTDOWN. */
import type {Client} from '../commands/client.ts';
import type {NodeClients} from './clients.ts';

interface Waiter {
	/** Offset of the stream that must be acknowledged. */
	readonly offset: number;
	/** Replicas that must have it. */
	readonly count: number;
}

export class WriteWaiters {
	readonly #clients: NodeClients;
	readonly #acknowledgedCount: (offset: number) => number;
	readonly #waiting = new Map<Client, Waiter>();

	constructor(clients: NodeClients, acknowledgedCount: (offset: number) => number) {
		this.#clients = clients;
		this.#acknowledgedCount = acknowledgedCount;
	}

	get isEmpty(): boolean {
		return this.#waiting.size === 0;
	}

	add(client: Client, offset: number, count: number, timeoutMs: number): void {
		this.#waiting.set(client, {offset, count});
		this.#clients.block(client, {
			timeoutMs,
			timedOut: (reply) => {
				reply.integer(this.#acknowledgedCount(offset));
			},
			ended: () => {
				this.#waiting.delete(client);
			},
		});
	}

	/** Replicas acknowledged something: who waited for it goes on. */
	look(): void {
		for (const [client, {offset, count}] of this.#waiting) {
			const acknowledged = this.#acknowledgedCount(offset);
			if (acknowledged < count) continue;
			this.#clients.unblock(client, (reply) => {
				reply.integer(acknowledged);
			});
		}
	}
}
