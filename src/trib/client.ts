/**
 * A connection to one node, of whatever make: commands out, replies in, in order. Commands that are sent within one turn
 * leave in one write, so that `Promise.all([a.call(...), a.call(...)])` costs one round trip.
 */

import {connect, isIP, type Socket} from 'node:net';
import {lookup} from 'node:dns/promises';
import {concat, toBytes, utf8} from '../lib/bytes.ts';
import {PushMessage, ReplyParser, RespError, type Reply} from '../resp/reply-parser.ts';
import {formatEndpoint} from './endpoint.ts';
import type {Credentials, Endpoint} from './messages.ts';

const LINE_END = toBytes('\r\n');
const CONNECT_TIMEOUT_MS = 5_000;
/** A node that says nothing for so long has hung; the slowest command asked here takes milliseconds. */
const REPLY_TIMEOUT_MS = 15_000;

/** The node could not be reached, or went away. The message is the system's, `Connection refused`. */
export class ConnectionError extends Error {
	override readonly name = 'ConnectionError';
	readonly endpoint: Endpoint;

	constructor(endpoint: Endpoint, reason: string) {
		super(reason);
		this.endpoint = endpoint;
	}
}

/** The node refused the credentials. */
export class AuthenticationError extends ConnectionError {}

export interface ConnectOptions {
	readonly credentials?: Credentials | undefined;
	readonly connectTimeoutMs?: number;
	readonly replyTimeoutMs?: number;
	/** Bulk strings come as bytes: for keys and values, which need not be text. */
	readonly binary?: boolean;
}

<<<<<<< HEAD
/** A word of a command: text, or bytes as they are. */
=======
/** A word of a command: text goes out as UTF-8, bytes as they are. */
>>>>>>> tribmove
export type Word = string | Uint8Array;

interface Waiting {
	/** Whether bulk strings stay bytes. */
	readonly isBinary: boolean;
	readonly timeoutMs: number;
	resolve(reply: Reply): void;
	reject(error: ConnectionError): void;
}

export class NodeConnection {
	readonly endpoint: Endpoint;
	readonly #socket: Socket;
<<<<<<< HEAD
	readonly #parser: ReplyParser;
	readonly #waiting: Waiting[] = [];
	readonly #replyTimeoutMs: number;
	readonly #unsent: Buffer[] = [];
=======
	readonly #parser = new ReplyParser({binary: true});
	readonly #waiting: Waiting[] = [];
	readonly #replyTimeoutMs: number;
	#unsent: Uint8Array[] = [];
>>>>>>> tribmove
	#failure: ConnectionError | null = null;

	/** Connects and gives the credentials. @throws {ConnectionError} @throws {AuthenticationError} */
	static async open(endpoint: Endpoint, options: ConnectOptions = {}): Promise<NodeConnection> {
		const socket = await openSocket(endpoint, options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS);
		const connection = new NodeConnection(endpoint, socket, options);
		const {user, password} = options.credentials ?? {};
		if (password === undefined) return connection;
		const reply = await connection.call('AUTH', ...(user === undefined ? [] : [user]), password);
		if (!(reply instanceof RespError)) return connection;
		connection.close();
		throw new AuthenticationError(endpoint, reply.message);
	}

	private constructor(endpoint: Endpoint, socket: Socket, options: ConnectOptions) {
		this.endpoint = endpoint;
		this.#socket = socket;
		this.#parser = new ReplyParser({binary: options.binary === true});
		this.#replyTimeoutMs = options.replyTimeoutMs ?? REPLY_TIMEOUT_MS;
		socket.on('data', (chunk) => this.#receive(chunk));
		socket.on('error', (error) => this.#fail(systemReason(error)));
		socket.on('close', () => this.#fail('Server closed the connection'));
		socket.on('timeout', () => this.#timedOut());
	}

	/** Sends a command. An error reply is a value; the promise rejects with a `ConnectionError` alone. */
<<<<<<< HEAD
	call(...words: readonly Word[]): Promise<Reply> {
		if (this.#failure !== null) return Promise.reject(this.#failure);
		if (this.#unsent.length === 0) queueMicrotask(() => this.#flush());
		this.#unsent.push(encodeCommand(words));
		return new Promise((resolve, reject) => {
			this.#waiting.push({resolve, reject});
			if (this.#waiting.length === 1) this.#socket.setTimeout(this.#replyTimeoutMs);
		});
=======
	call(...words: readonly string[]): Promise<Reply> {
		return this.#send(words, false, this.#replyTimeoutMs);
	}

	/**
	 * As `call`, for keys and values, which are any bytes: bulk strings of the reply are bytes.
	 * @param timeoutMs how long the node may say nothing, where that can be longer than for other commands
	 */
	callBinary(words: readonly Word[], timeoutMs = this.#replyTimeoutMs): Promise<Reply> {
		return this.#send(words, true, timeoutMs);
>>>>>>> tribmove
	}

	close(): void {
		this.#fail('The connection was closed');
	}

	#send(words: readonly Word[], isBinary: boolean, timeoutMs: number): Promise<Reply> {
		if (this.#failure !== null) return Promise.reject(this.#failure);
		if (this.#unsent.length === 0) queueMicrotask(() => this.#flush());
		this.#unsent.push(encodeCommand(words));
		return new Promise((resolve, reject) => {
			this.#waiting.push({isBinary, timeoutMs, resolve, reject});
			// Behind a command that may take long the others take as long.
			const longestMs =
				this.#waiting.length === 1 ? timeoutMs : Math.max(timeoutMs, this.#socket.timeout ?? 0);
			if (longestMs !== this.#socket.timeout) this.#socket.setTimeout(longestMs);
		});
	}

	#flush(): void {
<<<<<<< HEAD
		const commands = this.#unsent.splice(0);
		if (this.#failure === null) this.#socket.write(Buffer.concat(commands));
=======
		if (this.#failure === null) this.#socket.write(concat(this.#unsent));
		this.#unsent = [];
>>>>>>> tribmove
	}

	#receive(chunk: Uint8Array): void {
		try {
			this.#parser.feed(chunk, (reply) => {
				if (reply instanceof PushMessage) return;
				const waiting = this.#waiting.shift();
				waiting?.resolve(waiting.isBinary ? reply : withText(reply));
			});
		} catch (error) {
			this.#fail(`Protocol error: ${error instanceof Error ? error.message : String(error)}`);
		}
		if (this.#waiting.length === 0) this.#socket.setTimeout(0);
	}

	#timedOut(): void {
		if (this.#waiting.length > 0)
			this.#fail(`No answer within ${(this.#waiting[0]?.timeoutMs ?? 0) / 1000} seconds`);
	}

	#fail(reason: string): void {
		if (this.#failure !== null) return;
		this.#failure = new ConnectionError(this.endpoint, reason);
		this.#socket.destroy();
		for (const waiting of this.#waiting.splice(0)) waiting.reject(this.#failure);
	}
}

/** The IP address behind a host name, which `CLUSTER MEET` wants; an address stays as it is. @throws {ConnectionError} */
export async function resolveAddress(endpoint: Endpoint): Promise<string> {
	if (isIP(endpoint.host) !== 0) return endpoint.host;
	try {
		return (await lookup(endpoint.host)).address;
	} catch (error) {
		throw new ConnectionError(endpoint, systemReason(error));
	}
}

/** The words as a RESP array of bulk strings. */
<<<<<<< HEAD
function encodeCommand(words: readonly Word[]): Buffer {
	const parts: Buffer[] = [];
	let text = `*${words.length}\r\n`;
	for (const word of words) {
		if (typeof word === 'string') {
			text += `$${Buffer.byteLength(word)}\r\n${word}\r\n`;
		} else {
			parts.push(Buffer.from(`${text}$${word.length}\r\n`), Buffer.from(word));
			text = '\r\n';
		}
	}
	return parts.length === 0 ? Buffer.from(text) : Buffer.concat([...parts, Buffer.from(text)]);
=======
function encodeCommand(words: readonly Word[]): Uint8Array {
	const parts = [toBytes(`*${words.length}\r\n`)];
	for (const word of words) {
		const bytes = typeof word === 'string' ? toBytes(word) : word;
		parts.push(toBytes(`$${bytes.length}\r\n`), bytes, LINE_END);
	}
	return concat(parts);
}

/** The reply with its bulk strings read as UTF-8. */
function withText(reply: Reply): Reply {
	if (reply instanceof Uint8Array) return utf8(reply);
	if (Array.isArray(reply)) return reply.map(withText);
	if (reply instanceof Map) {
		return new Map([...reply].map(([key, value]) => [withText(key), withText(value)]));
	}
	if (reply instanceof Set) return new Set([...reply].map(withText));
	return reply;
>>>>>>> tribmove
}

function openSocket(endpoint: Endpoint, timeoutMs: number): Promise<Socket> {
	return new Promise((resolve, reject) => {
		const socket = connect({
			host: endpoint.host,
			port: endpoint.port,
			noDelay: true,
			keepAlive: true,
		});
		const fail = (reason: string): void => {
			socket.destroy();
			reject(new ConnectionError(endpoint, reason));
		};
		const onError = (error: Error): void => fail(systemReason(error));
		const onTimeout = (): void => fail('Connection timed out');
		socket.once('error', onError);
		socket.setTimeout(timeoutMs, onTimeout);
		socket.once('connect', () => {
			socket.off('error', onError);
			socket.off('timeout', onTimeout);
			socket.setTimeout(0);
			resolve(socket);
		});
	});
}

/** The C library's words, which redis-cli prints and people search for. */
const REASONS: Readonly<Record<string, string>> = {
	ECONNREFUSED: 'Connection refused',
	ECONNRESET: 'Connection reset by peer',
	EPIPE: 'Broken pipe',
	ETIMEDOUT: 'Connection timed out',
	EHOSTUNREACH: 'No route to host',
	ENETUNREACH: 'Network is unreachable',
	EADDRNOTAVAIL: 'Cannot assign requested address',
	EACCES: 'Permission denied',
	ENOTFOUND: 'Name or service not known',
	EAI_AGAIN: 'Temporary failure in name resolution',
};

function systemReason(error: unknown): string {
	// Several addresses of one name were tried: they tell the same story, the first will do.
	const first: unknown = error instanceof AggregateError ? error.errors[0] : error;
	if (!(first instanceof Error)) return String(first);
	const code = 'code' in first && typeof first.code === 'string' ? first.code : '';
	return REASONS[code] ?? first.message;
}

/** `Could not connect to Redis at 127.0.0.1:7000: Connection refused` */
export function connectionComplaint(error: ConnectionError): string {
	return `Could not connect to Redis at ${formatEndpoint(error.endpoint)}: ${error.message}`;
}
