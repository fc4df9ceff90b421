/**
 * A link that this node opens to another to move slots: it says who it is, asks one thing and waits for OK. The destination of
 * a migration then reads the source's stream from it; the source, which only lets the destination know, ends it.
 */
import type {Client} from '../commands/client.ts';
import type {Settings} from '../commands/settings.ts';
import {latin1, toBytes} from '../lib/bytes.ts';
import type {Region} from '../lib/region.ts';
import {ReplyWriter} from '../resp/reply-writer.ts';
import type {NodeClients} from './clients.ts';
import type {Frontend} from './frontend.ts';
import {StreamApplier} from './stream-applier.ts';
import {streamConnection} from './stream-connection.ts';
import type {StreamLinks} from './stream-links.ts';
import type {Link, LinkHandler} from './transport.ts';

export interface SlotLinkOptions {
	readonly host: string;
	readonly port: number;
	/** What is asked, behind `CLUSTER SYNCSLOTS`. */
	readonly request: readonly (string | number)[];
	readonly links: StreamLinks;
	readonly settings: Settings;
	readonly clients: NodeClients;
	readonly frontend: Frontend;
	readonly nowMs: () => number;
	readonly events: SlotLinkEvents;
}

export interface SlotLinkEvents {
	/** The request is on its way. */
	connected(): void;
	/** OK came. `stream` may be called now. */
	accepted(): void;
	/** The end, once, unless `drop` came before. */
	ended(reason: string): void;
}

const LF = 0x0a;
/** An answer is a short line. */
const LONGEST_ANSWER_BYTES = 4096;

export class SlotLink implements LinkHandler {
	readonly #options: SlotLinkOptions;
	readonly #writer = new ReplyWriter();
	readonly #stopDial: () => void;
	#link: Link | null = null;
	/** Answers that are due: to AUTH, and to the request. */
	#awaitedCount = 1;
	#answer = '';
	#applier: StreamApplier | null = null;
	#client: Client | null = null;
	#streamedBytes = 0;
	#onRun: () => void = () => undefined;
	#isEnded = false;

	constructor(options: SlotLinkOptions) {
		this.#options = options;
		const {host, port, request, links, settings, events} = options;
		this.#stopDial = links.dial(host, port, {
			opened: (link) => {
				this.#link = link;
				const {primaryUser: user, primaryPassword: password} = settings;
				if (password !== '') {
					this.#awaitedCount++;
					this.#write(user === '' ? ['AUTH', password] : ['AUTH', user, password]);
				}
				this.say(...request);
				events.connected();
				return this;
			},
			failed: (reason) => {
				this.#end(`Unable to connect to the node: ${reason}`);
			},
		});
	}

	/** The client whose commands the stream's are; null before there is a stream. */
	get client(): Client | null {
		return this.#client;
	}

	/** Bytes of the stream whose commands have run. */
	get appliedBytes(): number {
		return this.#streamedBytes - (this.#applier?.pendingBytes ?? 0);
	}

	/** `CLUSTER SYNCSLOTS <words>` */
	say(...words: readonly (string | number)[]): void {
		this.#write(['CLUSTER', 'SYNCSLOTS', ...words]);
	}

	/** What comes from now on are commands, which are run here. @param onRun all of a chunk were that were there as a whole */
	stream(onRun: () => void): void {
		const {clients, frontend, host, port, nowMs} = this.#options;
		const link = this.#link!;
		const {localAddress, localPort} = link;
		const connection = streamConnection({
			link,
			applier: () => this.#applier,
			close: () => {
				this.#end('The connection was closed by an operator');
			},
		});
		const client = clients.add(connection, `${host}:${port}`, `${localAddress}:${localPort}`, nowMs());
		client.isPrimary = true;
		this.#client = client;
		this.#onRun = onRun;
		this.#applier = new StreamApplier({
			frontend,
			client,
			onApplied: () => undefined,
			onAsked: () => undefined,
			onError: (command, error) => {
				this.#end(`'${error}' after the command '${command}' of the source`);
			},
			onFailed: (reason) => {
				this.#end(reason);
			},
		});
	}

	/** Ends it without a word. */
	drop(): void {
		this.#close();
	}

	// LinkHandler

	onData(region: Region, length: number): void {
		const {bytes} = region;
		let at = 0;
		while (this.#awaitedCount > 0 && at < length && !this.#isEnded) {
			const end = bytes.indexOf(LF, at);
			const to = end < 0 || end >= length ? length : end + 1;
			this.#answer += latin1(bytes, at, to);
			at = to;
			if (this.#answer.endsWith('\n')) this.#answered();
			else if (this.#answer.length > LONGEST_ANSWER_BYTES) this.#end('Unexpected answer of the node');
		}
		if (at === length || this.#isEnded || this.#applier === null) return;
		this.#streamedBytes += length - at;
		this.#options.frontend.receivedFromPrimary(this.#client, length - at);
		this.#applier.push(bytes.subarray(at, length));
		if (!this.#isEnded) this.#onRun();
	}

	onEnd(): void {
		this.#end('Connection with the node lost');
	}

	onDrain(): void {
		// What is said here is short.
	}

	onClose(): void {
		this.#end('Connection with the node lost');
	}

	#answered(): void {
		const line = this.#answer.trim();
		this.#answer = '';
		if (!line.startsWith('+')) {
			this.#end(line.replace(/^-/, ''));
			return;
		}
		if (--this.#awaitedCount === 0) this.#options.events.accepted();
	}

	#write(words: readonly (string | number)[]): void {
		if (this.#link === null || this.#isEnded) return;
		const writer = this.#writer;
		writer.array(words.length);
		for (const word of words) writer.bulk(toBytes(String(word)));
		this.#link.write(writer.region.bytes, 0, writer.length);
		writer.clear();
	}

	#end(reason: string): void {
		if (this.#isEnded) return;
		this.#close();
		this.#options.events.ended(reason);
	}

	#close(): void {
		this.#isEnded = true;
		this.#stopDial();
		this.#applier?.stop();
		if (this.#client !== null) this.#options.clients.remove(this.#client);
		this.#link?.destroy();
	}
}
