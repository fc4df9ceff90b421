/**
 * What a command may use of the node beside the keyspace. Interfaces only: the node's composition root builds the
 * implementations (src/node) and passes them in, so that commands know no sockets, files, timers or processes.
 */
import type {Keyspace} from '../data/keyspace.ts';
import type {ReplyWriter} from '../resp/reply-writer.ts';
import type {Request} from '../resp/request.ts';
import type {Client, ClientConnection} from './client.ts';
import type {ClusterService} from './cluster-service.ts';
import type {Command} from './command.ts';
import type {MigrationService} from './migration-service.ts';
import type {SlotMigrationService} from './slot-migration-service.ts';
import type {PersistenceService} from './persistence-service.ts';
import type {Propagation} from './propagation.ts';
import type {ReplicationService} from './replication-service.ts';
import type {LogLevel, Settings} from './settings.ts';
import type {CommandTable} from './table.ts';

export interface Services {
	readonly config: Config;
	readonly clients: Clients;
	readonly stats: Stats;
	readonly commandStats: CommandStats;
	readonly slowlog: Slowlog;
	readonly latency: LatencyMonitor;
	readonly memory: Memory;
	readonly info: Info;
	readonly debug: DebugHooks;
	readonly lifecycle: Lifecycle;
	readonly propagation: Propagation;
	readonly persistence: PersistenceService;
	readonly replication: ReplicationService;
	readonly migration: MigrationService;
	readonly clock: Clock;
	/** One in cluster mode, as many as the parameter `databases` says otherwise; SWAPDB swaps two entries. */
	readonly databases: Keyspace[];
	readonly table: CommandTable;
	/** Null when cluster support is disabled. */
	readonly cluster: ClusterService | null;
	/** Null as `cluster`. */
	readonly slotMigrations: SlotMigrationService | null;
	/** Writes one line to the node's log. */
	log(level: LogLevel, line: string): void;
}

export interface Clock {
	/** Unix time in ms, read once a turn of the event loop. */
	readonly nowMs: number;
	/** Microseconds from an arbitrary start, read now; never goes backwards. */
	monotonicUs(): number;
	/** Unix time in microseconds, read now. */
	wallUs(): number;
}

// Configuration

export interface Config {
	readonly settings: Settings;
	/** Path of the file that CONFIG REWRITE writes; empty when the node was started without one. */
	readonly file: string;
	/** Name and value of every parameter (aliases too) that one of the glob patterns matches, as CONFIG GET prints them. */
	get(patterns: readonly Uint8Array[]): ReadonlyMap<string, string>;
	/**
	 * Sets all or none.
	 * @throws CommandError with the line of CONFIG SET
	 */
	set(pairs: readonly (readonly [name: string, value: string])[]): void;
	/** @throws CommandError with the line of CONFIG REWRITE */
	rewrite(): void;
	/** Whether the values of the parameter must not be shown in the slow log. */
	isSensitive(name: string): boolean;
}

// Clients

export type PauseMode = 'none' | 'write' | 'all';
/** Who holds commands back: CLIENT PAUSE, a manual failover of the cluster, SHUTDOWN, which waits for replicas, or slots that move. */
export type PausePurpose = 'client' | 'failover' | 'shutdown' | 'slot-migration';

/** Why a client waits, and what becomes of it. */
export interface Block {
	/** 0: without end. */
	readonly timeoutMs: number;
	/**
	 * What it waits for, where that is a change of keys, which a cluster may move away: then the client is sent after them
	 * (MOVED), or hears that the cluster is down.
	 */
	readonly keys?: {readonly slot: number; readonly isWrite: boolean};
	/** The reply when the time is over; what waited is forgotten then. Called while the client is still blocked. */
	timedOut(reply: ReplyWriter): void;
	/** It waits no more, for whatever reason. */
	ended(): void;
}

export interface Clients extends Iterable<Client> {
	/** Number of connected clients. */
	readonly count: number;
	/** Clients that sent MONITOR; the executor feeds them when there are any. */
	readonly monitors: ReadonlySet<Client>;
	/** What is held back now; the executor reads it before each command. */
	readonly pauseMode: PauseMode;
	/** Clients whose commands wait for the end of a pause. */
	readonly postponedCount: number;
	/** Clients that a command holds until something happens. */
	readonly blockedCount: number;
	/** Of these, those with a time limit. */
	readonly timedBlockCount: number;
	/** A new client, with the next id. */
	add(connection: ClientConnection, address: string, localAddress: string, nowMs: number): Client;
	/** Forgets a client whose connection is closed; does nothing when it is forgotten already. */
	remove(client: Client): void;
	byId(id: number): Client | undefined;
	/** In the order of ids. */
	[Symbol.iterator](): Iterator<Client>;
	/**
	 * Until unix time `untilMs`. The end of a running pause is never brought forward, and `write` does not weaken a running `all`.
	 * The purpose is `client` when none is given.
	 */
	pause(untilMs: number, mode: 'write' | 'all', purpose?: PausePurpose): void;
	/** Ends the pause of that purpose; soon the clients that it held back are resumed, in the order they came. */
	unpause(purpose?: PausePurpose): void;
	/** The running command of the client has no reply yet: the client runs nothing more until `unblock`. */
	block(client: Client, block: Block): void;
	/** Replies to a blocked client, which goes on; does nothing to another. */
	unblock(client: Client, write: (reply: ReplyWriter) => void): void;
	/** The executor holds the client's command back; its connection's `resume` is called when the pause ends. */
	postpone(client: Client): void;
	startMonitor(client: Client): void;
	stopMonitor(client: Client): void;
	/**
	 * Shows the request to every monitor, with passwords hidden. The executor calls it after the command has run, for commands
	 * without the flags `admin` and `skip_monitor`. `wallUs` is the unix time in microseconds.
	 */
	feedMonitors(command: Command, request: Request, client: Client, wallUs: number): void;
}

// Figures

/** Counters since the start or the last CONFIG RESETSTAT. Plain fields that the hot path increments. */
export interface Stats {
	totalConnections: number;
	rejectedConnections: number;
	totalCommands: number;
	netInputBytes: number;
	netOutputBytes: number;
	/** Of these, what came from the primary and what went to replicas. */
	netReplicationInputBytes: number;
	netReplicationOutputBytes: number;
	/** Resynchronisations with replicas: with all data, with what was missing, and those for which that was not possible. */
	syncFull: number;
	syncPartialOk: number;
	syncPartialErr: number;
	totalReads: number;
	totalWrites: number;
	totalErrorReplies: number;
	unexpectedErrorReplies: number;
	evictedKeys: number;
	evictedClients: number;
	/** Connections closed because their output buffer was over the limit. */
	outputBufferLimitDisconnections: number;
	/** Turns of the active expiry cycle that ended by their time budget, and the CPU it used. */
	expireCyclesCapped: number;
	expireCycleCpuUs: number;
	/** Highest used memory seen, in bytes; sampled by the cron. */
	peakMemoryBytes: number;
	/** Unix time in ms of the node's start and of the last reset. */
	readonly startedAtMs: number;
	/** Mean of the last 1.6 seconds. */
	readonly opsPerSecond: number;
	readonly inputKbps: number;
	readonly outputKbps: number;
	readonly replicationInputKbps: number;
	readonly replicationOutputKbps: number;
	/** Counts one error reply by its first word. `line` without the leading `-`. */
	errorReplied(line: string): void;
	/** Error replies by first word, in alphabetic order. */
	errors(): readonly (readonly [word: string, count: number])[];
	/** Every 100 ms: takes a sample for the rates. */
	sample(nowMs: number): void;
	/** CONFIG RESETSTAT; the keyspaces' and the commands' counters are reset by the command. */
	reset(): void;
}

/** Calls of one command; the executor increments `rejectedCalls` and `failedCalls`, `CommandStats.called` the others. */
export interface CommandStat {
	calls: number;
	/** Microseconds spent in the handler. */
	usec: number;
	/** Refused before the handler ran (arity, authentication, memory, redirection ...). */
	rejectedCalls: number;
	/** The handler replied with an error. */
	failedCalls: number;
	/** Null until the first call with `latency-tracking yes`. */
	histogram: LatencyHistogram | null;
}

export interface LatencyHistogram {
	readonly count: number;
	/** Value in nanoseconds that `percentile` (0..100) percent of the calls did not exceed. */
	percentileNs(percentile: number): number;
	/** Pairs of upper bound in microseconds and number of calls up to it; a power of two each, only where the number grows. */
	cumulative(): readonly (readonly [boundUs: number, calls: number])[];
}

export interface CommandStats {
	/** The counters of a command; allocates them at the first use only. */
	of(command: Command): CommandStat;
	/** After `calls` calls that took `us` together: counts them and, with latency tracking on, their mean in the histogram. */
	called(command: Command, us: number, calls: number): void;
	/** Commands with calls, rejections or failures, by name. */
	used(): readonly (readonly [command: Command, stat: CommandStat])[];
	reset(): void;
}

export interface SlowlogEntry {
	readonly id: number;
	/** Unix time in seconds. */
	readonly atSeconds: number;
	readonly durationUs: number;
	/** At most 32; long ones are cut with a note of what is missing. */
	readonly arguments: readonly Uint8Array[];
	readonly address: string;
	readonly clientName: string;
}

export interface Slowlog {
	readonly length: number;
	/** Newest first; a negative count means all. */
	entries(count: number): readonly SlowlogEntry[];
	reset(): void;
	/** Records the command when it took as long as slowlog-log-slower-than says; otherwise returns at once. */
	add(command: Command, request: Request, client: Client, durationUs: number, nowMs: number): void;
}

export interface LatencySample {
	/** Unix time in seconds. */
	readonly atSeconds: number;
	readonly ms: number;
}

export interface LatencyEvent {
	readonly name: string;
	/** Oldest first, at most 160. */
	readonly samples: readonly LatencySample[];
	/** Highest since the last reset. */
	readonly maxMs: number;
}

export interface LatencyMonitor {
	/** Records the event when it took at least latency-monitor-threshold (and that is not 0). */
	add(event: string, ms: number, nowMs: number): void;
	event(name: string): LatencyEvent | undefined;
	events(): readonly LatencyEvent[];
	/** Forgets the named events, or all. Returns how many there were. */
	reset(names?: readonly string[]): number;
}

/** Figures of memory in bytes. */
export interface MemoryFigures {
	/** Keys, values and tables, and the buffers of clients. */
	readonly usedBytes: number;
	readonly peakBytes: number;
	/** What an empty node used after its start. */
	readonly startupBytes: number;
	readonly residentBytes: number;
	/** Keys and values without tables and buffers. */
	readonly datasetBytes: number;
	readonly clientsBytes: number;
	readonly keyCount: number;
	/** Key tables of each database with keys. */
	readonly tables: readonly {
		readonly database: number;
		readonly mainBytes: number;
		readonly expiryBytes: number;
	}[];
	/** What the data's pages hold in use, have reserved, and the JavaScript heap beside them. */
	readonly arenaUsedBytes: number;
	readonly arenaReservedBytes: number;
	readonly heapUsedBytes: number;
	readonly heapReservedBytes: number;
	readonly systemBytes: number;
}

export interface Memory {
	figures(): MemoryFigures;
	/** Of keys, values and their tables, in bytes. Cheap. */
	usedBytes(): number;
	/** Used bytes against maxmemory; cheap enough for each command that has the `denyoom` flag. */
	isOverLimit(): boolean;
	/** Gives free pages back where that is possible. */
	purge(): void;
}

export interface Info {
	/** The text of INFO for section names (lower case, `default`, `all` and `everything` included). */
	text(sections: readonly string[]): string;
}

// The process

export interface ShutdownOptions {
	readonly save: 'default' | 'save' | 'nosave';
	readonly now: boolean;
	readonly force: boolean;
}

export interface Lifecycle {
	/**
	 * Closes the node, when its replicas have caught up; clients get no reply.
	 * @param client who asks: it waits
	 * @throws CommandError when it may not end, since something cannot be saved
	 */
	shutdown(options: ShutdownOptions, client: Client): void;
	/** False when no shutdown waits. */
	abortShutdown(): boolean;
}

/** What DEBUG does to the node itself. */
export interface DebugHooks {
	/** Blocks the node's thread. */
	sleep(ms: number): void;
	/** The worker dies by an assertion. */
	crash(message: string): never;
	/** DEBUG SET-ACTIVE-EXPIRE. */
	setActiveExpire(enabled: boolean): void;
}
