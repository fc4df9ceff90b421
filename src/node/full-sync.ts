/**
 * One full resynchronisation, for all replicas that asked before its snapshot began: each gets the snapshot, and then what was
 * written since. Until a replica is ready for it, that part of the stream is kept here.
 *
 *     stream     ...........|  written since: kept once for all of the group  | ...
 *     snapshot              ^ as of here
 */
import {latin1ToBytes, concat} from '../lib/bytes.ts';
import type {Client} from '../commands/client.ts';
import type {Snapshot, SnapshotMaker, SnapshotSink} from './snapshot-port.ts';

export interface FullSyncOptions {
	readonly replicas: Iterable<Client>;
	/** False: as a whole when it is complete, to all of them with its length. */
	readonly isSentAtOnce: boolean;
	/** Forty hex digits that end a snapshot of unknown length. */
	readonly mark: string;
	/** Fields for the head of the snapshot. */
	readonly aux: ReadonlyMap<string, string>;
	/** The snapshot is with all of its replicas, or came to nothing: another may begin. */
	onSent(sync: FullSync): void;
	/** The snapshot could not be made; the replicas of the group are to be dropped. */
	onFailed(sync: FullSync, reason: string): void;
}

/** With more unsent bytes than this at a replica the snapshot waits. */
const BEHIND_BYTES = 4 * 1024 * 1024;

export class FullSync implements SnapshotSink {
	readonly #replicas: Set<Client>;
	readonly #options: FullSyncOptions;
	readonly #marker: Uint8Array;
	/** It is sent without its length, while it is made, to those that take it so. */
	readonly #isSentAtOnce: boolean;
	/** The whole snapshot, while somebody must be told its length first; else null. */
	readonly #gathered: Uint8Array[] | null;
	/** What was written since the snapshot's moment. */
	#tail: Uint8Array[] = [];
	#tailBytes = 0;
	#snapshot: Snapshot | null = null;
	#hasBegun = false;
	#isSent = false;

	constructor(options: FullSyncOptions) {
		this.#options = options;
		this.#replicas = new Set(options.replicas);
		this.#marker = latin1ToBytes(options.mark);
		this.#isSentAtOnce = options.isSentAtOnce;
		this.#gathered = [...this.#replicas].every((client) => this.endsByMark(client)) ? null : [];
	}

	/** Replicas that still need it. */
	get replicas(): ReadonlySet<Client> {
		return this.#replicas;
	}

	/** The moment of the snapshot is now. */
	begin(maker: SnapshotMaker): void {
		for (const {replica} of this.#replicas) replica!.phase = 'receiving';
		this.#snapshot = maker.begin(this, this.#options.aux);
	}

	// SnapshotSink

	get isBehind(): boolean {
		for (const {connection} of this.#replicas)
			if (connection.pendingOutputBytes - this.#tailBytes > BEHIND_BYTES) return true;
		return false;
	}

	chunk(bytes: Uint8Array): void {
		this.#gathered?.push(bytes);
		if (!this.#hasBegun) this.#say(`$EOF:${this.#options.mark}\r\n`);
		this.#hasBegun = true;
		for (const client of this.#replicas)
			if (this.endsByMark(client)) client.connection.feed(bytes, 0, bytes.length);
	}

	end(): void {
		this.#isSent = true;
		const gathered = this.#gathered === null ? null : concat(this.#gathered);
		for (const client of this.#replicas) {
			const {connection, replica} = client;
			if (this.endsByMark(client)) {
				connection.feed(this.#marker, 0, this.#marker.length);
			} else {
				const header = latin1ToBytes(`$${gathered!.length}\r\n`);
				connection.feed(header, 0, header.length);
				connection.feed(gathered!, 0, gathered!.length);
			}
			replica!.phase = 'awaiting-ack';
		}
		this.#options.onSent(this);
	}

	failed(reason: string): void {
		this.#isSent = true;
		this.#options.onFailed(this, reason);
	}

	/** The next part of the stream. */
	follow(bytes: Uint8Array, from: number, to: number): void {
		this.#tail.push(bytes.slice(from, to));
		this.#tailBytes += to - from;
		// A replica over its limit leaves, and the set with it.
		for (const {connection} of this.#replicas) connection.setHeldBytes(this.#tailBytes);
	}

	/** The replica has the snapshot: it gets what was written since, and is of the group no more. */
	complete(client: Client): void {
		if (!this.#replicas.delete(client)) return;
		client.connection.setHeldBytes(0);
		for (const bytes of this.#tail) client.connection.feed(bytes, 0, bytes.length);
		if (this.#replicas.size === 0) this.#tail = [];
	}

	/** The replica is gone. Nobody is left: the snapshot ends. */
	left(client: Client): void {
		if (!this.#replicas.delete(client) || this.#replicas.size > 0) return;
		this.#tail = [];
		if (this.#isSent) return;
		this.#isSent = true;
		this.#snapshot?.cancel();
		this.#options.onSent(this);
	}

	/** Whether the replica is sent it while it is made, and its end by a mark. */
	endsByMark({replica}: Client): boolean {
		return this.#isSentAtOnce && replica!.takesUnknownLength;
	}

	#say(line: string): void {
		const bytes = latin1ToBytes(line);
		for (const client of this.#replicas)
			if (this.endsByMark(client)) client.connection.feed(bytes, 0, bytes.length);
	}
}
