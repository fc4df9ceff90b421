/** The public transport: `net.Socket` as documented. The default that always works. */
import {createServer, type Server, type Socket} from 'node:net';
import {regionOf} from '../lib/region.ts';
import type {Link, LinkHandler, ListenAddress, Listener, Transport} from './transport.ts';

/** What Node reads at once. */
const FULL_CHUNK_BYTES = 64 * 1024;

export const socketTransport: Transport = {
	name: 'socket',
	async listen(address, accept) {
		const server = createServer({noDelay: true, allowHalfOpen: true}, (socket) => {
			attachSocket(socket, accept);
		});
		await listening(server, address);
		return listenerOf(server);
	},
};

const NOTHING = new Uint8Array(0);

/** A connected socket becomes a link. */
export function attachSocket(socket: Socket, accept: (link: Link) => LinkHandler): void {
	// The peer may be gone already: without an address there is nobody to serve.
	if (socket.remoteAddress === undefined) {
		socket.destroy();
		return;
	}
	const link = new SocketLink(socket);
	const handler = accept(link);
	link.onDrain = () => {
		handler.onDrain();
	};
	socket.on('data', (chunk) => {
		// As handle-transport.ts: a full chunk means that there is more, and others want their turn.
		if (chunk.length >= FULL_CHUNK_BYTES) {
			socket.pause();
			setImmediate(() => socket.resume());
		}
		handler.onData(regionOf(chunk), chunk.length);
	});
	socket.on('end', () => {
		handler.onEnd();
	});
	socket.on('drain', link.onDrain);
	// Every error is followed by 'close'.
	socket.on('error', () => undefined);
	socket.on('close', () => {
		handler.onClose();
	});
}

class SocketLink implements Link {
	readonly remoteAddress: string;
	readonly remotePort: number;
	readonly localAddress: string;
	readonly localPort: number;
	readonly copies = false;
	readonly #socket: Socket;
	onDrain: () => void = () => undefined;
	readonly #drained = (): void => {
		this.onDrain();
	};

	constructor(socket: Socket) {
		this.#socket = socket;
		this.remoteAddress = socket.remoteAddress ?? '';
		this.remotePort = socket.remotePort ?? 0;
		this.localAddress = socket.localAddress ?? '';
		this.localPort = socket.localPort ?? 0;
	}

	get queuedBytes(): number {
		return this.#socket.writableLength;
	}

	write(bytes: Uint8Array, from: number, to: number): boolean {
		const socket = this.#socket;
		socket.write(bytes.subarray(from, to));
		if (socket.writableLength === 0) return true;
		// 'drain' tells only of writes above the high-water mark: a small one that has to wait is followed by an empty one.
		if (!socket.writableNeedDrain) socket.write(NOTHING, this.#drained);
		return false;
	}

	setNoDelay(on: boolean): void {
		this.#socket.setNoDelay(on);
	}

	setKeepAlive(seconds: number): void {
		this.#socket.setKeepAlive(seconds > 0, seconds * 1000);
	}

	end(): void {
		this.#socket.destroySoon();
	}

	destroy(): void {
		this.#socket.destroy();
	}
}

/** Shared with the handle transport, whose listening is as public as this one's. */
export async function listening(server: Server, address: ListenAddress): Promise<void> {
	return new Promise((resolve, reject) => {
		server.once('error', reject);
		server.listen({host: address.host, port: address.port, backlog: address.backlog}, () => {
			server.off('error', reject);
			// An accept that fails later (too many open files) must not end the node; the next one may succeed.
			server.on('error', () => undefined);
			resolve();
		});
	});
}

export function listenerOf(server: Server): Listener {
	const bound = server.address();
	if (bound === null || typeof bound === 'string')
		throw new Error('a TCP listener has an address and a port');
	return {
		port: bound.port,
		close: async () =>
			new Promise((resolve) => {
				server.close(() => {
					resolve();
				});
			}),
	};
}
