/**
 * Keys on their way to other servers (MIGRATE): Redis stands still until the target has answered; here only who names a key
 * under way waits (docs/decisions/0011-migrate-without-stopping.md).
 *
 *     begin     keys are under way, client blocked     --> connection, RESTORE ... RESTORE
 *     answered  keys that the target took: DEL here, to replicas and files; all are free; client answered
 *
 * A key is removed only when the target said that it has it. Whatever else happens (an error, silence, the end of either
 * node), it stays.
 */
import type {Client} from '../commands/client.ts';
import type {Command} from '../commands/command.ts';
import type {Migration, MigrationService} from '../commands/migration-service.ts';
import type {Services} from '../commands/services.ts';
import {latin1} from '../lib/bytes.ts';
import {type Reply, RespError} from '../resp/reply-parser.ts';
import {ReplyWriter} from '../resp/reply-writer.ts';
import type {Request} from '../resp/request.ts';
import type {NodeClients} from './clients.ts';
import type {CommandStream} from './command-stream.ts';
import type {ExchangeFailure, MigrationLink} from './migration-link.ts';
import type {MigrationTargets} from './migration-targets.ts';

export interface MigrationsParts {
	readonly services: () => Pick<
		Services,
		'databases' | 'stats' | 'commandStats' | 'table' | 'replication' | 'clock'
	>;
	readonly clients: NodeClients;
	readonly stream: CommandStream;
	readonly targets: MigrationTargets;
	/** Runs a function when the command under way is done: whoever is resumed runs commands, too. */
	readonly later?: (run: () => void) => void;
	/** Before keys are removed: what follows happens now. */
	readonly beginTurn: () => void;
}

const CONNECTING = 'IOERR error or timeout connecting to the client';
const WRITING = 'IOERR error or timeout writing to target instance';
const READING = 'IOERR error or timeout reading to target instance';
const DEMOTED =
	'UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)';

export class NodeMigrations implements MigrationService {
	isBusy = false;
	readonly #parts: MigrationsParts;
	readonly #later: (run: () => void) => void;
	/** One character a byte; with how often it is under way, since a command may name it twice. */
	readonly #underWay = new Map<string, number>();
	#held = new Set<Client>();

	constructor(parts: MigrationsParts) {
		this.#parts = parts;
		this.#later = parts.later ?? setImmediate;
	}

	isUnderWay(request: Request, index: number): boolean {
		return this.#underWay.has(request.latin1(index));
	}

	hold(client: Client): void {
		client.postponed = true;
		this.#held.add(client);
	}

	begin(client: Client, migration: Migration): void {
		for (const key of migration.keys) {
			const name = latin1(key);
			this.#underWay.set(name, (this.#underWay.get(name) ?? 0) + 1);
		}
		this.isBusy = true;
		this.#parts.clients.block(client, {
			timeoutMs: 0,
			// Only CLIENT UNBLOCK ends it so; the keys go on their way.
			timedOut: (reply) => {
				reply.error(READING);
			},
			ended: () => undefined,
		});
		this.#connect(client, migration, true);
	}

	#connect(client: Client, migration: Migration, mayRetry: boolean): void {
		const {host, port, timeoutMs} = migration;
		if (port === null) {
			this.#later(() => {
				this.#conclude(client, migration, [], WRITING);
			});
			return;
		}
		this.#parts.targets.take(
			host,
			port,
			timeoutMs,
			(link) => {
				this.#send(client, migration, link, port, mayRetry);
			},
			(failure) => {
				// As Redis, whose connect() succeeds at once and whose first write finds out.
				this.#conclude(client, migration, [], failure === 'refused' ? WRITING : CONNECTING);
			},
		);
	}

	#send(client: Client, migration: Migration, link: MigrationLink, port: number, mayRetry: boolean): void {
		const {host, keys, timeoutMs} = migration;
		const {batch, prefixCount} = batchFor(migration, link.selected);
		link.exchange(batch, prefixCount + keys.length, timeoutMs, (replies, failure) => {
			// Nothing was answered: a connection that the target had closed long ago, most likely.
			if (failure !== null && !failure.isTimeout && mayRetry && replies.length <= prefixCount) {
				this.#connect(client, migration, false);
				return;
			}
			const {taken, error} = read(migration, replies, prefixCount);
			if (failure === null) {
				// After an error it is not known what the target has selected.
				link.selected = error === null ? migration.targetDatabase : null;
				this.#parts.targets.keep(link, host, port);
			}
			this.#conclude(client, migration, taken, error ?? failureLine(failure));
		});
	}

	/** @param taken keys that the target has @param error null: all went well */
	#conclude(client: Client, migration: Migration, taken: readonly Uint8Array[], error: string | null): void {
		// In a pause nothing changes. After a failover by hand, which is one reason for a pause, this node is a replica.
		this.#parts.clients.whenUnpaused(() => {
			const {beginTurn, clients, services, stream} = this.#parts;
			const {replication, stats, commandStats, table} = services();
			let line = error;
			if (replication.isReplica) line = DEMOTED;
			else if (!migration.copy && taken.length > 0) {
				beginTurn();
				this.#remove(migration.databaseIndex, taken);
				client.writtenUpTo = stream.position;
			}
			this.#release(migration.keys);
			if (line !== null) {
				stats.errorReplied(line);
				const command: Command | undefined = table.named('migrate');
				if (command !== undefined) commandStats.of(command).failedCalls++;
			}
			clients.unblock(client, (reply) => {
				if (line === null) reply.ok();
				else reply.error(line);
			});
		});
	}

	#remove(databaseIndex: number, keys: readonly Uint8Array[]): void {
		const {databases, clock} = this.#parts.services();
		const db = databases[databaseIndex]!;
		db.now = clock.nowMs;
		db.expiredKeys = 'remove';
		// It may have expired meanwhile, or FLUSHALL came: then there is nothing to remove.
		const removed = keys.filter((key) => {
			if (!db.removeKey(key)) return false;
			db.modifiedKey(key);
			return true;
		});
		if (removed.length > 0) this.#parts.stream.removedTogether(databaseIndex, removed);
	}

	#release(keys: readonly Uint8Array[]): void {
		for (const key of keys) {
			const name = latin1(key);
			const count = this.#underWay.get(name)!;
			if (count === 1) this.#underWay.delete(name);
			else this.#underWay.set(name, count - 1);
		}
		this.isBusy = this.#underWay.size > 0;
		if (this.#held.size === 0) return;
		this.#later(() => {
			const held = this.#held;
			this.#held = new Set();
			for (const client of held) client.postponed = false;
			for (const client of held) client.connection.resume();
		});
	}
}

/** What goes before the RESTOREs depends on what the connection's other end knows already. */
function batchFor(
	{credentials, targetDatabase, packet}: Migration,
	selected: number | bigint | null,
): {readonly batch: Uint8Array; readonly prefixCount: number} {
	if (credentials === null && selected === targetDatabase) return {batch: packet, prefixCount: 0};
	const writer = new ReplyWriter();
	let prefixCount = 0;
	if (credentials !== null) {
		prefixCount++;
		writer.array(1 + credentials.length);
		writer.bulkText('AUTH');
		for (const word of credentials) writer.bulk(Buffer.from(word, 'latin1'));
	}
	if (selected !== targetDatabase) {
		prefixCount++;
		writer.array(2);
		writer.bulkText('SELECT');
		writer.bulkText(String(targetDatabase));
	}
	writer.raw(packet);
	return {batch: writer.view(0, writer.length).slice(), prefixCount};
}

/**
 * What the replies say. The first error is told, those of AUTH and SELECT before those of keys; after one of these no key counts
 * as taken, whatever the target made of it: the database may have been another.
 */
function read(
	{keys}: Migration,
	replies: readonly Reply[],
	prefixCount: number,
): {readonly taken: readonly Uint8Array[]; readonly error: string | null} {
	const firstError = replies.find((reply) => reply instanceof RespError);
	const error =
		firstError === undefined ? null : `ERR Target instance replied with error: ${firstError.message}`;
	if (replies.slice(0, prefixCount).some((reply) => reply instanceof RespError)) return {taken: [], error};
	const answers = replies.slice(prefixCount);
	return {taken: keys.filter((_, i) => i < answers.length && !(answers[i] instanceof RespError)), error};
}

function failureLine(failure: ExchangeFailure): string | null {
	if (failure === null) return null;
	return failure.written ? READING : WRITING;
}
