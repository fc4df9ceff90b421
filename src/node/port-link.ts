/**
 * A replication link between two nodes of one process: a MessagePort with the manners of a TCP connection. Bytes are posted as
 * transferred buffers. How much of them the other end has taken it counts in shared memory; while too much is under way the
 * link takes no more, as a socket whose kernel buffer is full.
 *
 *     this end                                          the other end
 *     write: counter[POSTED] += length      ~~~~>       onData, then counter[TAKEN] += length
 *     over the window: counter[WAITS] = 1               below half of it: sees that, posts `drained`
 */
import type {MessagePort} from 'node:worker_threads';
import {regionOf} from '../lib/region.ts';
import type {Link, LinkHandler} from './transport.ts';

/** First on every port: where the receiver counts. */
interface Window {
	readonly counter: SharedArrayBuffer;
}

interface LinkAddresses {
	readonly remoteAddress: string;
	readonly remotePort: number;
	readonly localAddress: string;
	readonly localPort: number;
}

/** What may be under way before the link counts as full. */
const WINDOW_BYTES = 1024 * 1024;

/** Words of the counter; bytes modulo 2^32. */
const POSTED = 0;
const TAKEN = 1;
/** 1: who writes wants to hear when there is room again. */
const WAITS = 2;
const COUNTER_BYTES = 12;

const DRAINED = 'drained';

/** The port becomes a link; `accept` says who handles it, as for a connection that `Transport.listen` accepted. */
export function openPortLink(
	port: MessagePort,
	addresses: LinkAddresses,
	accept: (link: Link) => LinkHandler,
): void {
	const link = new PortLink(port, addresses);
	link.start(accept(link));
}

class PortLink implements Link {
	readonly remoteAddress: string;
	readonly remotePort: number;
	readonly localAddress: string;
	readonly localPort: number;
	readonly copies = true;
	readonly #port: MessagePort;
	#handler: LinkHandler | null = null;
	/** Of what is written here. */
	readonly #theirs = new Int32Array(new SharedArrayBuffer(COUNTER_BYTES));
	/** Of what is written there; null until its first message. */
	#ours: Int32Array | null = null;
	#isFull = false;
	#isClosed = false;

	constructor(port: MessagePort, {remoteAddress, remotePort, localAddress, localPort}: LinkAddresses) {
		this.remoteAddress = remoteAddress;
		this.remotePort = remotePort;
		this.localAddress = localAddress;
		this.localPort = localPort;
		this.#port = port;
	}

	start(handler: LinkHandler): void {
		this.#handler = handler;
		if (this.#isClosed) return;
		const port = this.#port;
		port.postMessage({counter: this.#theirs.buffer as SharedArrayBuffer} satisfies Window);
		port.on('message', (data: unknown) => this.#arrived(data));
		port.on('close', () => this.#closed());
	}

	get queuedBytes(): number {
		return this.#isFull ? underwayBytes(this.#theirs) : 0;
	}

	write(bytes: Uint8Array, from: number, to: number): boolean {
		if (this.#isClosed) return true;
		// A view would be posted with all of the buffer that it looks at.
		const posted = bytes.slice(from, to);
		Atomics.add(this.#theirs, POSTED, posted.length);
		this.#port.postMessage(posted, [posted.buffer]);
		if (underwayBytes(this.#theirs) <= WINDOW_BYTES) return true;
		Atomics.store(this.#theirs, WAITS, 1);
		// The other end may have taken it before it could see that somebody waits.
		this.#isFull = underwayBytes(this.#theirs) > WINDOW_BYTES / 2;
		return true;
	}

	setKeepAlive(): void {
		// A thread that ends closes its ports.
	}

	/** What was posted arrives before the end does. */
	end(): void {
		this.destroy();
	}

	destroy(): void {
		if (this.#isClosed) return;
		this.#isClosed = true;
		this.#port.close();
		// As a socket: the handler hears of it later, also when the port was never started.
		setImmediate(() => this.#handler?.onClose());
	}

	#arrived(data: unknown): void {
		if (this.#isClosed) return;
		if (data === DRAINED) {
			this.#isFull = false;
			this.#handler?.onDrain();
		} else if (data instanceof Uint8Array) {
			this.#handler?.onData(regionOf(data), data.length);
			this.#took(data.length);
		} else {
			this.#ours = counterOf(data) ?? this.#ours;
		}
	}

	#took(bytes: number): void {
		const ours = this.#ours;
		if (ours === null) return;
		Atomics.add(ours, TAKEN, bytes);
		if (Atomics.load(ours, WAITS) === 0 || underwayBytes(ours) > WINDOW_BYTES / 2) return;
		Atomics.store(ours, WAITS, 0);
		if (!this.#isClosed) this.#port.postMessage(DRAINED);
	}

	#closed(): void {
		if (this.#isClosed) return;
		this.#isClosed = true;
		this.#handler?.onClose();
	}
}

const underwayBytes = (counter: Int32Array): number =>
	(Atomics.load(counter, POSTED) - Atomics.load(counter, TAKEN)) >>> 0;

function counterOf(data: unknown): Int32Array | null {
	if (typeof data !== 'object' || data === null || !('counter' in data)) return null;
	return data.counter instanceof SharedArrayBuffer && data.counter.byteLength === COUNTER_BYTES
		? new Int32Array(data.counter)
		: null;
}
