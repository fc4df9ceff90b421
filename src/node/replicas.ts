/**
 * The replicas of this node: those that wait for a snapshot, those that receive one, and those that follow the stream. A
 * replica is a client that sent PSYNC or SYNC; its connection is the client's.
 *
 * A PSYNC is answered at the end of the event loop's turn, when the stream and all earlier replies are out: what the replica
 * is told then fits the offset exactly.
 */
import type {Client} from '../commands/client.ts';
import type {FollowerFacts} from '../commands/replication-service.ts';
import type {Stats} from '../commands/services.ts';
import type {LogLevel, Settings} from '../commands/settings.ts';
import {latin1ToBytes} from '../lib/bytes.ts';
import type {ReplicationHistory} from '../replication/history.ts';
import {
	answerPsync,
	countAcknowledged,
	countDurable,
	countGood,
	isOverdue,
	lagSeconds,
	newReplica,
} from '../replication/primary.ts';
import type {ReplicaRecord} from '../replication/primary.ts';
import {savedFields} from '../replication/saved-history.ts';
import {NEWLINE} from '../replication/wire.ts';
import type {Candidate} from './failover.ts';
import {FullSync} from './full-sync.ts';
import type {SnapshotMaker} from './snapshot-port.ts';

export interface ReplicasOptions {
	readonly history: ReplicationHistory;
	readonly settings: Settings;
	readonly stats: Stats;
	readonly snapshots: SnapshotMaker;
	readonly nowMs: () => number;
	/** Forty random hex digits. */
	readonly randomId: () => string;
	/** Brings out the command stream, then the replies that wait. */
	readonly flush: () => void;
	/** Somebody reads the stream from here on. */
	readonly selectAgain: () => void;
	/** What a reader that begins here has to take for selected. */
	readonly streamDatabase: () => number;
	readonly log: (level: LogLevel, text: string) => void;
	/** Who is online, or how far they are, may have changed. */
	readonly onChange: () => void;
}

interface Request {
	readonly client: Client;
	/** Null: SYNC. */
	readonly psync: {readonly id: string; readonly firstByte: number} | null;
}

export class Replicas {
	readonly #options: ReplicasOptions;
	readonly #members = new Map<Client, ReplicaRecord>();
	/** Asked in this turn. */
	#requests: Request[] = [];
	readonly #waiting = new Set<Client>();
	readonly #syncs = new Set<FullSync>();
	/** The one whose snapshot is being made. */
	#current: FullSync | null = null;
	#isWaitingForMaker = false;
	/** When the first of those that wait began to. */
	#firstWaitsSinceMs = 0;

	constructor(options: ReplicasOptions) {
		this.#options = options;
	}

	get count(): number {
		return this.#members.size;
	}

	has(client: Client): boolean {
		return this.#members.has(client);
	}

	get goodCount(): number {
		const {settings, nowMs} = this.#options;
		return countGood(this.#members.values(), settings.minReplicasMaxLagSeconds, nowMs());
	}

	acknowledgedCount(offset: number): number {
		return countAcknowledged(this.#members.values(), offset);
	}

	/** Those that have it on their disks. */
	durableCount(offset: number): number {
		return countDurable(this.#members.values(), offset);
	}

	/** Those that have not acknowledged that offset, whatever they do. */
	laggingCount(offset: number): number {
		let count = 0;
		for (const {ackOffset, neverAcks} of this.#members.values())
			if (!neverAcks && ackOffset < offset) count++;
		return count;
	}

	/** Who could take this node's part. */
	candidates(offset: number): Candidate[] {
		return [...this.#members].map(([client, replica]) => ({
			...addressOf(client, replica),
			isOnline: replica.phase === 'online',
			isSynced: replica.ackOffset === offset,
		}));
	}

	facts(): FollowerFacts[] {
		const nowMs = this.#options.nowMs();
		return [...this.#members].map(([client, replica]) => ({
			...addressOf(client, replica),
			state: STATE_WORDS[replica.phase],
			offset: replica.ackOffset,
			lagSeconds: replica.phase === 'online' ? lagSeconds(replica, nowMs) : 0,
		}));
	}

	/** @param psync null: SYNC */
	ask(client: Client, psync: Request['psync']): void {
		const {settings} = this.#options;
		if (settings.replDisableTcpNoDelay) client.connection.setNoDelay(false);
		const replica = (client.replica ??= newReplica());
		replica.phase = 'wait-snapshot';
		replica.ackAtMs = this.#options.nowMs();
		this.#members.set(client, replica);
		if (this.#waiting.size === 0) this.#firstWaitsSinceMs = replica.ackAtMs;
		this.#requests.push({client, psync});
		if (this.#requests.length > 1) return;
		setImmediate(() => {
			this.#options.flush();
			const requests = this.#requests;
			this.#requests = [];
			for (const request of requests) this.#answer(request);
			this.#beginSync();
			this.#options.onChange();
		});
	}

	#answer({client, psync}: Request): void {
		const replica = this.#members.get(client);
		if (replica === undefined) return;
		const {history, stats, randomId, selectAgain, log, nowMs} = this.#options;
		const name = nameOf(client, replica);
		if (history.backlog === null) {
			history.restart(randomId());
			selectAgain();
			log(
				'notice',
				`Replication backlog created, my new replication IDs are '${history.id}' and '${history.secondId}'`,
			);
		}
		if (psync === null) {
			stats.syncFull++;
			replica.neverAcks = true;
			this.#waiting.add(client);
			return;
		}
		log('notice', `Replica ${name} asks for synchronization`);
		const answer = answerPsync(history, replica, psync.id, psync.firstByte);
		if (answer.kind === 'continue') {
			stats.syncPartialOk++;
			replica.phase = 'online';
			replica.ackAtMs = nowMs();
			say(client, answer.line);
			client.connection.feed(answer.bytes, 0, answer.bytes.length);
			log(
				'notice',
				`Partial resynchronization request from ${name} accepted. Sending ${answer.bytes.length} bytes of backlog starting from offset ${psync.firstByte}.`,
			);
			return;
		}
		stats.syncFull++;
		if (answer.mismatch === null) {
			log('notice', `Full resync requested by replica ${name}`);
		} else {
			stats.syncPartialErr++;
			log(
				'notice',
				`Partial resynchronization not accepted: ${answer.mismatch} (asked for ${psync.id}:${psync.firstByte})`,
			);
		}
		this.#waiting.add(client);
	}

	/** One snapshot for all that wait, as soon as none is under way. */
	#beginSync(): void {
		const {history, settings, snapshots, randomId, flush, selectAgain, streamDatabase, log} = this.#options;
		if (this.#waiting.size === 0 || this.#current !== null || this.#isWaitingForMaker) return;
		if (this.#mayMoreCome()) return;
		if (snapshots.isBusy) {
			this.#isWaitingForMaker = true;
			snapshots.onIdle(() => {
				this.#isWaitingForMaker = false;
				this.#beginSync();
			});
			return;
		}
		// What is written up to here is in the snapshot, and in no replica's stream.
		flush();
		selectAgain();
		const sync = new FullSync({
			replicas: this.#waiting,
			isSentAtOnce: settings.replDisklessSync,
			mark: randomId(),
			aux: savedFields({id: history.id, offset: history.offset, database: streamDatabase()}),
			onSent: (sent) => {
				this.#sent(sent);
			},
			onFailed: (failed, reason) => {
				log('warning', `SYNC failed. The snapshot could not be made: ${reason}`);
				for (const client of failed.replicas) client.connection.close();
				this.#sent(failed);
			},
		});
		for (const client of this.#waiting)
			if (!client.replica!.neverAcks) say(client, `+FULLRESYNC ${history.id} ${history.offset}\r\n`);
		this.#waiting.clear();
		this.#current = sync;
		this.#syncs.add(sync);
		log('notice', `Starting a snapshot for SYNC with ${sync.replicas.size} replicas`);
		sync.begin(snapshots);
	}

	/** Others may want the same snapshot soon: it is put off. Looked at again once a second. */
	#mayMoreCome(): boolean {
		const {replDisklessSync, replDisklessSyncDelaySeconds, replDisklessSyncMaxReplicas} =
			this.#options.settings;
		if (!replDisklessSync || replDisklessSyncDelaySeconds === 0) return false;
		if (replDisklessSyncMaxReplicas > 0 && this.#waiting.size >= replDisklessSyncMaxReplicas) return false;
		return this.#options.nowMs() - this.#firstWaitsSinceMs < replDisklessSyncDelaySeconds * 1000;
	}

	#sent(sync: FullSync): void {
		const nowMs = this.#options.nowMs();
		for (const client of sync.replicas) {
			const replica = client.replica!;
			replica.ackAtMs = nowMs;
			// Whoever was told the length can tell what comes behind it.
			if (replica.isSnapshotOnly) client.connection.closeAfterReplies();
			else if (!sync.endsByMark(client)) this.#complete(client);
		}
		if (sync.replicas.size === 0) this.#syncs.delete(sync);
		if (this.#current !== sync) return;
		this.#current = null;
		setImmediate(() => {
			this.#beginSync();
		});
	}

	/** The replica has its snapshot. */
	#complete(client: Client): void {
		const {log, nowMs, onChange} = this.#options;
		const replica = client.replica!;
		replica.phase = 'online';
		replica.ackAtMs = nowMs();
		for (const sync of this.#syncs) {
			sync.complete(client);
			if (sync.replicas.size === 0 && sync !== this.#current) this.#syncs.delete(sync);
		}
		log('notice', `Synchronization with replica ${nameOf(client, replica)} succeeded`);
		onChange();
	}

	/** @param durableOffset negative when it said nothing of its disk */
	acknowledged(client: Client, offset: number, durableOffset: number): void {
		const replica = this.#members.get(client);
		if (replica === undefined) return;
		replica.ackOffset = Math.max(replica.ackOffset, offset);
		if (durableOffset >= 0) replica.durableOffset = durableOffset;
		replica.ackAtMs = this.#options.nowMs();
		if (replica.phase === 'awaiting-ack') this.#complete(client);
		this.#options.onChange();
	}

	/** The next part of the stream, which is in the history already. */
	feed(bytes: Uint8Array, from: number, to: number): void {
		for (const [client, {phase}] of this.#members)
			if (phase === 'online') client.connection.feed(bytes, from, to);
		for (const sync of this.#syncs) sync.follow(bytes, from, to);
	}

	/** Once a second. */
	tick(): void {
		this.#beginSync();
		const {nowMs, settings, log} = this.#options;
		const timeoutMs = settings.replicationTimeoutSeconds * 1000;
		for (const [client, replica] of this.#members) {
			if (replica.phase === 'wait-snapshot') client.connection.feed(NEWLINE, 0, NEWLINE.length);
			if (!isOverdue(replica, nowMs(), timeoutMs)) continue;
			log('warning', `Disconnecting timedout replica (streaming sync): ${nameOf(client, replica)}`);
			client.connection.close();
		}
	}

	/** They must learn of another history: they come again. */
	closeAll(): void {
		for (const client of this.#members.keys()) client.connection.close();
	}

	/** A client has left. */
	left(client: Client): void {
		const replica = this.#members.get(client);
		if (replica === undefined) return;
		this.#members.delete(client);
		this.#waiting.delete(client);
		for (const sync of this.#syncs) {
			sync.left(client);
			if (sync.replicas.size === 0 && sync !== this.#current) this.#syncs.delete(sync);
		}
		this.#options.log('notice', `Connection with replica ${nameOf(client, replica)} lost.`);
		this.#options.onChange();
	}
}

const STATE_WORDS = {
	handshake: 'wait_bgsave',
	'wait-snapshot': 'wait_bgsave',
	receiving: 'send_bulk',
	'awaiting-ack': 'send_bulk',
	online: 'online',
} as const;

function say({connection}: Client, line: string): void {
	const bytes = latin1ToBytes(line);
	connection.feed(bytes, 0, bytes.length);
}

function addressOf(client: Client, replica: ReplicaRecord): {readonly host: string; readonly port: number} {
	const host = client.address.slice(0, client.address.lastIndexOf(':')).replace(/^\[(.*)\]$/, '$1');
	return {
		host: replica.announcedHost === '' ? host : replica.announcedHost,
		port: replica.listeningPort,
	};
}

function nameOf(client: Client, replica: ReplicaRecord): string {
	const {host, port} = addressOf(client, replica);
	return `${host}:${port}`;
}
