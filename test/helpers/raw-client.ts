/** A client that knows no protocol: sends bytes, hands back bytes. */
import {connect, type Socket} from 'node:net';
import {once} from 'node:events';

const DEADLINE_MS = 20_000;

export class RawClient {
	readonly #socket: Socket;
	#received = Buffer.alloc(0);
	#closed = false;
	#wake: () => void = () => undefined;

	private constructor(socket: Socket) {
		this.#socket = socket;
		socket.on('data', (chunk) => {
			this.#received = Buffer.concat([this.#received, chunk]);
			this.#wake();
		});
		socket.on('error', () => undefined);
		socket.on('close', () => {
			this.#closed = true;
			this.#wake();
		});
	}

	static async connect(port: number, host = '127.0.0.1'): Promise<RawClient> {
		const socket = connect({port, host, noDelay: true});
		const client = new RawClient(socket);
		await once(socket, 'connect');
		return client;
	}

	get isClosed(): boolean {
		return this.#closed;
	}

	send(bytes: Uint8Array | string): void {
		this.#socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
	}

	/** What came since the last read, up to and with `end`; or all of it, when the peer closes before that. */
	async readUntil(end: string): Promise<Buffer> {
		const mark = Buffer.from(end, 'latin1');
		let from = 0;
		return this.#read(() => {
			const at = this.#received.indexOf(mark, from);
			from = Math.max(0, this.#received.length - mark.length);
			return at < 0 ? -1 : at + mark.length;
		});
	}

	async readBytes(length: number): Promise<Buffer> {
		return this.#read(() => (this.#received.length >= length ? length : -1));
	}

	/** All that comes until the peer closes. */
	async readToEnd(): Promise<Buffer> {
		return this.#read(() => -1);
	}

	async #read(length: () => number): Promise<Buffer> {
		const deadline = Date.now() + DEADLINE_MS;
		for (;;) {
			const found = length();
			if (found >= 0 || this.#closed) {
				const taken = found >= 0 ? found : this.#received.length;
				const bytes = this.#received.subarray(0, taken);
				this.#received = this.#received.subarray(taken);
				return bytes;
			}
			const left = deadline - Date.now();
			if (left <= 0)
				throw new Error(`nothing more came; so far: ${this.#received.toString('latin1').slice(0, 500)}`);
			await new Promise<void>((resolve) => {
				const timer = setTimeout(resolve, left);
				this.#wake = () => {
					clearTimeout(timer);
					resolve();
				};
			});
		}
	}

	close(): void {
		this.#socket.destroy();
	}
}

/** A command as a client sends it. Arguments are one byte a character. */
export function encodeCommand(words: readonly string[]): string {
	return `*${words.length}\r\n${words.map((word) => `$${word.length}\r\n${word}\r\n`).join('')}`;
}
