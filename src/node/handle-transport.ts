/**
 * The fast transport: reads and writes on the accepted socket's handle, without the stream layer above it.
 *
 * The handle is Node's internal interface (`useUserBuffer`, `readStart`, `writeBuffer`, the stream state array),
 * the same on Node 20 to 26 but promised by nobody: `handleTransport` answers null where any part of it is
 * missing, and `selfCheck` runs a real exchange. Who relies on which: choose-transport.ts.
 *
 * One read buffer serves all connections of a thread: a chunk is consumed, or copied, before the next read.
 */
import {createServer, connect, type Server} from 'node:net';
import {regionOf, type Region} from '../lib/region.ts';
import {listenerOf, listening} from './socket-transport.ts';
import type {Link, LinkHandler, Transport} from './transport.ts';

const READ_BUFFER_BYTES = 64 * 1024;

/** libuv's code for "the peer sent its FIN". */
const UV_EOF = -4095;

interface WriteRequest {
	oncomplete: (status: number) => void;
	/** Keeps the bytes alive while the kernel has not taken them. */
	buffer: Uint8Array | null;
	link: HandleLink | null;
}

interface TcpHandle {
	onread: ((this: TcpHandle) => void) | undefined;
	link: HandleLink | null;
	readonly writeQueueSize: number;
	readStart(): number;
	readStop(): number;
	useUserBuffer(buffer: Uint8Array): void;
	writeBuffer(request: WriteRequest, bytes: Uint8Array): number;
	setNoDelay(on: boolean): number;
	setKeepAlive(on: boolean, seconds: number): number;
	getpeername(out: AddressOut): number;
	getsockname(out: AddressOut): number;
	close(done?: () => void): void;
}

interface AddressOut {
	address?: string;
	port?: number;
}

/** The parts of Node's stream layer that the transport stands on. */
interface StreamInternals {
	readonly WriteWrap: new () => WriteRequest;
	readonly streamBaseState: Int32Array;
	readonly kReadBytesOrError: number;
	readonly kLastWriteWasAsync: number;
}

/** The transport, or null where this Node does not have what it needs. */
export function handleTransport(): Transport | null {
	const internals = streamInternals();
	return internals === null ? null : new HandleTransport(internals);
}

class HandleTransport implements Transport {
	readonly name = 'handle';
	readonly #internals: StreamInternals;
	readonly #readBuffer: Region = regionOf(Buffer.allocUnsafeSlow(READ_BUFFER_BYTES));
	/** A request whose write was done at once serves again. */
	readonly #idle: WriteRequest[] = [];

	constructor(internals: StreamInternals) {
		this.#internals = internals;
	}

	async listen(
		address: Parameters<Transport['listen']>[0],
		accept: (link: Link) => LinkHandler,
	): ReturnType<Transport['listen']> {
		const server = createServer();
		await listening(server, address);
		const handle = (server as Server & {_handle: {onconnection: unknown}})._handle;
		handle.onconnection = (status: number, accepted: TcpHandle | undefined) => {
			if (status !== 0 || accepted === undefined) return;
			this.#attach(accepted, accept);
		};
		return listenerOf(server);
	}

	#attach(handle: TcpHandle, accept: (link: Link) => LinkHandler): void {
		const peer: AddressOut = {};
		const local: AddressOut = {};
		if (handle.getpeername(peer) !== 0 || handle.getsockname(local) !== 0) {
			handle.close();
			return;
		}
		handle.setNoDelay(true);
		const link = new HandleLink(this, handle, peer, local);
		handle.link = link;
		link.handler = accept(link);
		const {streamBaseState, kReadBytesOrError} = this.#internals;
		const readBuffer = this.#readBuffer;
		handle.useUserBuffer(readBuffer.bytes);
		handle.onread = function onread() {
			const received = streamBaseState[kReadBytesOrError]!;
			const {link: reader} = this;
			if (reader === null) return;
			if (received > 0) {
				// libuv goes on reading while the buffer comes back full, up to 2 MB: that is for others to wait.
				if (received === READ_BUFFER_BYTES) reader.rest();
				reader.handler!.onData(readBuffer, received);
			} else if (received === UV_EOF) reader.ended();
			else if (received < 0) reader.destroy();
		};
		if (!link.closed) handle.readStart();
	}

	write(link: HandleLink, handle: TcpHandle, bytes: Uint8Array): boolean {
		const request = this.#idle.pop() ?? this.#newRequest();
		const status = handle.writeBuffer(request, bytes);
		if (status !== 0) {
			this.#idle.push(request);
			link.destroy();
			return true;
		}
		if (this.#internals.streamBaseState[this.#internals.kLastWriteWasAsync] === 0) {
			this.#idle.push(request);
			return true;
		}
		request.buffer = bytes;
		request.link = link;
		return false;
	}

	#newRequest(): WriteRequest {
		const request = new this.#internals.WriteWrap();
		request.buffer = null;
		request.link = null;
		request.oncomplete = (status: number) => {
			// Not to be used again: until this returns, Node holds the finished write in the request, and aborts the
			// process when another is begun with it.
			const {link} = request;
			request.buffer = null;
			request.link = null;
			link?.written(status);
		};
		return request;
	}
}

class HandleLink implements Link {
	readonly remoteAddress: string;
	readonly remotePort: number;
	readonly localAddress: string;
	readonly localPort: number;
	readonly copies = false;
	handler: LinkHandler | null = null;
	closed = false;
	readonly #transport: HandleTransport;
	readonly #handle: TcpHandle;
	#ending = false;
	readonly #readOn = (): void => {
		if (!this.closed) this.#handle.readStart();
	};

	constructor(transport: HandleTransport, handle: TcpHandle, peer: AddressOut, local: AddressOut) {
		this.#transport = transport;
		this.#handle = handle;
		this.remoteAddress = peer.address ?? '';
		this.remotePort = peer.port ?? 0;
		this.localAddress = local.address ?? '';
		this.localPort = local.port ?? 0;
	}

	get queuedBytes(): number {
		return this.closed ? 0 : this.#handle.writeQueueSize;
	}

	write(bytes: Uint8Array, from: number, to: number): boolean {
		if (this.closed || this.#ending) return true;
		return this.#transport.write(this, this.#handle, bytes.subarray(from, to));
	}

	/** An asynchronous write is done. */
	written(status: number): void {
		if (this.closed) return;
		if (status < 0) this.destroy();
		else if (this.#handle.writeQueueSize > 0) return;
		else if (this.#ending) this.destroy();
		else this.handler?.onDrain();
	}

	ended(): void {
		if (this.closed) return;
		this.#handle.readStop();
		this.handler?.onEnd();
	}

	/** Reads no more in this turn. */
	rest(): void {
		this.#handle.readStop();
		setImmediate(this.#readOn);
	}

	setNoDelay(on: boolean): void {
		if (!this.closed) this.#handle.setNoDelay(on);
	}

	setKeepAlive(seconds: number): void {
		if (!this.closed) this.#handle.setKeepAlive(seconds > 0, seconds);
	}

	end(): void {
		if (this.closed || this.#ending) return;
		this.#ending = true;
		if (this.#handle.writeQueueSize === 0) this.destroy();
	}

	destroy(): void {
		if (this.closed) return;
		this.closed = true;
		this.#handle.link = null;
		this.#handle.close(() => {
			this.handler?.onClose();
		});
	}
}

function streamInternals(): StreamInternals | null {
	try {
		const binding = (process as unknown as {binding(name: string): unknown}).binding(
			'stream_wrap',
		) as Partial<StreamInternals>;
		const {WriteWrap, streamBaseState, kReadBytesOrError, kLastWriteWasAsync} = binding;
		if (typeof WriteWrap !== 'function' || !(streamBaseState instanceof Int32Array)) return null;
		if (typeof kReadBytesOrError !== 'number' || typeof kLastWriteWasAsync !== 'number') return null;
		return {WriteWrap, streamBaseState, kReadBytesOrError, kLastWriteWasAsync};
	} catch {
		return null;
	}
}

/**
 * True when the handle transport carries bytes both ways here, across a write larger than the kernel's buffers,
 * and reports the peer's end: a real exchange over loopback, some milliseconds. Never rejects.
 */
export async function selfCheck(deadlineMs = 1000): Promise<boolean> {
	const transport = handleTransport();
	if (transport === null) return false;
	const payload = new Uint8Array(3 * 1024 * 1024).fill(7);
	let settle: (passed: boolean) => void = () => undefined;
	const outcome = new Promise<boolean>((resolve) => {
		settle = resolve;
	});
	const timer = setTimeout(() => {
		settle(false);
	}, deadlineMs);
	const listener = await transport
		.listen({host: '127.0.0.1', port: 0, backlog: 1}, (link) => ({
			onData(region, length) {
				if (length !== 5 || region.bytes[0] !== 0x68) settle(false);
				// More than loopback buffers hold: both the immediate and the waiting path are used.
				link.write(payload, 0, payload.length);
			},
			onEnd() {
				link.end();
			},
			onDrain: () => undefined,
			onClose: () => undefined,
		}))
		.catch(() => null);
	if (listener === null) {
		clearTimeout(timer);
		return false;
	}
	const client = connect(listener.port, '127.0.0.1', () => {
		client.write('hello');
	});
	let received = 0;
	client.on('data', (chunk: Buffer) => {
		received += chunk.length;
		if (received === payload.length) client.end();
	});
	client.on('close', () => {
		settle(received === payload.length);
	});
	client.on('error', () => {
		settle(false);
	});
	const passed = await outcome;
	clearTimeout(timer);
	client.destroy();
	await listener.close();
	return passed;
}
