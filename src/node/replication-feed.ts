/**
 * What a primary does with its command stream: it goes into the history, and to the replicas. On a replica it does nothing,
 * for there the stream is the primary's own.
 */
import type {ReplicationHistory} from '../replication/history.ts';
import type {StreamConsumer} from './command-stream.ts';
import type {Replicas} from './replicas.ts';

export class ReplicationFeed implements StreamConsumer {
	/** This node writes the stream. */
	isLeading = true;
	readonly isForReplicas = true;
	readonly #history: ReplicationHistory;
	readonly #replicas: Replicas;

	constructor(history: ReplicationHistory, replicas: Replicas) {
		this.#history = history;
		this.#replicas = replicas;
	}

	/** Not while nobody has ever followed. */
	get wantsCommands(): boolean {
		return this.isLeading && this.#history.backlog !== null;
	}

	take(bytes: Uint8Array, from: number, to: number): void {
		this.#history.append(bytes, from, to);
		this.#replicas.feed(bytes, from, to);
	}

	/** A command of the stream that changes no data: PING, REPLCONF GETACK. What is pending must have gone out before. */
	say(command: Uint8Array): void {
		if (this.wantsCommands) this.take(command, 0, command.length);
	}
}
