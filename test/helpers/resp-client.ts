/** A client that sends commands and gives their replies as values; what was pushed in between waits in `pushed`. */
import {once} from 'node:events';
import {connect, type Socket} from 'node:net';
import {latin1ToBytes} from '../../src/lib/bytes.ts';
import {PushMessage, type Reply, ReplyParser} from '../../src/resp/reply-parser.ts';
import {encodeCommand} from './raw-client.ts';

const DEADLINE_MS = 10_000;

export class RespClient implements Disposable {
	readonly pushed: PushMessage[] = [];
	/** Resolves when the server has closed the connection. */
	readonly closed: Promise<void>;
	readonly #socket: Socket;
	readonly #replies: Reply[] = [];
	#waiting: (() => void)[] = [];
	#isClosed = false;

	private constructor(socket: Socket) {
		this.#socket = socket;
		const parser = new ReplyParser();
		socket.on('data', (chunk) => {
			parser.feed(chunk, (reply) => {
				if (reply instanceof PushMessage) this.pushed.push(reply);
				else this.#replies.push(reply);
			});
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

	static async connect(port: number): Promise<RespClient> {
		const socket = connect({port, host: '127.0.0.1', noDelay: true});
		const client = new RespClient(socket);
		await once(socket, 'connect');
		return client;
	}

	/** Of this end, as CLIENT LIST prints it. */
	get address(): string {
		return `127.0.0.1:${this.#socket.localPort}`;
	}

	/** Arguments are one byte a character. */
	send(...words: readonly string[]): void {
		this.#socket.write(latin1ToBytes(encodeCommand(words)));
	}

	async ask(...words: readonly string[]): Promise<Reply> {
		this.send(...words);
		return this.next();
	}

	/** The next reply, or line of MONITOR. Rejects when the connection closes, or when nothing comes in time. */
	async next(): Promise<Reply> {
		const deadline = Date.now() + DEADLINE_MS;
		while (this.#replies.length === 0) {
			if (this.#isClosed) throw new Error('the connection was closed');
			const left = deadline - Date.now();
			if (left <= 0) throw new Error('no reply came');
			await new Promise<void>((resolve) => {
				const timer = setTimeout(resolve, left);
				this.#waiting.push(() => {
					clearTimeout(timer);
					resolve();
				});
			});
		}
		return this.#replies.shift()!;
	}

	#wake(): void {
		const waiting = this.#waiting;
		this.#waiting = [];
		for (const wake of waiting) wake();
	}

	[Symbol.dispose](): void {
		this.#socket.destroy();
	}
}
