/**
 * This node's link to its primary, from the dial to its end: the pure machine of src/replication/replica.ts with a link, the
 * databases and the clock. One for each attempt; who follows whom, and when to try again, is replication.ts's to say.
 */
import type {Client} from '../commands/client.ts';
import type {Stats} from '../commands/services.ts';
import type {LogLevel, Settings} from '../commands/settings.ts';
import type {Keyspace} from '../data/keyspace.ts';
import {AssertionError} from '../lib/assert.ts';
import type {Region} from '../lib/region.ts';
import type {ReplicationHistory} from '../replication/history.ts';
import {STREAM_DATABASE} from '../replication/wire.ts';
import {type KnownHistory, ReplicaMachine, type ReplicaOutlet} from '../replication/replica.ts';
import type {NodeClients} from './clients.ts';
import type {Frontend} from './frontend.ts';
import type {SnapshotLoader} from './snapshot-port.ts';
import {StreamApplier} from './stream-applier.ts';
import {streamConnection} from './stream-connection.ts';
import type {StreamLinks} from './stream-links.ts';
import type {Link, LinkHandler} from './transport.ts';

export interface ReplicationLinkOptions {
	readonly host: string;
	readonly port: number;
	/** What clients of this node connect to. */
	readonly listeningPort: number;
	readonly links: StreamLinks;
	readonly settings: Settings;
	readonly stats: Stats;
	readonly history: ReplicationHistory;
	readonly known: KnownHistory | null;
	/** What is selected in the stream, where it goes on. */
	readonly databaseIndex: number;
	readonly databases: readonly Keyspace[];
	readonly clients: NodeClients;
	readonly frontend: Frontend;
	readonly makeLoader: () => SnapshotLoader;
	readonly nowMs: () => number;
	readonly events: ReplicationLinkEvents;
	readonly log: (level: LogLevel, text: string) => void;
}

export interface ReplicationLinkEvents {
	/** The databases are about to be emptied: what is in them is whole again only when the link is up. */
	emptied(): void;
	/** They hold the snapshot, or nothing when it broke off. */
	replaced(): void;
	/** The stream is followed. */
	up(): void;
	/** More of the stream is applied; the history has it. */
	applied(bytes: Uint8Array, from: number, to: number): void;
	/** Replicas of this node must come again: the history goes on under another id, or is another. */
	renamed(): void;
	/** The end, once. */
	down(reason: string): void;
}

export interface TransferFacts {
	readonly totalBytes: number;
	readonly readBytes: number;
}

export class ReplicationLink implements ReplicaOutlet, LinkHandler {
	readonly #options: ReplicationLinkOptions;
	readonly #machine: ReplicaMachine;
	readonly #stopDial: () => void;
	#link: Link | null = null;
	#client: Client | null = null;
	#applier: StreamApplier | null = null;
	#loader: SnapshotLoader | null = null;
	/** Of the snapshot under way: the history that its data belong to. */
	#syncing: KnownHistory | null = null;
	#transfer: TransferFacts | null = null;
	#databaseIndex: number;
	#isEnded = false;

	constructor(options: ReplicationLinkOptions) {
		const {host, port, listeningPort, links, settings, known, nowMs, log} = options;
		this.#options = options;
		this.#databaseIndex = options.databaseIndex;
		this.#machine = new ReplicaMachine(
			{
				listeningPort: settings.replicaAnnouncePort === 0 ? listeningPort : settings.replicaAnnouncePort,
				announcedHost: settings.replicaAnnounceIp,
				user: settings.primaryUser,
				password: settings.primaryPassword,
				known,
				timeoutMs: () => settings.replicationTimeoutSeconds * 1000,
			},
			this,
			nowMs(),
		);
		this.#stopDial = links.dial(host, port, {
			opened: (link) => {
				this.#link = link;
				log('notice', 'MASTER <-> REPLICA sync started');
				this.#machine.start();
				return this;
			},
			failed: (reason) => {
				this.#machine.fail(`Error condition on socket for SYNC: ${reason}`);
			},
		});
	}

	get isUp(): boolean {
		return this.#machine.phase === 'online';
	}

	get state(): 'connecting' | 'handshake' | 'sync' | 'connected' {
		if (this.#link === null) return 'connecting';
		switch (this.#machine.phase) {
			case 'online':
				return 'connected';
			case 'receiving':
				return 'sync';
			default:
				return 'handshake';
		}
	}

	/** A snapshot comes in, and the databases are not whole. */
	get isLoading(): boolean {
		return this.#loader !== null;
	}

	get transfer(): TransferFacts | null {
		return this.#transfer;
	}

	get lastHeardAtMs(): number {
		return this.#machine.lastHeardAtMs;
	}

	/** What is selected in the stream. */
	get databaseIndex(): number {
		return this.#client?.databaseIndex ?? this.#databaseIndex;
	}

	/** Bytes of the stream that arrived. */
	get readOffset(): number {
		return this.#options.history.offset + (this.#applier?.pendingBytes ?? 0);
	}

	/** Several times a second. */
	tick(): void {
		this.#machine.tick(this.#options.nowMs(), this.#options.history.offset);
	}

	acknowledge(): void {
		this.#machine.acknowledge(this.#options.nowMs(), this.#options.history.offset);
	}

	/** Ends it without a word. */
	drop(): void {
		this.#machine.fail('');
	}

	// LinkHandler

	onData(region: Region, length: number): void {
		if (this.#isEnded) return;
		this.#options.frontend.receivedFromPrimary(this.#client, length);
		this.#machine.receive(
			region.bytes.length === length ? region.bytes : region.bytes.subarray(0, length),
			this.#options.nowMs(),
		);
	}

	onEnd(): void {
		this.#machine.fail('Connection with master lost.');
	}

	onDrain(): void {
		// Acknowledgements are short and few: they are written whatever waits.
	}

	onClose(): void {
		this.#machine.fail('Connection with master lost.');
	}

	// ReplicaOutlet

	send(bytes: Uint8Array): void {
		this.#link?.write(bytes, 0, bytes.length);
	}

	log(level: 'notice' | 'warning', text: string): void {
		this.#options.log(level, text);
	}

	fullResync(id: string, offset: number): void {
		this.log('notice', `Full resync from master: ${id}:${offset}`);
		this.#syncing = {id, offset};
		this.#options.events.renamed();
	}

	snapshotBegins(length: number): void {
		const {databases, makeLoader, events} = this.#options;
		this.log('notice', 'MASTER <-> REPLICA sync: Flushing old data');
		events.emptied();
		for (const db of databases) db.flush();
		this.#loader = makeLoader();
		this.#transfer = {totalBytes: length, readBytes: 0};
		this.#databaseIndex = 0;
	}

	snapshot(bytes: Uint8Array): void {
		const loader = this.#loader;
		if (loader === null) return;
		this.#transfer = {
			totalBytes: this.#transfer!.totalBytes,
			readBytes: this.#transfer!.readBytes + bytes.length,
		};
		try {
			loader.push(bytes);
		} catch (error) {
			if (error instanceof AssertionError) throw error;
			const reason = error instanceof Error ? error.message : String(error);
			this.#machine.fail(`Failed trying to load the MASTER synchronization DB: ${reason}`);
		}
	}

	snapshotEnds(): void {
		const {history, events} = this.#options;
		const isComplete = this.#loader?.isComplete === true;
		if (!isComplete) {
			this.#machine.fail('Failed trying to load the MASTER synchronization DB: it is not complete');
			return;
		}
		this.#databaseIndex = this.#selectedIn(this.#loader!);
		this.#loader = null;
		this.#transfer = null;
		history.adopt(this.#syncing!.id, this.#syncing!.offset);
		this.log('notice', 'MASTER <-> REPLICA sync: Finished with success');
		this.#begin();
		events.replaced();
		events.up();
		this.acknowledge();
	}

	resumed(id: string): void {
		const {history, events} = this.#options;
		this.log('notice', 'Successful partial resynchronization with master.');
		if (id !== history.id) {
			history.continueAs(id);
			this.log('notice', `Master replication ID changed to ${id}`);
			events.renamed();
		}
		history.keep();
		this.#begin();
		events.up();
		this.acknowledge();
	}

	stream(bytes: Uint8Array): void {
		this.#applier!.push(bytes);
	}

	failed(reason: string): void {
		const wasLoading = this.isLoading;
		this.#end();
		// Half of a snapshot is worth nothing.
		if (wasLoading) {
			for (const db of this.#options.databases) db.flush();
			this.#options.events.replaced();
		}
		this.#options.events.down(reason);
	}

	/** The database that the stream behind a snapshot begins in: a primary that is itself a replica goes on in the middle of one. */
	#selectedIn({aux}: SnapshotLoader): number {
		const index = Number(aux.get(STREAM_DATABASE) ?? 0);
		return index in this.#options.databases ? index : 0;
	}

	/** From here on the primary is a client whose commands are run. */
	#begin(): void {
		const {clients, events, frontend, history, host, port, stats, nowMs} = this.#options;
		const link = this.#link!;
		const {remoteAddress, localAddress, localPort} = link;
		const remote = remoteAddress === '' ? host : remoteAddress;
		const connection = streamConnection({
			link,
			applier: () => this.#applier,
			close: () => {
				this.#machine.fail('Connection with master lost.');
			},
		});
		const client = clients.add(connection, `${remote}:${port}`, `${localAddress}:${localPort}`, nowMs());
		client.isPrimary = true;
		client.databaseIndex = this.#databaseIndex;
		this.#client = client;
		this.#applier = new StreamApplier({
			frontend,
			client,
			onApplied: (bytes, from, to) => {
				history.append(bytes, from, to);
				events.applied(bytes, from, to);
			},
			onAsked: () => {
				this.acknowledge();
			},
			onError: (command, error) => {
				stats.unexpectedErrorReplies++;
				this.log(
					'warning',
					`== CRITICAL == This replica is sending an error to its master: '${error}' after processing the command '${command}'`,
				);
			},
			onFailed: (reason) => {
				this.#machine.fail(reason);
			},
		});
	}

	#end(): void {
		this.#isEnded = true;
		this.#stopDial();
		this.#applier?.stop();
		this.#databaseIndex = this.databaseIndex;
		this.#loader = null;
		if (this.#client !== null) this.#options.clients.remove(this.#client);
		this.#link?.destroy();
	}
}
