/** What the tests of a node's front door share: a client that minds bytes, and nodes of both transports beside the reference. */
import {once} from 'node:events';
import {connect, type Socket} from 'node:net';
import {latin1ToBytes} from '../../src/lib/bytes.ts';
import {encodeCommand} from '../helpers/raw-client.ts';
import {RespClient} from '../helpers/resp-client.ts';

export const TRANSPORTS = ['handle', 'socket'] as const;

const DEADLINE_MS = 40_000;

/** One byte a character. */
export function command(...words: readonly string[]): string {
	return encodeCommand(words);
}

/** A pipeline: one string a command, words apart by blanks. */
export function pipeline(...lines: readonly string[]): string {
	return lines.map((line) => command(...line.split(' '))).join('');
}

/** A socket of which the test says when it reads, when it closes its side and when it resets. */
export class Wire implements Disposable {
	readonly socket: Socket;
	/** Resolves when the connection is gone, however that came. */
	readonly closed: Promise<void>;
	#chunks: Buffer[] = [];
	#length = 0;
	#isClosed = false;
	#wake: () => void = () => undefined;

	private constructor(socket: Socket) {
		this.socket = socket;
		socket.on('data', (chunk: Buffer) => {
			this.#chunks.push(chunk);
			this.#length += chunk.length;
			this.#wake();
		});
		socket.on('error', () => undefined);
		this.closed = new Promise((resolve) => {
			socket.once('close', () => {
				this.#isClosed = true;
				this.#wake();
				resolve();
			});
		});
	}

	static async connect(port: number): Promise<Wire> {
		const socket = connect({port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true});
		socket.once('end', () => {
			socket.end();
		});
		const wire = new Wire(socket);
		await once(socket, 'connect');
		return wire;
	}

	get address(): string {
		return `127.0.0.1:${this.socket.localPort}`;
	}

	get isClosed(): boolean {
		return this.#isClosed;
	}

	/** Strings are one byte a character. */
	send(bytes: string | Uint8Array): void {
		this.socket.write(typeof bytes === 'string' ? latin1ToBytes(bytes) : bytes);
	}

	/** Resolves when the kernel has all that was sent. */
	async sent(): Promise<void> {
		if (this.socket.writableLength > 0)
			await new Promise<void>((resolve) => this.socket.write('', () => resolve()));
	}

	/** Exactly so many bytes; fewer when the peer closes before. */
	async read(length: number): Promise<Buffer> {
		const deadline = Date.now() + DEADLINE_MS;
		while (this.#length < length && !this.#isClosed) await this.#more(deadline);
		const all = Buffer.concat(this.#chunks);
		const rest = all.subarray(length);
		this.#chunks = rest.length > 0 ? [rest] : [];
		this.#length = rest.length;
		return all.subarray(0, length);
	}

	/** All that comes until the peer closes, one byte a character. */
	async readToEnd(): Promise<string> {
		return (await this.read(Infinity)).toString('latin1');
	}

	async #more(deadline: number): Promise<void> {
		const left = deadline - Date.now();
		if (left <= 0) throw new Error(`nothing more came after ${this.#length} bytes`);
		await new Promise<void>((resolve) => {
			const timer = setTimeout(resolve, left);
			this.#wake = () => {
				clearTimeout(timer);
				resolve();
			};
		});
	}

	[Symbol.dispose](): void {
		this.socket.destroy();
	}
}

/** All that a server answers to the bytes until it closes. */
export async function answerTo(port: number, bytes: string | Uint8Array): Promise<string> {
	using wire = await Wire.connect(port);
	wire.send(bytes);
	return await wire.readToEnd();
}

/** What a pipeline is answered, the +OK of a closing QUIT without. */
export async function answersOf(port: number, ...lines: readonly string[]): Promise<string> {
	const answer = await answerTo(port, pipeline(...lines) + pipeline('QUIT'));
	return answer.endsWith('+OK\r\n') ? answer.slice(0, -5) : `${answer} and then closed`;
}

/** Asks until the answer is as wanted. The server decides when: there is no sleep in it. */
export async function eventually<T>(ask: () => Promise<T>, isWanted: (answer: T) => boolean): Promise<T> {
	const deadline = Date.now() + DEADLINE_MS;
	for (;;) {
		const answer = await ask();
		if (isWanted(answer)) return answer;
		if (Date.now() > deadline) throw new Error(`still ${String(answer)}`);
		await new Promise((resolve) => setTimeout(resolve, 2));
	}
}

/** Fields of INFO. */
export async function infoOf(
	client: RespClient,
	section = 'everything',
): Promise<ReadonlyMap<string, string>> {
	const text = String(await client.ask('INFO', section));
	return new Map(
		text
			.split('\r\n')
			.filter((line) => line.includes(':'))
			.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)] as const),
	);
}

/** Fields of the CLIENT LIST line of the client at that address; undefined when there is none. */
export async function clientFields(
	asker: RespClient,
	address: string,
): Promise<ReadonlyMap<string, string> | undefined> {
	const line = String(await asker.ask('CLIENT', 'LIST'))
		.split('\n')
		.find((each) => each.includes(` addr=${address} `));
	return line === undefined
		? undefined
		: new Map(line.split(' ').map((field) => field.split('=', 2) as [string, string]));
}

/** Alive, and nobody but the one who asks is still connected. */
export async function isUnharmed(port: number): Promise<boolean> {
	using client = await RespClient.connect(port);
	if ((await client.ask('PING')) !== 'PONG') return false;
	await eventually(
		async () => (await infoOf(client, 'clients')).get('connected_clients'),
		(count) => count === '1',
	);
	return true;
}
