/**
 * The node's part in replication: it leads, or it follows another node, and in either case others may follow it. Holds the
 * history and what goes with the role, and decides when a link to the primary is made, ended and tried again.
 *
 *     clients --> executor --> command stream --> feed --> history, replicas        leads
 *     primary --> link, applier --> executor;  the same bytes --> history, replicas follows
 */
import {randomBytes} from 'node:crypto';
import type {Client} from '../commands/client.ts';
import {FLAG} from '../commands/command.ts';
import {CommandError} from '../commands/errors.ts';
import {
	type Durability,
	type FailoverOrder,
	type FailoverState,
	type FollowerFacts,
	type PrimaryFacts,
	type ReplicationService,
	WAITAOF_WITHOUT_AOF,
	writeDurability,
} from '../commands/replication-service.ts';
import type {Stats} from '../commands/services.ts';
import type {LogLevel} from '../commands/settings.ts';
import type {Keyspace} from '../data/keyspace.ts';
import type {FromNode} from '../launcher/messages.ts';
import {assert} from '../lib/assert.ts';
import {ReplicationHistory} from '../replication/history.ts';
import {savedFields} from '../replication/saved-history.ts';
import {GET_ACK, PING} from '../replication/wire.ts';
import type {NodeClients} from './clients.ts';
import type {CommandStream} from './command-stream.ts';
import type {NodeConfig} from './config.ts';
import {DurableOffset} from './durable-offset.ts';
import {Failover} from './failover.ts';
import type {Frontend} from './frontend.ts';
import type {Clock} from './ports.ts';
import {LocalExpiry} from './local-expiry.ts';
import {ReplicationFeed} from './replication-feed.ts';
import {ReplicationLink} from './replication-link.ts';
import type {RestoredHistory} from './recovery.ts';
import {Replicas} from './replicas.ts';
import type {SnapshotLoader, SnapshotMaker} from './snapshot-port.ts';
import type {StreamLinks} from './stream-links.ts';
import {type WriteWait, WriteWaiters} from './write-waiters.ts';

export interface ReplicationParts {
	readonly config: NodeConfig;
	readonly clients: NodeClients;
	readonly databases: readonly Keyspace[];
	readonly stats: Stats;
	readonly stream: CommandStream;
	readonly clock: Clock;
	readonly snapshots: SnapshotMaker;
	/** For the bytes of one snapshot. */
	readonly makeLoader: () => SnapshotLoader;
	/** Position up to which the command stream is on the disk; negative while there is no append-only file. */
	readonly durablePosition: () => number;
	readonly outlets: ReplicationOutlets;
}

export interface ReplicationOutlets {
	log(level: LogLevel, text: string): void;
	/** At the start, and whenever one of the two changed. */
	/** The node must end, for this reason. */
	panic(reason: string): never;
	role(role: Extract<FromNode, {kind: 'role'}>): void;
	/** The databases are about to be emptied for the primary's data: what files say is void. */
	replacementBegins(): void;
	/** The primary's data are there, or the databases are empty since they did not all come. */
	replacementEnded(): void;
	/** The link to the primary went up or down, or more of its stream is applied. Never called from within `follow` or `lead`. */
	dataAdvanced(isLinkChange: boolean): void;
}

export interface ReplicationDoor {
	/** Of this node, as its primary is told. */
	readonly port: number;
	readonly frontend: Frontend;
	readonly links: StreamLinks;
	/** False: whom the node follows is told next, by redis.conf or by its cluster. */
	readonly isPrimary: boolean;
}

interface Following {
	readonly host: string;
	readonly port: number;
	/** Of a cluster node; else empty. */
	readonly nodeId: string;
	/** Null between two attempts. */
	link: ReplicationLink | null;
	isUp: boolean;
	/** Attempts in a row that led to nothing. */
	failureCount: number;
	stopTimer: () => void;
	/** Since when the link is down; -1 when it never was up. */
	downSinceMs: number;
}

const TICK_MS = 100;
const SECOND_MS = 1000;
/** Between attempts to reach the primary: at once, then after 50 ms, 100 ms, 200 ms ... up to the second of Redis. */
const FIRST_RETRY_MS = 50;
const LONGEST_RETRY_MS = 1000;
/** Between two lines about a disk that refuses. */
const LACK_OF_DISK_LOG_MS = 10_000;

const NO_REPLICAS = 'NOREPLICAS Not enough good replicas to write.';
const READ_ONLY = "READONLY You can't write against a read only replica.";
const PRIMARY_DOWN = "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.";
const LOADING = 'LOADING Redis is loading the dataset in memory';
const NO_KEYS_FOR_REPLICAS = "ERR Replica can't interact with the keyspace";
const FAILOVER_OF_REPLICA = new CommandError('ERR FAILOVER is not valid when server is a replica.');
const NO_LINK = new CommandError("NOMASTERLINK Can't SYNC while not connected with my master");

export class Replication implements ReplicationService {
	readonly history: ReplicationHistory;
	readonly feed: ReplicationFeed;
	readonly #parts: ReplicationParts;
	readonly #replicas: Replicas;
	readonly #waiters: WriteWaiters;
	/** On a replica. */
	readonly #durable: DurableOffset;
	readonly #failover: Failover;
	readonly #localExpiry: LocalExpiry;
	#isLookingAtDisk = false;
	#lackOfDiskToldAtMs = -Infinity;
	#door: ReplicationDoor | null = null;
	#following: Following | null = null;
	/** The data are those of the history at its offset: not so after a snapshot that broke off. */
	#isWhole = true;
	/** The data were a primary's, or this node's own while others followed: worth to be told to a new primary. */
	#isKnown = false;
	/** What is selected in the stream where it goes on. */
	#databaseIndex = 0;
	/** When the primary was last heard; 0 when never. */
	#heardAtMs = 0;
	#hasRules = false;
	#isAskingForAcks = false;
	#isTellingOfData = false;
	#reported = '';
	#lastPingAtMs = 0;
	/** Since when nobody follows; 0 while somebody does. */
	#aloneSinceMs = 0;
	#stops: (() => void)[] = [];

	/** @throws when redis.conf names a primary for a cluster node */
	constructor(parts: ReplicationParts) {
		const {clients, config, outlets, snapshots, stats, stream} = parts;
		this.#parts = parts;
		const {settings} = config;
		if (settings.clusterEnabled && settings.replicaOf !== '')
			throw new Error('replicaof directive not allowed in cluster mode');
		this.history = new ReplicationHistory(randomId(), settings.replicationBacklogBytes);
		this.#replicas = new Replicas({
			history: this.history,
			settings,
			stats,
			snapshots,
			nowMs: () => this.#nowMs(),
			randomId,
			flush: () => {
				this.#opened.frontend.output.flush();
			},
			selectAgain: () => {
				if (this.#following === null) stream.selectAgain();
			},
			streamDatabase: () =>
				this.#following === null ? 0 : (this.#following.link?.databaseIndex ?? this.#databaseIndex),
			log: (level, text) => {
				outlets.log(level, text);
			},
			onChange: () => {
				this.#waiters.look();
				this.#updateRules();
				this.#failover.look();
			},
		});
		this.feed = new ReplicationFeed(this.history, this.#replicas);
		this.#waiters = new WriteWaiters(clients);
		this.#localExpiry = new LocalExpiry(parts.databases);
		this.#failover = new Failover({
			candidates: () => this.#replicas.candidates(this.history.offset),
			pause: () => {
				stream.flush();
				clients.pause(Infinity, 'write', 'failover');
			},
			unpause: () => {
				clients.unpause('failover');
			},
			follow: (host, port) => {
				this.follow(host, port);
			},
			lead: () => {
				this.lead();
			},
			nowMs: () => this.#nowMs(),
			log: (level, text) => {
				outlets.log(level, text);
			},
		});
		this.#durable = new DurableOffset(parts.durablePosition, () => this.#nowMs());
		stream.addConsumer(this.feed);
		clients.onRemoved((client) => {
			this.#replicas.left(client);
		});
		config.onChange('repl-backlog-size', () => {
			this.history.resize(settings.replicationBacklogBytes);
		});
		for (const name of RULE_PARAMETERS) {
			config.onChange(name, () => {
				this.#updateRules();
			});
		}
	}

	/** Once, when clients can connect. A primary that redis.conf names is followed from now on. */
	start(door: ReplicationDoor): void {
		const {clock, config} = this.#parts;
		this.#door = door;
		this.#lastPingAtMs = this.#nowMs();
		this.#stops.push(
			clock.every(TICK_MS, () => {
				this.#following?.link?.tick();
				this.#failover.look();
				if (this.#following?.link?.isUp === true) this.#heardAtMs = this.#following.link.lastHeardAtMs;
			}),
			clock.every(SECOND_MS, () => {
				this.#everySecond();
			}),
		);
		const [host, port] = config.settings.replicaOf.split(' ');
		if (host !== undefined && port !== undefined) this.follow(host, Number(port));
		this.#updateRules();
		if (door.isPrimary) this.#reportRole();
	}

	/** Before `start`: the data are of a history that others may still follow. */
	restore({history, expired}: RestoredHistory, isPrimary: boolean): void {
		const {stream, databases} = this.#parts;
		if (!isPrimary) {
			this.history.resume(history.id, history.offset);
			this.#databaseIndex = history.database in databases ? history.database : 0;
			return;
		}
		this.history.succeed(history.id, history.offset);
		for (const [database, key] of expired) stream.removed(database, key);
		stream.flush();
	}

	/** For the head of dump.rdb; empty while the data belong to no history that anybody could follow. */
	savedFields(): ReadonlyMap<string, string> {
		const {history} = this;
		const following = this.#following;
		if (following === null) this.#parts.stream.flush();
		const isKnown = following === null ? history.backlog !== null : this.#isKnown && this.#isWhole;
		if (!isKnown) return new Map();
		const database = following === null ? 0 : (following.link?.databaseIndex ?? this.#databaseIndex);
		return savedFields({id: history.id, offset: history.offset, database});
	}

	stop(): void {
		for (const stop of this.#stops) stop();
		this.#stops = [];
		const following = this.#following;
		this.#following = null;
		following?.stopTimer();
		following?.link?.drop();
	}

	// What the cluster asks

	/** Bytes of the stream with every command that ran; of a replica, those that it applied. 0: it has no data of its primary. */
	get streamOffset(): number {
		if (this.#following === null)
			return this.history.offset + (this.feed.wantsCommands ? this.#parts.stream.pendingBytes : 0);
		return this.#isWhole && this.#isKnown ? this.history.offset : 0;
	}

	/** Whether the primary's stream is followed; false on a primary. */
	get isPrimaryLinkUp(): boolean {
		return this.#following?.link?.isUp === true;
	}

	/** Since the primary was last heard. @param nowMs of the steady clock */
	dataAgeMs(nowMs: number): number {
		const heardAtMs = this.isPrimaryLinkUp ? this.#following!.link!.lastHeardAtMs : this.#heardAtMs;
		return heardAtMs === 0 ? Infinity : Math.max(0, nowMs - heardAtMs);
	}

	// ReplicationService

	get isReplica(): boolean {
		return this.#following !== null;
	}

	get hasRules(): boolean {
		return this.#hasRules;
	}

	refusal(flagBits: number, client: Client): string | null {
		const {settings} = this.#parts.config;
		const writes = (flagBits & FLAG.write) !== 0;
		const following = this.#following;
		if (writes && following === null && this.#lacksReplicas()) return NO_REPLICAS;
		if (writes && following !== null && settings.replicaReadOnly) return READ_ONLY;
		if (following !== null && (flagBits & FLAG.stale) === 0 && !settings.replicaServeStaleData) {
			if (following.link?.isUp !== true) return PRIMARY_DOWN;
		}
		if (following?.link?.isLoading === true && (flagBits & FLAG.loading) === 0) return LOADING;
		if (this.#replicas.has(client) && (flagBits & KEYSPACE_FLAGS) !== 0) return NO_KEYS_FOR_REPLICAS;
		return null;
	}

	wroteLocally(database: number, key: Uint8Array): void {
		this.#localExpiry.changed(database, key);
	}

	lacksDisk(): void {
		const {config, outlets} = this.#parts;
		if (!config.settings.replicaIgnoreDiskWriteErrors)
			outlets.panic('Replica was unable to write command to disk.');
		const nowMs = this.#nowMs();
		if (nowMs - this.#lackOfDiskToldAtMs < LACK_OF_DISK_LOG_MS) return;
		this.#lackOfDiskToldAtMs = nowMs;
		outlets.log('warning', 'Replica is applying a command it is unable to write to disk.');
	}

	expireLocal(nowMs: number, isOver: () => boolean): void {
		if (this.#following !== null && this.#following.link?.isLoading !== true)
			this.#localExpiry.run(nowMs, isOver);
	}

	get primary(): PrimaryFacts | null {
		const following = this.#following;
		if (following === null) return null;
		const {host, port, link, downSinceMs} = following;
		const transfer = link?.transfer ?? null;
		const nowMs = this.#nowMs();
		const secondsSince = (atMs: number): number => Math.max(0, Math.floor((nowMs - atMs) / 1000));
		return {
			host,
			port,
			state: link === null ? 'connect' : link.state,
			lastHeardSecondsAgo: link?.isUp === true ? secondsSince(link.lastHeardAtMs) : -1,
			readOffset: link?.readOffset ?? this.history.offset,
			sync: transfer === null ? null : {...transfer, lastHeardSecondsAgo: secondsSince(link!.lastHeardAtMs)},
			downForSeconds: downSinceMs < 0 ? -1 : secondsSince(downSinceMs),
		};
	}

	followers(): readonly FollowerFacts[] {
		return this.#replicas.facts();
	}

	get goodFollowerCount(): number {
		return this.#replicas.goodCount;
	}

	psync(client: Client, id: string, firstByte: number): void {
		this.#checkServesReplicas();
		this.#replicas.ask(client, {id, firstByte});
	}

	sync(client: Client): void {
		this.#checkServesReplicas();
		this.#replicas.ask(client, null);
	}

	acknowledged(client: Client, offset: number, durableOffset: number): void {
		this.#replicas.acknowledged(client, offset, durableOffset);
	}

	acknowledge(): void {
		this.#following?.link?.acknowledge();
	}

	get failoverState(): FailoverState {
		return this.#failover.state;
	}

	failover(order: FailoverOrder): void {
		this.#failover.checkNoneRuns();
		if (this.#following !== null) throw FAILOVER_OF_REPLICA;
		this.#failover.begin(order);
		// Who has everything already takes over when the command is answered.
		setImmediate(() => {
			this.#failover.look();
		});
	}

	abortFailover(): void {
		this.#failover.abort();
	}

	acknowledgedCount(client: Client): number {
		return this.#replicas.acknowledgedCount(this.#offsetOf(client));
	}

	wait(client: Client, count: number, timeoutMs: number): void {
		const offset = this.#offsetOf(client);
		const replicas = this.#replicas;
		const wait: WriteWait = {
			get isOver() {
				return replicas.acknowledgedCount(offset) >= count;
			},
			reply: (reply) => {
				reply.integer(replicas.acknowledgedCount(offset));
			},
		};
		this.#waiters.add(client, wait, timeoutMs);
		this.#askForAcks();
	}

	durability(client: Client): Durability {
		return this.#durabilityOf(client.writtenUpTo, this.#offsetOf(client));
	}

	waitDurable(client: Client, wanted: Durability, timeoutMs: number): void {
		const {settings} = this.#parts.config;
		const offset = this.#offsetOf(client);
		const position = client.writtenUpTo;
		const now = (): Durability => this.#durabilityOf(position, offset);
		const lacksFile = (): boolean => wanted.local > 0 && !settings.appendOnly;
		const wait: WriteWait = {
			get isOver() {
				const {local, replicas} = now();
				return lacksFile() || (local >= wanted.local && replicas >= wanted.replicas);
			},
			reply: (reply) => {
				if (lacksFile()) reply.error(WAITAOF_WITHOUT_AOF.message);
				else writeDurability(reply, now());
			},
		};
		this.#waiters.add(client, wait, timeoutMs);
		if (wanted.replicas > 0) this.#askForAcks();
	}

	#durabilityOf(position: number, offset: number): Durability {
		const local = this.#parts.durablePosition() >= position ? 1 : 0;
		return {local, replicas: this.#replicas.durableCount(offset)};
	}

	/** More of the append-only file is on the disk, or the file was turned off. Looked at when the turn is over. */
	diskAdvanced(): void {
		if (this.#isLookingAtDisk) return;
		this.#isLookingAtDisk = true;
		setImmediate(() => {
			this.#isLookingAtDisk = false;
			this.#waiters.look();
			this.#following?.link?.becameDurable();
		});
	}

	follow(host: string, port: number, nodeId = ''): boolean {
		const {config, outlets, stream} = this.#parts;
		const before = this.#following;
		if (before !== null && before.host === host && before.port === port) return false;
		if (before === null) {
			// What was written up to here belongs to the history that the new primary may know.
			stream.flush();
			this.#isKnown = this.history.backlog !== null;
			this.history.keep();
			this.feed.isLeading = false;
			this.#durable.restart(this.history.offset, stream.position);
			this.#releaseBlocked();
		}
		const following: Following = {
			host,
			port,
			nodeId,
			link: null,
			isUp: false,
			failureCount: 0,
			stopTimer: () => undefined,
			downSinceMs: -1,
		};
		this.#following = following;
		before?.stopTimer();
		this.#forgetLink(before);
		if (!config.settings.clusterEnabled) config.record('replicaof', `${host} ${port}`);
		outlets.log('notice', `Connecting to MASTER ${host}:${port}`);
		this.#updateRules();
		this.#reportRole();
		following.stopTimer = this.#parts.clock.after(0, () => {
			this.#connect(following);
		});
		return true;
	}

	lead(): void {
		const {config, outlets, stream} = this.#parts;
		const before = this.#following;
		if (before === null) return;
		this.#following = null;
		before.stopTimer();
		this.#forgetLink(before);
		this.history.continueAs(randomId());
		this.history.keep();
		this.#isWhole = true;
		this.feed.isLeading = true;
		this.#localExpiry.forget();
		// Nobody knows what the old primary had selected.
		stream.selectAgain();
		// They learn of the new id when they come again, and go on where they are.
		this.#replicas.closeAll();
		if (!config.settings.clusterEnabled) config.record('replicaof', '');
		outlets.log('notice', `MASTER MODE enabled, my replication ID is ${this.history.id}`);
		this.#updateRules();
		this.#reportRole();
	}

	/** CLUSTER RESET: the data are gone, and nobody may go on as if they were those of the history. */
	reset(): void {
		this.history.drop(randomId());
		this.#isKnown = false;
		this.#replicas.closeAll();
	}

	// Shutdown

	/** The offset of all that was written so far, for `laggingCount`. */
	writtenOffset(): number {
		this.#parts.stream.flush();
		return this.history.offset;
	}

	/** Replicas that have not acknowledged the stream up to an offset, which are asked to. On a replica nobody counts. */
	laggingCount(offset: number): number {
		const count = this.#following === null ? this.#replicas.laggingCount(offset) : 0;
		if (count > 0) this.#askForAcks();
		return count;
	}

	get followerCount(): number {
		return this.#replicas.count;
	}

	// The link to the primary

	#connect(following: Following): void {
		const {clients, config, databases, makeLoader, outlets, stats} = this.#parts;
		const {frontend, links, port} = this.#opened;
		const {history} = this;
		const link: ReplicationLink = new ReplicationLink({
			host: following.host,
			port: following.port,
			listeningPort: port,
			links,
			settings: config.settings,
			stats,
			history,
			known: this.#isKnown && this.#isWhole ? {id: history.id, offset: history.offset} : null,
			isHandingOver: this.#failover.isHandingOver,
			databaseIndex: this.#databaseIndex,
			databases,
			clients,
			frontend,
			makeLoader,
			randomId,
			panic: (reason) => outlets.panic(reason),
			durableOffset: () => this.#durable.value,
			nowMs: () => this.#nowMs(),
			events: {
				emptied: () => {
					this.#localExpiry.forget();
					this.#isWhole = false;
					outlets.replacementBegins();
					this.#updateRules();
				},
				replaced: () => {
					outlets.replacementEnded();
					this.#durable.restart(history.offset, this.#parts.stream.position);
				},
				up: (isKnown) => {
					following.isUp = true;
					following.failureCount = 0;
					this.#isWhole = true;
					this.#isKnown = isKnown;
					this.#heardAtMs = this.#nowMs();
					this.#linkChanged();
				},
				applied: (bytes, from, to) => {
					this.#durable.applied(history.offset, this.#parts.stream.position);
					this.#replicas.feed(bytes, from, to);
					outlets.dataAdvanced(false);
				},
				renamed: () => {
					this.#replicas.closeAll();
				},
				handedOver: (isAccepted) => {
					this.#failover.answered(isAccepted);
				},
				down: (reason) => {
					this.#linkEnded(following, link, reason);
				},
			},
			log: (level, text) => {
				outlets.log(level, text);
			},
		});
		following.link = link;
	}

	#linkEnded(following: Following, link: ReplicationLink, reason: string): void {
		this.#databaseIndex = link.databaseIndex;
		if (following.link === link) following.link = null;
		if (this.#following !== following) return;
		this.#parts.outlets.log('warning', reason);
		if (following.isUp) following.downSinceMs = this.#nowMs();
		following.isUp = false;
		const delayMs =
			following.failureCount === 0
				? 0
				: Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** (following.failureCount - 1));
		following.failureCount++;
		following.stopTimer = this.#parts.clock.after(delayMs, () => {
			this.#connect(following);
		});
		this.#linkChanged();
	}

	#forgetLink(following: Following | null): void {
		const link = following?.link ?? null;
		if (link === null) return;
		if (link.isUp) this.#heardAtMs = link.lastHeardAtMs;
		link.drop();
	}

	#linkChanged(): void {
		this.#updateRules();
		this.#reportRole();
		if (this.#isTellingOfData) return;
		this.#isTellingOfData = true;
		setImmediate(() => {
			this.#isTellingOfData = false;
			this.#parts.outlets.dataAdvanced(true);
		});
	}

	// Replicas

	/** @throws NOMASTERLINK */
	#checkServesReplicas(): void {
		if (this.#following !== null && !this.isPrimaryLinkUp) throw NO_LINK;
	}

	/** The offset of the stream behind all that the client wrote. */
	#offsetOf(client: Client): number {
		const {stream} = this.#parts;
		if (client.writtenUpTo === 0) return 0;
		stream.flush();
		// PINGs are in the offset and not in the position: then a little more is asked for than was written.
		return this.history.offset - (stream.position - client.writtenUpTo);
	}

	/** Once for all that ask in this turn. */
	#askForAcks(): void {
		if (this.#isAskingForAcks) return;
		this.#isAskingForAcks = true;
		setImmediate(() => {
			this.#isAskingForAcks = false;
			this.#say(GET_ACK);
		});
	}

	#everySecond(): void {
		const {config} = this.#parts;
		const {replPingReplicaPeriodSeconds, replicationBacklogSeconds} = config.settings;
		const nowMs = this.#nowMs();
		this.#replicas.tick();
		const isAlone = this.#replicas.count === 0;
		if (!isAlone) this.#aloneSinceMs = 0;
		else if (this.#aloneSinceMs === 0) this.#aloneSinceMs = nowMs;
		this.#updateRules();
		if (this.#following !== null) return;
		if (!isAlone && nowMs - this.#lastPingAtMs >= replPingReplicaPeriodSeconds * 1000) {
			this.#lastPingAtMs = nowMs;
			this.#say(PING);
		}
		const aloneForMs = isAlone ? nowMs - this.#aloneSinceMs : 0;
		if (this.history.backlog === null || replicationBacklogSeconds === 0) return;
		if (aloneForMs > replicationBacklogSeconds * 1000) {
			this.#parts.stream.flush();
			this.history.drop(randomId());
			this.#isKnown = false;
			this.#parts.outlets.log(
				'notice',
				`Replication backlog freed after ${replicationBacklogSeconds} seconds without connected replicas.`,
			);
		}
	}

	/** Puts a command into the stream that changes no data. In a manual failover it stands still. */
	#say(command: Uint8Array): void {
		if (this.#parts.clients.isPausedFor('failover')) return;
		this.#parts.stream.flush();
		this.feed.say(command);
	}

	#lacksReplicas(): boolean {
		const {minReplicasToWrite, minReplicasMaxLagSeconds} = this.#parts.config.settings;
		if (minReplicasToWrite === 0 || minReplicasMaxLagSeconds === 0) return false;
		return this.#replicas.goodCount < minReplicasToWrite;
	}

	/** Whether any command might be refused: on a primary without replicas none is, and none pays for it. */
	#updateRules(): void {
		this.#hasRules = this.#following !== null || this.#replicas.count > 0 || this.#lacksReplicas();
	}

	/** A client that waits for replicas of a primary would wait for ever. */
	#releaseBlocked(): void {
		const {clients} = this.#parts;
		for (const client of clients) {
			if (client.block === null) continue;
			clients.unblock(client, (reply) => {
				reply.error(
					'UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)',
				);
			});
			client.connection.closeAfterReplies();
		}
	}

	#reportRole(): void {
		if (this.#door === null) return;
		const role = this.#following === null ? 'primary' : 'replica';
		const primaryId = this.#following?.nodeId ?? '';
		const linkUp = this.isPrimaryLinkUp;
		const report = `${role} ${linkUp} ${primaryId}`;
		if (report === this.#reported) return;
		this.#reported = report;
		this.#parts.outlets.role({kind: 'role', role, linkUp, ...(primaryId === '' ? {} : {primaryId})});
	}

	get #opened(): ReplicationDoor {
		assert(this.#door !== null, 'replication begins when clients can connect');
		return this.#door;
	}

	#nowMs(): number {
		return this.#parts.clock.steadyWallMs();
	}
}

const RULE_PARAMETERS = ['min-replicas-to-write', 'min-replicas-max-lag'] as const;
const KEYSPACE_FLAGS = FLAG.write | FLAG.readonly | FLAG.may_replicate;

const randomId = (): string => randomBytes(20).toString('hex');
