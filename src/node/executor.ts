/**
 * Runs one command of one client: the checks in the order of Redis (server.c, processCommand), then the handler, then
 * the figures. The reply, or the error line in its place, is in the writer when it returns.
 *
 * The path of a served command allocates nothing and reads no clock of its own.
 */
import type {Client} from '../commands/client.ts';
import type {KeyPresence} from '../commands/cluster-service.ts';
import {type Command, FLAG} from '../commands/command.ts';
import type {Context} from '../commands/context.ts';
import {CommandError, wrongArity} from '../commands/errors.ts';
import {KeyPositions} from '../commands/key-specs.ts';
import type {Services} from '../commands/services.ts';
import type {Settings} from '../commands/settings.ts';
import type {CommandTable} from '../commands/table.ts';
import type {Keyspace} from '../data/keyspace.ts';
import type {ReplyWriter} from '../resp/reply-writer.ts';
import type {Request} from '../resp/request.ts';
import {CallTimer} from './call-timer.ts';
import type {CommandStream} from './command-stream.ts';

/** What CLIENT LIST shows of a client that has sent none. */
const NO_COMMAND = 'NULL';
const NO_KEYS = -1;
const CROSS_SLOT = -2;
const MINUS = 0x2d;
/** Commands whose effect replicas and the append-only file must have. */
const PROPAGATED = FLAG.write | FLAG.may_replicate;

const NO_AUTH = 'NOAUTH Authentication required.';
const LOADING = 'LOADING Redis is loading the dataset in memory';
const OUT_OF_MEMORY = "OOM command not allowed when used memory > 'maxmemory'.";

export class Executor {
	readonly writer: ReplyWriter;
	readonly timer: CallTimer;
	readonly stream: CommandStream;
	readonly #context: {-readonly [K in keyof Context]: Context[K]};
	readonly #services: Services;
	readonly #table: CommandTable;
	readonly #asking: Command | undefined;
	readonly #ping: Command | undefined;
	readonly #keys = new KeyPositions();
	/** First slot of the last request that had keys of two. */
	#firstSlot = 0;

	constructor(
		writer: ReplyWriter,
		request: Request,
		client: Client,
		services: Services,
		stream: CommandStream,
	) {
		this.writer = writer;
		this.stream = stream;
		this.timer = new CallTimer(services);
		this.#services = services;
		this.#table = services.table;
		this.#asking = services.table.named('asking');
		this.#ping = services.table.named('ping');
		this.#context = {reply: writer, request, client, services, db: services.databases[0]!};
	}

	/** Whether there is such a command. */
	knows(request: Request): boolean {
		return this.#table.find(request) !== null;
	}

	/** False: the client must wait (CLIENT PAUSE), the command did not run and is to be given again. */
	execute(client: Client, request: Request): boolean {
		const {writer} = this;
		const {stats, clock, clients, replication} = this.#services;
		const mark = writer.mark();
		writer.protocol = client.protocol;
		request.slot = -1;

		const command = this.#table.find(request);
		if (command === null || command.isContainer || !command.acceptsCount(request.count)) {
			client.lastCommand = command?.name ?? NO_COMMAND;
			client.asking = false;
			this.#refuseUnknown(command, client, request);
			if (client.replyMode !== 'on') this.#dropReply(client, mark);
			return true;
		}
		client.lastCommand = command.name;
		const refusal = this.#refusal(command, client, request);
		if (refusal !== null) {
			this.#refuse(command, refusal);
			client.asking = false;
			if (client.replyMode !== 'on') this.#dropReply(client, mark);
			return true;
		}
		const db = this.#services.databases[client.databaseIndex]!;
		if (client.isPrimary) {
			db.expiredKeys = 'ignore';
		} else if (clients.pauseMode !== 'none') {
			if (this.#isPaused(command) && client.replica === null) {
				clients.postpone(client);
				return false;
			}
			// Nothing changes in a pause, not even by itself.
			db.expiredKeys = 'hide';
		} else {
			// A replica's keys go when its primary says so.
			db.expiredKeys = replication.isReplica ? 'hide' : 'remove';
		}

		const errorCount = writer.errorCount;
		const asked = client.asking;
		const context = this.#context;
		context.client = client;
		context.request = request;
		context.db = db;
		if (db.now !== clock.nowMs) db.now = clock.nowMs;
		db.noTouch = client.noTouch;
		client.argumentBytes = request.end - request.start;
		const {stream} = this;
		const isFollowed = (command.flagBits & PROPAGATED) !== 0 && stream.isOn;
		const changesBefore = isFollowed ? this.#changeCount() : 0;
		if (isFollowed) stream.begin(client.databaseIndex);
		if (db.isWalked && (command.flagBits & FLAG.write) !== 0) this.#preserveKeys(command, request, db);
		this.timer.start(command);
		let wasInPlace = false;
		try {
			wasInPlace = command.execute(context);
		} catch (error) {
			// Ours: an assertion, or a bug. The worker dies of it, which is what it is for.
			if (!(error instanceof CommandError)) throw error;
			writer.rewind(mark);
			writer.error(error.message);
		}
		this.timer.stop(command, request, client, wasInPlace, writer.length - mark);
		if (isFollowed) {
			stream.end(request, this.#changeCount() !== changesBefore);
			client.writtenUpTo = stream.position;
		}
		if ((command.flagBits & FLAG.write) !== 0 && !client.isPrimary && replication.isReplica)
			this.#noteLocalWrite(command, client, request);
		client.argumentBytes = 0;
		stats.totalCommands++;
		client.commandCount++;
		// It lasts for one command, and a second ASKING is none.
		if (asked && command !== this.#asking) client.asking = false;
		if (writer.errorCount !== errorCount) {
			this.#services.commandStats.of(command).failedCalls++;
			stats.errorReplied(this.#errorLine(mark));
		}
		if (clients.monitors.size > 0 && (command.flagBits & (FLAG.skip_monitor | FLAG.admin)) === 0) {
			clients.feedMonitors(command, request, client, clock.wallUs());
		}
		if (client.replyMode !== 'on') this.#dropReply(client, mark);
		return true;
	}

	/** Redis's order of checks; the line of the first that fails. */
	#refusal(command: Command, client: Client, request: Request): string | null {
		const {config, memory, cluster, persistence, replication} = this.#services;
		const {settings} = config;
		// What the primary did is done.
		if (client.isPrimary) return this.#refusalOfPrimary(command);
		// 1. Commands that a setting locks away.
		if (
			(command.flagBits & FLAG.admin) !== 0 &&
			command.name === 'debug' &&
			!isDebugAllowed(settings, client)
		) {
			return DEBUG_NOT_ALLOWED;
		}
		// 2. Who is it.
		if (!client.authenticated && (command.flagBits & FLAG.no_auth) === 0) return NO_AUTH;
		// 3. Whose slot is it.
		if (cluster !== null && (command.firstKey !== 0 || !command.hasPlainKeys)) {
			const slot = this.#slotOf(command, request);
			if (slot >= 0) {
				request.slot = slot;
				if (!cluster.isServedHere(slot)) {
					const line = cluster.redirect(slot, command, client, () =>
						this.#countKeys(command, client, request),
					);
					if (line !== null) return line;
				}
			} else if (slot === CROSS_SLOT) {
				return cluster.crossSlot(this.#firstSlot);
			}
		}
		// 4. Is there room.
		if (settings.maxMemoryBytes > 0 && (command.flagBits & FLAG.denyoom) !== 0 && memory.isOverLimit()) {
			if (!replication.isReplica || !settings.replicaIgnoreMaxMemory) return OUT_OF_MEMORY;
		}
		// 5. Does the disk take it.
		if ((command.flagBits & FLAG.write) !== 0 || command === this.#ping) {
			const line = persistence.writeRefusal;
			if (line !== null) return line;
		}
		// 6. What the role forbids.
		if (replication.hasRules) {
			const line = replication.refusal(command.flagBits, client);
			if (line !== null) return line;
		}
		// 7. Is the data there yet.
		return persistence.isLoading && (command.flagBits & FLAG.loading) === 0 ? LOADING : null;
	}

	/** Only by an operator's wish is a replica without what its primary has. */
	#refusalOfPrimary({flagBits}: Command): string | null {
		const {config, memory, persistence, replication} = this.#services;
		const {maxMemoryBytes, replicaIgnoreMaxMemory} = config.settings;
		if (maxMemoryBytes > 0 && !replicaIgnoreMaxMemory && (flagBits & FLAG.denyoom) !== 0)
			if (memory.isOverLimit()) return OUT_OF_MEMORY;
		if ((flagBits & FLAG.write) !== 0 && persistence.writeRefusal !== null) replication.lacksDisk();
		return null;
	}

	/** The slot of all keys, NO_KEYS, or CROSS_SLOT. */
	#slotOf(command: Command, request: Request): number {
		if (command.hasPlainKeys) {
			const {firstKey, keyStep} = command;
			if (firstKey >= request.count) return NO_KEYS;
			const lastKey = command.lastKey < 0 ? request.count + command.lastKey : command.lastKey;
			const slot = request.keySlot(firstKey);
			for (let at = firstKey + keyStep; at <= lastKey; at += keyStep) {
				if (request.keySlot(at) !== slot) return this.#crossSlot(slot);
			}
			return slot;
		}
		const keys = this.#keys;
		if (!command.collectKeys(request, keys) || keys.count === 0) return NO_KEYS;
		const slot = request.keySlot(keys.at[0]!);
		for (let i = 1; i < keys.count; i++) {
			if (request.keySlot(keys.at[i]!) !== slot) return this.#crossSlot(slot);
		}
		return slot;
	}

	#crossSlot(firstSlot: number): number {
		this.#firstSlot = firstSlot;
		return CROSS_SLOT;
	}

	/** For a slot on its way between two nodes: which keys are here. */
	#countKeys(command: Command, client: Client, request: Request): KeyPresence {
		const db = this.#services.databases[client.databaseIndex]!;
		db.now = this.#services.clock.nowMs;
		// A look that leads to a redirection changes nothing.
		db.expiredKeys = 'hide';
		const keys = this.#keys;
		command.collectKeys(request, keys);
		let presentCount = 0;
		let hasSeveralKeys = false;
		for (let i = 0; i < keys.count; i++) {
			const index = keys.at[i]!;
			const ref = db.find(request.slot, request.region, request.offsets[index]!, request.lengths[index]!);
			if (ref !== 0) presentCount++;
			if (!request.equals(keys.at[0]!, request.bytes(index))) hasSeveralKeys = true;
		}
		return {presentCount, missingCount: keys.count - presentCount, hasSeveralKeys};
	}

	/** A snapshot is under way: what the command may change is copied out before. */
	#preserveKeys(command: Command, request: Request, db: Keyspace): void {
		const keys = this.#keys;
		if (!command.collectKeys(request, keys)) return;
		for (let i = 0; i < keys.count; i++) {
			const index = keys.at[i]!;
			db.preserve(request.keySlot(index), request.region, request.offsets[index]!, request.lengths[index]!);
		}
	}

	/** A replica that may be written to removes what was written here when it expires. */
	#noteLocalWrite(command: Command, client: Client, request: Request): void {
		const {replication} = this.#services;
		const keys = this.#keys;
		if (!command.collectKeys(request, keys)) return;
		for (let i = 0; i < keys.count; i++)
			replication.wroteLocally(client.databaseIndex, request.bytes(keys.at[i]!));
	}

	/** Grows with every change of any database. */
	#changeCount(): number {
		let count = 0;
		for (const db of this.#services.databases) count += db.dirty;
		return count;
	}

	#isPaused(command: Command): boolean {
		if (this.#services.clients.pauseMode === 'all') return true;
		return (command.flagBits & PROPAGATED) !== 0;
	}

	#refuseUnknown(command: Command | null, client: Client, request: Request): void {
		if (command === null) {
			if (isOfAnotherProtocol(request)) {
				this.#services.log(
					'warning',
					`Possible SECURITY ATTACK detected. It looks like somebody is sending POST or Host: commands to Redis. This is likely due to an attacker attempting to use Cross Protocol Scripting to compromise your Redis instance. Connection from ${client.address} aborted.`,
				);
				client.connection.close();
				return;
			}
			this.#refuse(null, this.#table.notFound(request));
		} else {
			this.#refuse(command, wrongArity(command.name));
		}
	}

	#refuse(command: Command | null, line: string): void {
		const {stats, commandStats} = this.#services;
		this.writer.error(line);
		stats.errorReplied(line);
		if (command !== null) commandStats.of(command).rejectedCalls++;
	}

	/** The first error line behind `mark`, to be counted by its first word. */
	#errorLine(mark: number): string {
		const {bytes} = this.writer.region;
		const end = this.writer.length;
		let at = mark;
		if (bytes[at] !== MINUS) {
			at = bytes.indexOf(MINUS, mark);
			if (at < 0) return 'ERR';
		}
		let word = '';
		for (at++; at < end && bytes[at]! > 0x20 && word.length < 64; at++)
			word += String.fromCharCode(bytes[at]!);
		return word;
	}

	/** CLIENT REPLY: what was written is taken back. */
	#dropReply(client: Client, mark: number): void {
		this.writer.rewind(mark);
		if (client.replyMode === 'skip-next') client.replyMode = 'skip';
		else if (client.replyMode === 'skip') client.replyMode = 'on';
	}
}

const DEBUG_NOT_ALLOWED =
	'ERR DEBUG command not allowed. If the enable-debug-command option is set to "local", you can run it from a local connection, otherwise you need to set this option in the configuration file, and then restart the server.';

function isDebugAllowed(settings: Settings, client: Client): boolean {
	if (settings.enableDebugCommand === 'local')
		return client.address.startsWith('127.') || client.address.startsWith('[::1]');
	return settings.enableDebugCommand === 'yes';
}

/** What a browser that was led to this port would begin a line with. */
function isOfAnotherProtocol(request: Request): boolean {
	return request.isWord(0, 'POST') || request.isWord(0, 'HOST:');
}
