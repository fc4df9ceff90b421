/**
 * A replication link between two nodes of one process: a MessagePort with the manners of a TCP connection. The bytes travel
 * through a ring in shared memory, one for each direction: as with a socket, what was written reaches the other end also when
 * this thread is killed. The port carries only calls to look into the ring, not more often than each millisecond: to wake a
 * thread costs more than all the rest of a small command.
 *
 *     this end                                  the other end
 *     write: into the ring       'look' ~~~~>   drains the ring: onData
 *     ring full: keeps the rest                 half of it free again
 *     puts it in, onDrain       <~~~~ 'room'
 */
import type {MessagePort} from 'node:worker_threads';
import {allocateRegion} from '../lib/region.ts';
import {SharedRing} from '../lib/shared-ring.ts';
import type {Link, LinkHandler} from './transport.ts';

/** First on every port: the ring that its sender writes into. */
interface Greeting {
	readonly ring: SharedArrayBuffer;
}

interface LinkAddresses {
	readonly remoteAddress: string;
	readonly remotePort: number;
	readonly localAddress: string;
	readonly localPort: number;
}

const LOOK = 'look';
const ROOM = 'room';
const LOOK_INTERVAL_MS = 1;
const READ_BUFFER_BYTES = 64 * 1024;
/** After so many chunks others have their turn. */
const CHUNKS_A_TURN = 4;

/** A chunk is consumed, or copied, before the next is read: one buffer serves all links of the thread. */
const readBuffer = allocateRegion(READ_BUFFER_BYTES);

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
	readonly #out = new SharedRing();
	/** What the ring had no room for. */
	#rest: Uint8Array[] = [];
	#restBytes = 0;
	/** Null until the other end has said hello. */
	#in: SharedRing | null = null;
	#calledAtMs = 0;
	#isCallDue = false;
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
		port.postMessage({ring: this.#out.memory} satisfies Greeting);
		port.on('message', (data: unknown) => this.#heard(data));
		port.on('close', () => this.#closed());
	}

	get queuedBytes(): number {
		return this.#restBytes;
	}

	write(bytes: Uint8Array, from: number, to: number): boolean {
		if (this.#isClosed) return true;
		const taken = this.#restBytes > 0 ? 0 : this.#out.write(bytes, from, to);
		if (taken < to - from) {
			this.#rest.push(bytes.slice(from + taken, to));
			this.#restBytes += to - from - taken;
			this.#pump();
		}
		this.#call();
		return true;
	}

	setNoDelay(): void {
		// There are no packets.
	}

	setKeepAlive(): void {
		// A thread that ends closes its ports.
	}

	/** What is in the ring arrives before the end does. */
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

	/** Puts what was kept into the ring, until that is full. */
	#pump(): void {
		let [next] = this.#rest;
		while (next !== undefined) {
			const taken = this.#out.write(next, 0, next.length);
			this.#restBytes -= taken;
			if (taken < next.length) {
				next = next.subarray(taken);
				this.#rest[0] = next;
				if (this.#out.await()) return;
			} else {
				this.#rest.shift();
				[next] = this.#rest;
			}
		}
	}

	/** Now, or when a millisecond has passed since the last call. */
	#call(): void {
		if (this.#isCallDue) return;
		const nowMs = performance.now();
		if (nowMs - this.#calledAtMs >= LOOK_INTERVAL_MS) {
			this.#calledAtMs = nowMs;
			this.#port.postMessage(LOOK);
			return;
		}
		this.#isCallDue = true;
		setTimeout(() => {
			this.#isCallDue = false;
			if (this.#isClosed || this.#out.length === 0) return;
			this.#calledAtMs = performance.now();
			this.#port.postMessage(LOOK);
		}, LOOK_INTERVAL_MS);
	}

	#heard(data: unknown): void {
		if (this.#isClosed) return;
		if (data === LOOK) {
			this.#drain(CHUNKS_A_TURN);
		} else if (data === ROOM) {
			this.#pump();
			this.#call();
			if (this.#restBytes === 0) this.#handler?.onDrain();
		} else {
			this.#in ??= ringOf(data);
			this.#drain(CHUNKS_A_TURN);
		}
	}

	#drain(most: number): void {
		const ring = this.#in;
		if (ring === null) return;
		for (let chunks = 0; !this.#isClosed && ring.length > 0; chunks++) {
			if (chunks === most) {
				setImmediate(() => this.#drain(CHUNKS_A_TURN));
				return;
			}
			const length = ring.read(readBuffer.bytes);
			this.#handler?.onData(readBuffer, length);
			if (ring.isAwaited() && !this.#isClosed) this.#port.postMessage(ROOM);
		}
	}

	#closed(): void {
		if (this.#isClosed) return;
		// The last words of the other end, however it ended.
		this.#drain(Infinity);
		if (this.#isClosed) return;
		this.#isClosed = true;
		this.#handler?.onClose();
	}
}

function ringOf(data: unknown): SharedRing | null {
	if (typeof data !== 'object' || data === null || !('ring' in data)) return null;
	return SharedRing.isRing(data.ring) ? new SharedRing(data.ring) : null;
}
