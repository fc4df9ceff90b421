/** Clients that a command holds until something happens: they run nothing more, and have no reply yet. */
import type {Client} from '../commands/client.ts';
import type {Block} from '../commands/services.ts';
import {ReplyWriter} from '../resp/reply-writer.ts';
import {type Clock, LONGEST_TIMER_MS} from './ports.ts';

interface Held {
	readonly block: Block;
	readonly stopTimer: () => void;
	/** CLIENT REPLY takes the reply away. */
	readonly isSilent: boolean;
}

export class BlockedClients {
	readonly #held = new Map<Client, Held>();
	readonly #later: (run: () => void) => void;
	readonly #clock: Pick<Clock, 'after'>;

	/** @param later runs a function when the command under way is done: whoever goes on runs commands, too */
	constructor(later: (run: () => void) => void, clock: Pick<Clock, 'after'>) {
		this.#later = later;
		this.#clock = clock;
	}

	get count(): number {
		return this.#held.size;
	}

	/** Of these, those with a time limit. */
	get timedCount(): number {
		let count = 0;
		for (const {block} of this.#held.values()) if (block.timeoutMs > 0) count++;
		return count;
	}

	block(client: Client, block: Block): void {
		const {timeoutMs} = block;
		const timeOut = (): void => {
			this.unblock(client, (reply) => {
				block.timedOut(reply);
			});
		};
		const stopTimer =
			timeoutMs === 0 ? () => undefined : this.#clock.after(Math.min(timeoutMs, LONGEST_TIMER_MS), timeOut);
		client.block = block;
		this.#held.set(client, {block, stopTimer, isSilent: client.replyMode !== 'on'});
	}

	unblock(client: Client, write: (reply: ReplyWriter) => void): void {
		const held = this.#held.get(client);
		if (held === undefined) return;
		if (!held.isSilent) {
			const reply = new ReplyWriter();
			reply.protocol = client.protocol;
			write(reply);
			client.connection.push(reply.view(0, reply.length).slice());
		}
		this.release(client);
		this.#later(() => {
			client.connection.resume();
		});
	}

	/** Those that wait for keys: `refusal` says why one waits in vain by now, in an error line, or null. */
	refuse(refusal: (client: Client, keys: NonNullable<Block['keys']>) => string | null): void {
		for (const [client, {block}] of this.#held) {
			const line = block.keys === undefined ? null : refusal(client, block.keys);
			if (line === null) continue;
			this.unblock(client, (reply) => {
				reply.error(line);
			});
		}
	}

	/** The client is held no more, without a reply. */
	release(client: Client): void {
		const held = this.#held.get(client);
		if (held === undefined) return;
		this.#held.delete(client);
		client.block = null;
		held.stopTimer();
		held.block.ended();
	}
}
