/**
 * The cluster bus between threads: a full mesh of MessageChannels. The launcher hands out the two ends of a link when a
 * node asks for one to an address, as connect() would; from then on the nodes talk directly.
 *
 * Frames of one turn of the event loop travel in one post per link, as transferred bytes. How much of what was posted the
 * other end has taken is known by a counter in shared memory that it moves: that is the send buffer of CLUSTER LINKS.
 * A closed port says that the link is gone, never that the node has failed.
 */
import type {MessagePort} from 'node:worker_threads';
import type {LinkId} from '../cluster/effects.ts';
import type {BusMessage} from '../cluster/messages.ts';
import type {LinkBuffer} from '../commands/cluster-service.ts';
import type {FromNode, ToNode} from '../launcher/messages.ts';
import {assert} from '../lib/assert.ts';
import {decodeFrame, encodeFrame, framedLength, joinFrames, splitFrames} from './bus-frames.ts';
import type {Bus, BusReceiver} from './ports.ts';

/** First on every port: where the receiver counts the bytes that it has taken. */
interface Window {
	readonly taken: SharedArrayBuffer;
}

interface OpenLink {
	readonly id: LinkId;
	readonly port: MessagePort;
	/** Frames of this turn. */
	readonly frames: Uint8Array[];
	framesBytes: number;
	/** Bytes posted so far, modulo 2^32. */
	postedBytes: number;
	/** Moved by the other end. */
	readonly taken: Int32Array;
	/** Moved here for the other end; null until its first message. */
	counter: Int32Array | null;
}

export type BusRequest = Extract<FromNode, {kind: 'bus-connect'}>;
export type BusAnswer = Extract<ToNode, {kind: 'bus-accept' | 'bus-connected' | 'bus-refused'}>;

export class MeshBus implements Bus {
	readonly #ask: (request: BusRequest) => void;
	#receiver: BusReceiver | null = null;
	readonly #links = new Map<LinkId, OpenLink>();
	/** Asked for, not answered yet. */
	readonly #connecting = new Set<LinkId>();
	readonly #unflushed = new Set<OpenLink>();
	#flush: NodeJS.Immediate | null = null;
	/** A broadcast is one message object for many links: it is encoded once. */
	#lastMessage: BusMessage | null = null;
	#lastFrame: Uint8Array = new Uint8Array(0);
	#droppedFrames = 0;

	/** `ask` posts to the launcher, which answers by `answered`. */
	constructor(ask: (request: BusRequest) => void) {
		this.#ask = ask;
	}

	get droppedFrames(): number {
		return this.#droppedFrames;
	}

	start(receiver: BusReceiver): void {
		assert(this.#receiver === null, 'a bus has one receiver');
		this.#receiver = receiver;
	}

	connect(link: LinkId, host: string, busPort: number): void {
		this.#connecting.add(link);
		this.#ask({kind: 'bus-connect', request: link, host, busPort});
	}

	/** The launcher's word on links. */
	answered(answer: BusAnswer): void {
		switch (answer.kind) {
			case 'bus-accept': {
				if (this.#receiver === null) {
					answer.port.close();
					return;
				}
				this.#open(this.#receiver.accepted(answer.fromHost), answer.port);
				return;
			}
			case 'bus-connected': {
				// The core may have given the link up while the launcher was busy.
				if (!this.#connecting.delete(answer.request)) {
					answer.port.close();
					return;
				}
				this.#open(answer.request, answer.port);
				this.#receiver?.opened(answer.request);
				return;
			}
			case 'bus-refused':
				if (this.#connecting.delete(answer.request)) this.#receiver?.refused(answer.request);
		}
	}

	send(link: LinkId, message: BusMessage): void {
		const open = this.#links.get(link);
		if (open === undefined) return;
		if (message !== this.#lastMessage) {
			this.#lastFrame = encodeFrame(message);
			this.#lastMessage = message;
		}
		open.frames.push(this.#lastFrame);
		open.framesBytes += framedLength(this.#lastFrame);
		this.#unflushed.add(open);
		this.#flush ??= setImmediate(() => this.flush());
	}

	flush(): void {
		if (this.#flush !== null) clearImmediate(this.#flush);
		this.#flush = null;
		this.#lastMessage = null;
		for (const link of this.#unflushed) {
			const batch = joinFrames(link.frames);
			link.frames.length = 0;
			link.framesBytes = 0;
			link.postedBytes = (link.postedBytes + batch.length) | 0;
			link.port.postMessage(batch, [batch.buffer]);
		}
		this.#unflushed.clear();
	}

	close(link: LinkId): void {
		this.#connecting.delete(link);
		const open = this.#links.get(link);
		if (open === undefined) return;
		this.#links.delete(link);
		this.#unflushed.delete(open);
		open.port.close();
	}

	buffer(link: LinkId): LinkBuffer {
		const open = this.#links.get(link);
		if (open === undefined) return {pendingBytes: 0, allocatedBytes: 0};
		const underway = (open.postedBytes - Atomics.load(open.taken, 0)) >>> 0;
		return {pendingBytes: open.framesBytes + underway, allocatedBytes: open.framesBytes + underway};
	}

	/** Ends all links; what was sent in this turn still goes out. */
	stop(): void {
		this.flush();
		for (const link of this.#links.keys()) this.close(link);
		this.#connecting.clear();
		this.#receiver = null;
	}

	#open(id: LinkId, port: MessagePort): void {
		const window: Window = {taken: new SharedArrayBuffer(4)};
		const link: OpenLink = {
			id,
			port,
			frames: [],
			framesBytes: 0,
			postedBytes: 0,
			taken: new Int32Array(window.taken),
			counter: null,
		};
		this.#links.set(id, link);
		port.postMessage(window);
		port.on('message', (data: unknown) => this.#arrived(link, data));
		port.on('messageerror', () => void this.#droppedFrames++);
		port.on('close', () => {
			if (!this.#links.delete(id)) return;
			this.#unflushed.delete(link);
			this.#receiver?.closed(id);
		});
	}

	#arrived(link: OpenLink, data: unknown): void {
		if (!(data instanceof Uint8Array)) {
			const taken = takenOf(data);
			if (taken === null || link.counter !== null) this.#droppedFrames++;
			else link.counter = taken;
			return;
		}
		if (link.counter !== null) Atomics.add(link.counter, 0, data.length);
		for (const frame of splitFrames(data)) {
			const message = frame === null ? null : decodeFrame(frame);
			if (message === null) this.#droppedFrames++;
			// A message before this one may have made the core close the link.
			if (!this.#links.has(link.id)) return;
			this.#receiver?.received(link.id, message);
		}
	}
}

function takenOf(data: unknown): Int32Array | null {
	if (typeof data !== 'object' || data === null || !('taken' in data)) return null;
	return data.taken instanceof SharedArrayBuffer && data.taken.byteLength === 4
		? new Int32Array(data.taken)
		: null;
}
