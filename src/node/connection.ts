/**
 * One client connection: cuts the byte stream into commands, has them run, and sends what they replied.
 *
 * Input is parsed where it was read (the transport's buffer). Only what the end of a chunk cut, or what has to wait,
 * is copied into a buffer of the connection's own, together with how far it was understood, so that a command of many
 * chunks is tokenized once.
 *
 * Output leaves by way of the OutputQueue. Where the peer does not keep up, its bytes are copied aside and sent as it
 * reads on; how many may wait is the frontend's to say.
 */
import type {Client, ClientConnection} from '../commands/client.ts';
import {copyRegion, type Region} from '../lib/region.ts';
import type {Request} from '../resp/request.ts';
import {COMPLETE, EMPTY, INCOMPLETE} from '../resp/request-parser.ts';
import type {Frontend} from './frontend.ts';
import {INPUT_BUFFER_BYTES} from './input-buffers.ts';
import {OutputBacklog} from './output-backlog.ts';
import type {OutputSink} from './output-queue.ts';
import type {Link, LinkHandler} from './transport.ts';

/** A reply of this size is sent while the rest of the pipeline is still being run. */
const SEND_EARLY_BYTES = 256 * 1024;
/** Memory for a large argument follows what arrived, not what was announced. */
const INPUT_GROWTH_BYTES = 1024 * 1024;

export class Connection implements LinkHandler, ClientConnection, OutputSink {
	readonly client: Client;
	/** The transport hides it. */
	readonly fd = -1;
	readonly #frontend: Frontend;
	readonly #link: Link;

	/** Bytes that arrived and are not yet run: `[#inputStart, #inputEnd)` of `#input`. */
	#input: Region | null = null;
	#inputStart = 0;
	#inputEnd = 0;
	/** The command at `#inputStart` as far as it is understood: cut, or complete and held back. */
	#partial: Request | null = null;
	/** A complete command waits in `#partial` until `resume`. */
	#held = false;

	readonly #waiting = new OutputBacklog();
	/** What waits for this client elsewhere. */
	#heldBytes = 0;
	/** Bytes that are no replies; they go behind the replies written so far. */
	#pushed: Uint8Array[] = [];
	#running = false;
	/** Runs nothing more; closes when its output is out. */
	#ending = false;
	#closed = false;

	constructor(frontend: Frontend, link: Link) {
		this.#frontend = frontend;
		this.#link = link;
		this.client = frontend.admit(this, link);
	}

	get pendingInputBytes(): number {
		return this.#inputEnd - this.#inputStart;
	}

	get inputBufferBytes(): number {
		return this.#input?.bytes.length ?? 0;
	}

	get pendingOutputBytes(): number {
		return this.#waiting.length + this.#link.queuedBytes + this.#heldBytes;
	}

	get pendingOutputBuffers(): number {
		return this.#waiting.blockCount + (this.#link.queuedBytes > 0 ? 1 : 0);
	}

	get closed(): boolean {
		return this.#closed;
	}

	// Input

	onData(region: Region, length: number): void {
		if (this.#closed) return;
		this.#frontend.received(this.client, length);
		if (this.#ending) return;
		if (this.client.block !== null) {
			this.#store(region, length);
			return;
		}
		if (this.#input === null) {
			this.#run(region, 0, length, false);
			return;
		}
		this.#append(region, length);
		if (!this.#closed && !this.#held) this.#runInput();
	}

	/** As in Redis, a peer that closed its side is done; what it was owed is still sent. */
	onEnd(): void {
		this.closeAfterReplies();
	}

	resume(): void {
		if (this.#input === null || this.client.block !== null || this.#ending || this.#closed) return;
		this.#frontend.beginTurn();
		this.#runInput();
	}

	#runInput(): void {
		const input = this.#input;
		if (input === null) return;
		const start = this.#inputStart;
		const end = this.#inputEnd;
		this.#input = null;
		this.#inputStart = 0;
		this.#inputEnd = 0;
		const handedOver = this.#run(input, start, end, true);
		if (this.#input !== input && !handedOver) this.#frontend.inputs.give(input);
	}

	/**
	 * Runs the commands of `region.bytes[start, end)` and keeps what is left: in the region where that is the
	 * connection's own, else in a copy. True when a command kept a part of the region.
	 */
	#run(region: Region, start: number, end: number, isOwn: boolean): boolean {
		const {client} = this;
		const {reader, executor, writer, output, inputs} = this.#frontend;
		const {parser} = reader;
		const dedicated = isOwn && region.bytes.length > INPUT_BUFFER_BYTES;
		// What was cut or held back comes first, then what the reader reads.
		let own = this.#partial;
		let request = own ?? reader.request;
		let complete = this.#held;
		let handedOver = false;
		let commands = 0;
		let at = start;
		let from = writer.length;
		this.#partial = null;
		this.#held = false;
		this.#running = true;
		this.#frontend.beginRun();
		parser.limits.authenticated = client.authenticated;
		while (at < end) {
			if (!complete) {
				const status =
					own === null ? reader.read(client, region, at, end) : parser.parse(own, region, at, end);
				request = own ?? reader.request;
				if (status === INCOMPLETE) break;
				if (status === COMPLETE) {
					complete = true;
				} else if (status !== EMPTY) {
					this.#frontend.protocolError(client, parser.error);
					this.#ending = true;
					break;
				}
			}
			if (complete) {
				request.ownsRegion = dedicated;
				if (!executor.execute(client, request)) {
					this.#held = true;
					break;
				}
				complete = false;
				commands++;
				if (request.handedOver) handedOver = true;
				if (this.#closed || this.#ending) break;
				if (client.block !== null) {
					at = request.end;
					if (own !== null) inputs.giveRequest(own);
					// Nothing is known yet of what comes behind it.
					request = reader.request;
					request.reset();
					request.needed = 1;
					break;
				}
			}
			at = request.end;
			if (own !== null) {
				inputs.giveRequest(own);
				own = null;
			}
			if (writer.length - from > SEND_EARLY_BYTES) {
				this.#frontend.settle();
				output.add(this, from);
				output.flush();
				from = 0;
				// What waits may have been more than it may.
				if (this.#closed) break;
			}
		}
		this.#running = false;
		this.#frontend.settle();
		output.add(this, from);
		this.#frontend.endRun();
		if (this.#closed) return handedOver;
		if (this.#ending) output.finish(this);
		else if (at < end) this.#keep(request, region, at, end, isOwn && !handedOver);
		// What was written goes to files and replicas first: better once for all connections of the turn.
		if (commands > 1 || executor.stream.isPending || !output.isLone(this)) output.schedule();
		else output.flush();
		return handedOver;
	}

	/** Keeps the rest, and makes the request that knows it the connection's own. */
	#keep(request: Request, region: Region, at: number, end: number, inPlace: boolean): void {
		const {inputs, reader} = this.#frontend;
		if (inPlace) {
			this.#input = region;
			this.#inputStart = at;
			this.#inputEnd = end;
		} else {
			const kept = end - at;
			const input = inputs.take(this.#wanted(kept, this.#held ? 1 : request.needed));
			copyRegion(region, at, input, 0, kept);
			this.#input = input;
			this.#inputStart = 0;
			this.#inputEnd = kept;
			request.rebase(-at, input);
		}
		this.#partial = request;
		if (request === reader.request) reader.giveAway();
		this.#checkInputLimit();
	}

	/** Keeps what a blocked client sent. */
	#store(region: Region, length: number): void {
		if (this.#input === null) {
			this.#input = this.#frontend.inputs.take(this.#wanted(0, length));
			this.#inputStart = 0;
			this.#inputEnd = 0;
		}
		this.#append(region, length);
	}

	/** Adds what was read behind what is kept. */
	#append(region: Region, length: number): void {
		const {inputs} = this.#frontend;
		const input = this.#input!;
		const kept = this.#inputEnd - this.#inputStart;
		if (this.#inputEnd + length > input.bytes.length && kept + length <= input.bytes.length) {
			input.bytes.copyWithin(0, this.#inputStart, this.#inputEnd);
			this.#partial?.rebase(-this.#inputStart, input);
			this.#inputStart = 0;
			this.#inputEnd = kept;
		}
		if (this.#inputEnd + length <= input.bytes.length) {
			copyRegion(region, 0, input, this.#inputEnd, length);
			this.#inputEnd += length;
		} else {
			const grown = inputs.take(this.#wanted(kept + length, this.#partial?.needed ?? 1));
			copyRegion(input, this.#inputStart, grown, 0, kept);
			copyRegion(region, 0, grown, kept, length);
			this.#partial?.rebase(-this.#inputStart, grown);
			this.#input = grown;
			this.#inputStart = 0;
			this.#inputEnd = kept + length;
			inputs.give(input);
		}
		this.#checkInputLimit();
	}

	/**
	 * Size of the buffer for `kept` bytes of which the command lacks at least `needed`, and one more chunk. It grows by a
	 * share of what it holds, so that no byte is copied more than a few times; a large argument whose length is known
	 * ends in a buffer of its own size.
	 */
	#wanted(kept: number, needed: number): number {
		const more = needed > INPUT_BUFFER_BYTES / 2 ? Math.min(needed, kept + INPUT_GROWTH_BYTES) : kept / 2;
		return kept + Math.ceil(more) + INPUT_BUFFER_BYTES / 2;
	}

	#checkInputLimit(): void {
		if (this.pendingInputBytes > this.#frontend.settings.clientQueryBufferLimitBytes) {
			this.#frontend.log(
				'warning',
				`Closing client that reached max query buffer length: ${this.client.address}`,
			);
			this.close();
		}
	}

	// Output

	push(bytes: Uint8Array): void {
		if (this.#closed || this.#ending) return;
		if (this.#running) {
			this.#frontend.writer.raw(bytes);
			return;
		}
		this.#pushed.push(bytes);
		if (this.#pushed.length === 1) this.#frontend.pushed(this);
	}

	feed(bytes: Uint8Array, from: number, to: number): void {
		if (this.#closed || this.#ending) return;
		if (this.#link.copies) this.send(bytes, from, to);
		else this.send(bytes.slice(from, to), 0, to - from);
	}

	setHeldBytes(bytes: number): void {
		this.#heldBytes = bytes;
		if (bytes > 0 && !this.#closed) this.#frontend.checkOutputLimit(this);
	}

	/** Appends what was pushed to the turn's output. The frontend calls it where no reply is half written. */
	writePushed(): void {
		if (this.#closed) return;
		const {writer, output} = this.#frontend;
		const from = writer.length;
		for (const bytes of this.#pushed) writer.raw(bytes);
		this.#pushed = [];
		output.add(this, from);
	}

	send(bytes: Uint8Array, from: number, to: number): boolean {
		if (this.#closed) return true;
		let taken = true;
		if (this.#waiting.length === 0 && this.#link.queuedBytes === 0) {
			taken = this.#link.write(bytes, from, to);
			this.#frontend.sent(this.client, to - from);
			if (taken) return true;
		} else {
			this.#waiting.append(bytes, from, to);
		}
		this.#frontend.checkOutputLimit(this);
		return taken;
	}

	finish(): void {
		this.#ending = true;
		if (this.#waiting.length === 0) this.#link.end();
	}

	onDrain(): void {
		if (this.#closed) return;
		// A client that takes what it asked for is not idle.
		this.#frontend.heardOf(this.client);
		while (this.#link.queuedBytes === 0) {
			const bytes = this.#waiting.take();
			if (bytes === null) break;
			this.#link.write(bytes, 0, bytes.length);
			this.#frontend.sent(this.client, bytes.length);
		}
		if (this.#ending && this.#waiting.length === 0) this.#link.end();
	}

	closeAfterReplies(): void {
		if (this.#ending || this.#closed) return;
		this.#ending = true;
		if (this.#running) return;
		this.#frontend.output.finish(this);
		this.#frontend.output.schedule();
	}

	// End

	setNoDelay(on: boolean): void {
		this.#link.setNoDelay(on);
	}

	setKeepAlive(seconds: number): void {
		this.#link.setKeepAlive(seconds);
	}

	close(): void {
		if (this.#closed) return;
		this.#gone();
		this.#link.destroy();
	}

	onClose(): void {
		if (!this.#closed) this.#gone();
	}

	#gone(): void {
		this.#closed = true;
		this.#waiting.clear();
		this.#pushed = [];
		if (this.#input !== null) this.#frontend.inputs.give(this.#input);
		this.#input = null;
		this.#inputStart = 0;
		this.#inputEnd = 0;
		this.#frontend.leave(this);
	}
}
