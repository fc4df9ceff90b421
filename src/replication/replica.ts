/**
 * The replica's end of a replication link, from the first PING on: fed with bytes in any split, it says what to send and what
 * the primary's bytes mean. It has no socket, clock or data of its own; see primary.ts for the conversation.
 *
 * Once it has failed it is of no use any more: the link is closed, and another machine begins with a new one.
 */
import {equalBytes, latin1, latin1ToBytes} from '../lib/bytes.ts';
import {parseInt64} from '../lib/integers.ts';
import {encodeCommand} from './wire.ts';

/** Where a former link left off. */
export interface KnownHistory {
	readonly id: string;
	/** Bytes of the stream that are applied here. */
	readonly offset: number;
}

export interface ReplicaOptions {
	/** What the primary is told: the port that clients reach this node at. */
	readonly listeningPort: number;
	/** `replica-announce-ip`; empty: none. */
	readonly announcedHost: string;
	/** `masteruser` and `masterauth`; an empty password: none is sent. */
	readonly user: string;
	readonly password: string;
	/** Null: there is nothing to go on from. */
	readonly known: KnownHistory | null;
	/** The other node is to lead from now on, with `known`. */
	readonly isHandingOver: boolean;
	/** `repl-timeout`, as it is now. */
	readonly timeoutMs: () => number;
}

export type SyncLogLevel = 'notice' | 'warning';

/** Views of bytes are valid until the method returns. Any of the methods may stop the machine by `fail`. */
export interface ReplicaOutlet {
	send(bytes: Uint8Array): void;
	/** A snapshot of the primary's data follows; the stream goes on from there, of a history that only PSYNC tells (else null). */
	fullResync(known: KnownHistory | null): void;
	/** @param length bytes of the snapshot; -1 when the primary does not know */
	snapshotBegins(length: number): void;
	snapshot(bytes: Uint8Array): void;
	/** All of it was there; the stream follows. */
	snapshotEnds(): void;
	/** The stream goes on where it stopped, perhaps under another id. */
	resumed(id: string): void;
	/** The next bytes of the stream. */
	stream(bytes: Uint8Array): void;
	/** The other node leads now, or refused to. */
	handedOver(isAccepted: boolean): void;
	/** The link is to be closed. */
	failed(reason: string): void;
	log(level: SyncLogLevel, text: string): void;
}

export type ReplicaPhase = 'handshake' | 'receiving' | 'online' | 'failed';

type State =
	| 'ping'
	| 'auth'
	| 'listening-port'
	| 'ip-address'
	| 'capa'
	| 'psync'
	| 'bulk-header'
	| 'bulk-counted'
	| 'bulk-marked'
	| 'online'
	| 'failed';

const LF = 0x0a;
const MARK_BYTES = 40;
/** No line of the handshake is longer. */
const LONGEST_LINE_BYTES = 4096;
const ACK_INTERVAL_MS = 1000;

/** Errors to the first PING of a primary that wants to know who asks. */
const ASKS_FOR_PASSWORD = ['-NOAUTH', '-NOPERM', '-ERR operation not permitted'];

export class ReplicaMachine {
	readonly #options: ReplicaOptions;
	readonly #outlet: ReplicaOutlet;
	#state: State = 'ping';
	/** Replies that are still to come before PSYNC is sent, in order. */
	#expected: State[] = [];
	/** The beginning of a line that a chunk's end cut. */
	#line = '';
	/** Bytes of the snapshot that are still to come. */
	#left = 0;
	/** The mark that ends a snapshot of unknown length, and the last bytes seen, which may be it. */
	#mark: Uint8Array = new Uint8Array(0);
	readonly #tail = new Uint8Array(MARK_BYTES);
	#tailLength = 0;
	#lastHeardAtMs: number;
	#lastAckAtMs = 0;
	#isAcknowledging = true;

	constructor(options: ReplicaOptions, outlet: ReplicaOutlet, nowMs: number) {
		this.#options = options;
		this.#outlet = outlet;
		this.#lastHeardAtMs = nowMs;
	}

	get phase(): ReplicaPhase {
		switch (this.#state) {
			case 'online':
			case 'failed':
				return this.#state;
			case 'bulk-header':
			case 'bulk-counted':
			case 'bulk-marked':
				return 'receiving';
			default:
				return 'handshake';
		}
	}

	/** When the primary last said anything, by the time given to `receive`. */
	get lastHeardAtMs(): number {
		return this.#lastHeardAtMs;
	}

	/** The link is open. */
	start(): void {
		this.#send('PING');
	}

	receive(bytes: Uint8Array, nowMs: number): void {
		this.#lastHeardAtMs = nowMs;
		let at = 0;
		while (at < bytes.length) {
			switch (this.#state) {
				case 'failed':
					return;
				case 'online':
					this.#outlet.stream(bytes.subarray(at));
					return;
				case 'bulk-counted':
					at = this.#counted(bytes, at);
					break;
				case 'bulk-marked':
					this.#marked(bytes, at);
					at = bytes.length;
					break;
				default:
					at = this.#lines(bytes, at);
			}
		}
	}

	/**
	 * Now and then, at least once a second.
	 * @param offset bytes of the stream that are applied
	 * @param durableOffset of these, those that are on the disk; negative when no file is kept
	 */
	tick(nowMs: number, offset: number, durableOffset: number): void {
		if (this.#state === 'failed') return;
		if (nowMs - this.#lastHeardAtMs > this.#options.timeoutMs()) {
			this.#fail(
				this.#state === 'online'
					? 'MASTER timeout: no data nor PING received...'
					: this.phase === 'receiving'
						? "Timeout receiving bulk data from MASTER... If the problem persists try to set the 'repl-timeout' parameter in redis.conf to a larger value."
						: 'Timeout connecting to the MASTER...',
			);
			return;
		}
		if (nowMs - this.#lastAckAtMs < ACK_INTERVAL_MS) return;
		if (this.#state === 'online') this.acknowledge(nowMs, offset, durableOffset);
	}

	/** Tells the primary how far this replica is: each second, after a snapshot, and when asked by GETACK. */
	acknowledge(nowMs: number, offset: number, durableOffset: number): void {
		if (this.#state !== 'online' || !this.#isAcknowledging) return;
		this.#lastAckAtMs = nowMs;
		const durable = durableOffset < 0 ? [] : ['FACK', String(durableOffset)];
		this.#send('REPLCONF', 'ACK', String(offset), ...durable);
	}

	/** Whoever drives the machine found that it cannot go on. */
	fail(reason: string): void {
		this.#fail(reason);
	}

	#fail(reason: string): void {
		if (this.#state === 'failed') return;
		this.#state = 'failed';
		this.#outlet.failed(reason);
	}

	#send(...words: readonly string[]): void {
		this.#outlet.send(encodeCommand(...words));
	}

	// Handshake

	/** Handles the lines that end in `bytes[at..)` while lines are expected; where it stopped. */
	#lines(bytes: Uint8Array, at: number): number {
		const end = bytes.indexOf(LF, at);
		if (end < 0) {
			this.#line += latin1(bytes, at);
			if (this.#line.length > LONGEST_LINE_BYTES) this.#fail('I/O error: the master sent no line');
			return bytes.length;
		}
		const line = (this.#line + latin1(bytes, at, end)).replace(/\r$/, '');
		this.#line = '';
		// An empty line says that the primary is alive and not ready.
		if (line !== '') this.#answered(line);
		return end + 1;
	}

	#answered(line: string): void {
		switch (this.#state) {
			case 'ping':
				this.#ponged(line);
				break;
			case 'auth':
				if (line.startsWith('-')) this.#fail(`Unable to AUTH to MASTER: ${line}`);
				else this.#nextReply();
				break;
			case 'listening-port':
			case 'ip-address':
			case 'capa':
				if (line.startsWith('-'))
					this.#outlet.log(
						'notice',
						`(Non critical) Master does not understand REPLCONF ${this.#state}: ${line}`,
					);
				this.#nextReply();
				break;
			case 'psync':
				this.#synced(line);
				break;
			default:
				this.#bulkBegins(line);
		}
	}

	#ponged(line: string): void {
		if (line.startsWith('-') && !ASKS_FOR_PASSWORD.some((each) => line.startsWith(each))) {
			this.#fail(`Error reply to PING from master: '${line}'`);
			return;
		}
		const {announcedHost, listeningPort, password, user} = this.#options;
		this.#expected = [];
		if (password !== '') {
			this.#send(...(user === '' ? ['AUTH', password] : ['AUTH', user, password]));
			this.#expected.push('auth');
		}
		this.#send('REPLCONF', 'listening-port', String(listeningPort));
		this.#expected.push('listening-port');
		if (announcedHost !== '') {
			this.#send('REPLCONF', 'ip-address', announcedHost);
			this.#expected.push('ip-address');
		}
		this.#send('REPLCONF', 'capa', 'eof', 'capa', 'psync2');
		this.#expected.push('capa');
		this.#nextReply();
	}

	#nextReply(): void {
		const next = this.#expected.shift();
		if (next !== undefined) {
			this.#state = next;
			return;
		}
		this.#state = 'psync';
		const {known} = this.#options;
		if (known === null) {
			this.#send('PSYNC', '?', '-1');
			return;
		}
		this.#outlet.log(
			'notice',
			`Trying a partial resynchronization (request ${known.id}:${known.offset + 1}).`,
		);
		const end = this.#options.isHandingOver ? ['FAILOVER'] : [];
		this.#send('PSYNC', known.id, String(known.offset + 1), ...end);
	}

	#synced(line: string): void {
		const [word = '', id = '', offsetText = ''] = line.split(' ');
		const {known, isHandingOver} = this.#options;
		if (isHandingOver) {
			this.#outlet.handedOver(word === '+CONTINUE' || word === '+FULLRESYNC');
			// Whom it refused leads again, and wants nothing of it.
			if (this.phase === 'failed') return;
		}
		if (word === '+CONTINUE' && known !== null) {
			this.#state = 'online';
			this.#outlet.resumed(isReplicationId(id) ? id : known.id);
			return;
		}
		if (word === '+FULLRESYNC') {
			const offset = /^[0-9]+$/.test(offsetText) ? Number(offsetText) : -1;
			if (!isReplicationId(id) || offset < 0) {
				this.#fail(`Master replied with wrong +FULLRESYNC syntax: ${line}`);
				return;
			}
			this.#state = 'bulk-header';
			this.#outlet.fullResync({id, offset});
			return;
		}
		if (word === '-NOMASTERLINK' || word === '-LOADING') {
			this.#fail(`MASTER is currently unable to PSYNC but should be in the future: ${line}`);
			return;
		}
		// Before 2.8 there was SYNC: all data, and a stream without offsets, of which nobody is told how far it came.
		this.#outlet.log(
			'notice',
			`Master does not support PSYNC or is in error state (reply: ${line}). Retrying with SYNC...`,
		);
		this.#isAcknowledging = false;
		this.#state = 'bulk-header';
		this.#outlet.fullResync(null);
		this.#send('SYNC');
	}

	// Snapshot

	#bulkBegins(line: string): void {
		if (line.startsWith('-')) {
			this.#fail(`MASTER aborted replication with an error: ${line.slice(1)}`);
			return;
		}
		if (line.startsWith('$EOF:') && line.length === '$EOF:'.length + MARK_BYTES) {
			this.#mark = latin1ToBytes(line.slice('$EOF:'.length));
			this.#tailLength = 0;
			this.#state = 'bulk-marked';
			this.#outlet.snapshotBegins(-1);
			return;
		}
		const length = line.startsWith('$') ? parseInt64(latin1ToBytes(line.slice(1))) : null;
		if (length === null || length < 0) {
			this.#fail(`Bad protocol from MASTER, the first byte is not '$' (we received '${line.slice(0, 100)}')`);
			return;
		}
		this.#left = Number(length);
		this.#state = 'bulk-counted';
		this.#outlet.snapshotBegins(this.#left);
		if (this.#left === 0) this.#bulkEnds();
	}

	/** Where the snapshot's part of `bytes[at..)` ends. */
	#counted(bytes: Uint8Array, at: number): number {
		const end = Math.min(bytes.length, at + this.#left);
		this.#left -= end - at;
		this.#outlet.snapshot(bytes.subarray(at, end));
		if (this.#left === 0 && this.#state === 'bulk-counted') this.#bulkEnds();
		return end;
	}

	/**
	 * The primary sends nothing behind the mark before it is acknowledged, so that the mark is where the bytes end. The last
	 * forty bytes are held back until it is known that they are not the mark.
	 */
	#marked(bytes: Uint8Array, at: number): void {
		const tail = this.#tail;
		const count = bytes.length - at;
		const released = Math.max(0, this.#tailLength + count - MARK_BYTES);
		const fromTail = Math.min(released, this.#tailLength);
		const fromBytes = released - fromTail;
		if (fromTail > 0) this.#outlet.snapshot(tail.subarray(0, fromTail));
		if (fromBytes > 0 && this.#state === 'bulk-marked')
			this.#outlet.snapshot(bytes.subarray(at, at + fromBytes));
		tail.copyWithin(0, fromTail, this.#tailLength);
		this.#tailLength -= fromTail;
		tail.set(bytes.subarray(at + fromBytes), this.#tailLength);
		this.#tailLength += count - fromBytes;
		if (this.#state === 'bulk-marked' && this.#tailLength === MARK_BYTES && equalBytes(tail, this.#mark))
			this.#bulkEnds();
	}

	#bulkEnds(): void {
		this.#state = 'online';
		this.#outlet.snapshotEnds();
	}
}

const isReplicationId = (text: string): boolean => /^[0-9a-zA-Z]{40}$/.test(text);
