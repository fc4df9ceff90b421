/**
 * The RDB file of a server, by the replication protocol: what a replica gets at first (SYNC), and no more. The file appears under
 * its name when it is whole and on the disk.
 */

import {open, rename, rm, type FileHandle} from 'node:fs/promises';
import {connect, type Socket} from 'node:net';
import {once} from 'node:events';
import {ConnectionError} from './client.ts';
import {formatEndpoint} from './endpoint.ts';
import {NodeError} from './load-view.ts';
import type {Credentials, Endpoint} from './messages.ts';

/** A server makes the image before it sends the first byte, and sends line feeds meanwhile. */
const SILENCE_TIMEOUT_MS = 60_000;
const MARKER_LENGTH = 40;
const LF = 0x0a;
/** A header line is far shorter. */
const MAX_LINE_LENGTH = 1_024;

/** Resolves with the number of bytes. @throws {ConnectionError} @throws {NodeError} the server refused */
export async function downloadRdb(
	endpoint: Endpoint,
	credentials: Credentials | undefined,
	file: string,
): Promise<number> {
	const part = `${file}.part`;
	const socket = await connected(endpoint);
	// Only its owner may read the data.
	const handle = await open(part, 'wx', 0o600);
	try {
		const reader = new Reader(socket, endpoint);
		if (credentials?.password !== undefined) {
			const {user, password} = credentials;
			await reader.ask(['AUTH', ...(user === undefined ? [] : [user]), password], true);
		}
		// An image of unknown length ends with a marker.
		await reader.ask(['REPLCONF', 'capa', 'eof'], false);
		// Since 7.0: nothing follows. Servers before refuse it.
		await reader.ask(['REPLCONF', 'rdb-only', '1'], false);
		socket.write(encode(['SYNC']));
		const byteCount = await transfer(reader, handle, endpoint);
		await handle.sync();
		await handle.close();
		await rename(part, file);
		return byteCount;
	} catch (error) {
		await handle.close();
		await rm(part, {force: true});
		throw error;
	} finally {
		socket.destroy();
	}
}

function encode(words: readonly string[]): string {
	const bulks = words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`);
	return `*${words.length}\r\n${bulks.join('')}`;
}

/** `$<length>` and so many bytes, or `$EOF:<marker>` and bytes up to the marker. */
async function transfer(reader: Reader, file: FileHandle, endpoint: Endpoint): Promise<number> {
	let header = '';
	while (header === '') header = await reader.line();
	const marker = /^\$EOF:(.{40})$/s.exec(header)?.[1];
	const length = /^\$(\d{1,15})$/.exec(header)?.[1];
	if (marker !== undefined) return reader.copyUntil(Buffer.from(marker, 'latin1'), file);
	if (length !== undefined) return reader.copy(Number(length), file);
	throw new ConnectionError(
		endpoint,
		header.startsWith('-') ? header.slice(1) : `Unexpected reply: ${header}`,
	);
}

function refusal(endpoint: Endpoint, line: string): NodeError {
	return new NodeError(`Node ${formatEndpoint(endpoint)} replied with error:\n${line.replace(/^-/, '')}`);
}

/** Takes what the socket gives, line by line or in bulk; it reads no faster than the disk writes. */
class Reader {
	readonly #socket: Socket;
	readonly #endpoint: Endpoint;
	readonly #chunks: AsyncIterator<Buffer>;
	#rest: Buffer = Buffer.alloc(0);

	constructor(socket: Socket, endpoint: Endpoint) {
		this.#socket = socket;
		this.#endpoint = endpoint;
		this.#chunks = socket[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
	}

	/** One command before the transfer: the server takes no SYNC while it owes a reply. */
	async ask(words: readonly string[], isNeeded: boolean): Promise<void> {
		this.#socket.write(encode(words));
		const answer = await this.line();
		if (isNeeded && answer.startsWith('-')) throw refusal(this.#endpoint, answer);
	}

	/** Up to a line feed, without it and the carriage return before. */
	async line(): Promise<string> {
		for (;;) {
			const end = this.#rest.indexOf(LF);
			if (end >= 0) {
				const line = this.#rest.subarray(0, end).toString('latin1');
				this.#rest = this.#rest.subarray(end + 1);
				return line.replace(/\r$/, '');
			}
			if (this.#rest.length > MAX_LINE_LENGTH) throw new ConnectionError(this.#endpoint, 'Unexpected reply');
			this.#rest = Buffer.concat([this.#rest, await this.#next()]);
		}
	}

	async copy(byteCount: number, file: FileHandle): Promise<number> {
		let left = byteCount;
		for (let chunk = this.#take(); ; chunk = await this.#next()) {
			const part = chunk.subarray(0, left);
			if (part.length > 0) await file.writeFile(part);
			left -= part.length;
			if (left === 0) return byteCount;
		}
	}

	/** The marker is the last the server sends: what may be its beginning is held back. */
	async copyUntil(marker: Buffer, file: FileHandle): Promise<number> {
		let written = 0;
		for (let held = this.#take(); ; held = Buffer.concat([held, await this.#next()])) {
			const isWhole = held.subarray(-MARKER_LENGTH).equals(marker);
			const part = held.subarray(0, Math.max(held.length - MARKER_LENGTH, 0));
			if (part.length > 0) await file.writeFile(part);
			written += part.length;
			if (isWhole) return written;
			held = held.subarray(part.length);
		}
	}

	#take(): Buffer {
		const rest = this.#rest;
		this.#rest = Buffer.alloc(0);
		return rest;
	}

	async #next(): Promise<Buffer> {
		try {
			const next = await this.#chunks.next();
			if (next.done !== true) return next.value;
		} catch (error) {
			throw new ConnectionError(this.#endpoint, error instanceof Error ? error.message : String(error));
		}
		throw new ConnectionError(this.#endpoint, 'Server closed the connection');
	}
}

async function connected(endpoint: Endpoint): Promise<Socket> {
	const socket = connect({host: endpoint.host, port: endpoint.port, noDelay: true});
	socket.setTimeout(SILENCE_TIMEOUT_MS, () =>
		socket.destroy(new Error(`No answer within ${SILENCE_TIMEOUT_MS / 1000} seconds`)),
	);
	try {
		await once(socket, 'connect');
	} catch (error) {
		throw new ConnectionError(endpoint, error instanceof Error ? error.message : String(error));
	}
	return socket;
}
