/**
 * The front door of a node: what all its client connections share, who is let in, and how long they may stay.
 */
import type {Client} from '../commands/client.ts';
import {clientType} from '../commands/client.ts';
import type {Services} from '../commands/services.ts';
import type {LogLevel, Settings} from '../commands/settings.ts';
import {toBytes} from '../lib/bytes.ts';
import type {ReplyWriter} from '../resp/reply-writer.ts';
import {CommandReader} from './command-reader.ts';
import {Connection} from './connection.ts';
import type {Executor} from './executor.ts';
import {InputBuffers} from './input-buffers.ts';
import {OutputQueue} from './output-queue.ts';
import type {Link, LinkHandler} from './transport.ts';
import type {TurnClock} from './turn-clock.ts';

const TOO_MANY_CLIENTS = toBytes('-ERR max number of clients reached\r\n');
const TOO_MANY_IN_CLUSTER = toBytes('-ERR max number of clients + cluster connections reached\r\n');

/** As Redis words it, for people who find it in their terminal. */
const PROTECTED = toBytes(
	'-DENIED Redis is running in protected mode because protected mode is enabled and no password is set for the default user. ' +
		'In this mode connections are only accepted from the loopback interface. ' +
		'If you want to connect from external computers to Redis you may adopt one of the following solutions: ' +
		"1) Just disable protected mode sending the command 'CONFIG SET protected-mode no' from the loopback interface " +
		'by connecting to Redis from the same host the server is running, however MAKE SURE Redis is not publicly accessible ' +
		'from internet if you do so. Use CONFIG REWRITE to make this change permanent. ' +
		'2) Alternatively you can just disable the protected mode by editing the Redis configuration file, and setting the ' +
		"protected mode option to 'no', and then restarting the server. " +
		"3) If you started the server manually just for testing, restart it with the '--protected-mode no' option. " +
		'4) Setup a an authentication password for the default user. ' +
		'NOTE: You only need to do one of the above things in order for the server to start accepting connections from the outside.\r\n',
);

export class Frontend {
	readonly executor: Executor;
	readonly writer: ReplyWriter;
	readonly settings: Settings;
	readonly reader: CommandReader;
	readonly inputs = new InputBuffers();
	readonly output: OutputQueue;
	readonly #services: Services;
	readonly #clock: TurnClock;
	readonly #connections = new Set<Connection>();
	#pushed: Connection[] = [];
	#running = false;

	constructor(executor: Executor, services: Services, clock: TurnClock) {
		this.executor = executor;
		this.writer = executor.writer;
		this.settings = services.config.settings;
		this.output = new OutputQueue(this.writer, () => {
			executor.stream.flush();
		});
		this.reader = new CommandReader(this.inputs, services.databases);
		this.#services = services;
		this.#clock = clock;
	}

	/** For `Transport.listen`. */
	accept(link: Link): LinkHandler {
		const {stats, clients} = this.#services;
		const refusal =
			clients.count >= this.settings.maxClients
				? this.settings.clusterEnabled
					? TOO_MANY_IN_CLUSTER
					: TOO_MANY_CLIENTS
				: this.#isProtectedFrom(link.remoteAddress)
					? PROTECTED
					: null;
		if (refusal !== null) {
			stats.rejectedConnections++;
			link.write(refusal, 0, refusal.length);
			link.end();
			return REFUSED;
		}
		stats.totalConnections++;
		return new Connection(this, link);
	}

	#isProtectedFrom(address: string): boolean {
		return this.settings.protectedMode && this.settings.requirePass === '' && !isLoopback(address);
	}

	/** The client of a connection that was let in. */
	admit(connection: Connection, link: Link): Client {
		this.#connections.add(connection);
		link.setKeepAlive(this.settings.tcpKeepAliveSeconds);
		const client = this.#services.clients.add(
			connection,
			formatAddress(link.remoteAddress, link.remotePort),
			formatAddress(link.localAddress, link.localPort),
			this.#clock.read(),
		);
		client.authenticated = this.settings.requirePass === '';
		return client;
	}

	leave(connection: Connection): void {
		this.#connections.delete(connection);
		this.#services.clients.remove(connection.client);
	}

	/** Reads the clock: what follows happens now. */
	beginTurn(): void {
		this.#clock.read();
	}

	/** A chunk arrived. */
	received(client: Client, bytes: number): void {
		const {stats} = this.#services;
		stats.netInputBytes += bytes;
		stats.totalReads++;
		client.lastInteractionAtMs = this.#clock.read();
	}

	/** A chunk came over the link to the primary. @param client null until the primary is one */
	receivedFromPrimary(client: Client | null, bytes: number): void {
		const {stats} = this.#services;
		stats.netInputBytes += bytes;
		stats.netReplicationInputBytes += bytes;
		stats.totalReads++;
		const nowMs = this.#clock.read();
		if (client !== null) client.lastInteractionAtMs = nowMs;
	}

	/** A sign of life that is no chunk. */
	heardOf(client: Client): void {
		client.lastInteractionAtMs = this.#clock.read();
	}

	/** Before commands are run. */
	beginRun(): void {
		this.reader.parser.limits.maxBulkBytes = this.settings.protoMaxBulkBytes;
		this.#running = true;
	}

	/** After them: what was pushed meanwhile goes behind the replies. */
	endRun(): void {
		this.#running = false;
		this.reader.forget();
		this.executor.timer.finish();
		if (this.#pushed.length > 0) this.#writePushed();
	}

	/** Before replies leave: what they acknowledge is in nodes.conf. */
	settle(): void {
		this.#services.cluster?.settle();
	}

	/** Bytes went to a link. */
	sent(client: Client, bytes: number): void {
		const {stats} = this.#services;
		stats.netOutputBytes += bytes;
		if (client.replica !== null) stats.netReplicationOutputBytes += bytes;
		stats.totalWrites++;
	}

	/** The connection has bytes that are no replies. */
	pushed(connection: Connection): void {
		this.#pushed.push(connection);
		if (!this.#running) this.#writePushed();
	}

	#writePushed(): void {
		const pushed = this.#pushed;
		this.#pushed = [];
		for (const connection of pushed) connection.writePushed();
		this.output.schedule();
	}

	/** The last words to a client that does not speak the protocol. */
	protocolError(client: Client, error: string): void {
		const line = `ERR Protocol error: ${error}`;
		if (client.replyMode === 'on') this.writer.error(line);
		this.#services.stats.errorReplied(line);
		this.log('verbose', `Protocol error (${error}) from client: ${client.address}`);
	}

	/** As Redis: over the hard limit the client goes at once, over the soft one when it stays there. */
	checkOutputLimit(connection: Connection): void {
		const {client} = connection;
		const limit = this.settings.clientOutputBufferLimits[OUTPUT_LIMIT_CLASS[clientType(client)]];
		const waiting = connection.pendingOutputBytes;
		const overHard = limit.hardBytes > 0 && waiting > limit.hardBytes;
		const overSoft = limit.softBytes > 0 && waiting > limit.softBytes;
		if (!overSoft) client.softLimitSinceMs = 0;
		else if (client.softLimitSinceMs === 0) client.softLimitSinceMs = this.#clock.nowMs;
		const softForMs = overSoft ? this.#clock.nowMs - client.softLimitSinceMs : 0;
		if (!overHard && softForMs <= limit.softSeconds * 1000) return;
		this.#services.stats.outputBufferLimitDisconnections++;
		this.log(
			'warning',
			`Client ${client.address} scheduled to be closed ASAP for overcoming of output buffer limits.`,
		);
		connection.close();
	}

	/** From the cron: clients that were silent for `timeout` seconds go, and soft limits run out without a write. */
	closeOverdue(): void {
		const nowMs = this.#clock.read();
		const {timeoutSeconds} = this.settings;
		for (const connection of this.#connections) {
			const {client} = connection;
			const silentMs = nowMs - client.lastInteractionAtMs;
			// Who waits for something from here is not the one who is silent.
			const mayWait =
				client.monitor || client.postponed || client.block !== null || clientType(client) !== 'normal';
			if (timeoutSeconds > 0 && silentMs > timeoutSeconds * 1000 && !mayWait) {
				this.log('verbose', 'Closing idle client');
				connection.close();
			} else if (client.softLimitSinceMs > 0) {
				this.checkOutputLimit(connection);
			}
		}
	}

	/** `tcp-keepalive` was changed. */
	applyKeepAlive(): void {
		for (const connection of this.#connections) connection.setKeepAlive(this.settings.tcpKeepAliveSeconds);
	}

	/** No client runs another command; each is sent what it was replied. */
	endAll(): void {
		for (const connection of this.#connections) connection.closeAfterReplies();
	}

	closeAll(): void {
		this.output.flush();
		for (const connection of this.#connections) connection.close();
	}

	log(level: LogLevel, line: string): void {
		this.#services.log(level, line);
	}
}

const OUTPUT_LIMIT_CLASS = {
	normal: 'normal',
	master: 'replica',
	replica: 'replica',
	pubsub: 'pubsub',
} as const;

/** A link whose peer was told to go. */
const REFUSED: LinkHandler = {
	onData: () => undefined,
	onEnd: () => undefined,
	onDrain: () => undefined,
	onClose: () => undefined,
};

const isLoopback = (address: string): boolean =>
	address === '::1' || address.startsWith('127.') || address.startsWith('::ffff:127.');

const formatAddress = (address: string, port: number): string =>
	address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
