/** Clients that wait until what they wrote is safe: with replicas (WAIT), or on disks (WAITAOF). */
import type {Client} from '../commands/client.ts';
import type {ReplyWriter} from '../resp/reply-writer.ts';
import type {NodeClients} from './clients.ts';

/** What a client waits for. */
export interface WriteWait {
	/** Looked at whenever a replica acknowledged something, or the disk has more. */
	readonly isOver: boolean;
	/** When it is over, or the client's time is. */
	reply(reply: ReplyWriter): void;
}

export class WriteWaiters {
	readonly #clients: NodeClients;
	readonly #waiting = new Map<Client, WriteWait>();

	constructor(clients: NodeClients) {
		this.#clients = clients;
	}

	add(client: Client, wait: WriteWait, timeoutMs: number): void {
		this.#waiting.set(client, wait);
		this.#clients.block(client, {
			timeoutMs,
			timedOut: (reply) => {
				wait.reply(reply);
			},
			ended: () => {
				this.#waiting.delete(client);
			},
		});
	}

	/** Something became safe: who waited for it goes on. */
	look(): void {
		for (const [client, wait] of this.#waiting) {
			if (!wait.isOver) continue;
			this.#clients.unblock(client, (reply) => {
				wait.reply(reply);
			});
		}
	}
}
