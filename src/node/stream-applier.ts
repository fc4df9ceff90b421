/**
 * Applies the primary's stream to the databases: cuts it into commands and has each run by the executor as the primary's
 * client. What was applied is handed on byte for byte, so that offsets agree along a chain of replicas.
 *
 *     chunk   | SET a 1 | MULTI | INCR b | IN          what a chunk's end cut waits for the next one
 *               applied   waits until its EXEC is there: a transaction is applied as a whole or not at all
 */
import type {Client} from '../commands/client.ts';
import {latin1} from '../lib/bytes.ts';
import {copyRegion, allocateRegion, regionOf, type Region} from '../lib/region.ts';
import type {ReplyWriter} from '../resp/reply-writer.ts';
import {Request} from '../resp/request.ts';
import {COMPLETE, EMPTY, INCOMPLETE, RequestParser} from '../resp/request-parser.ts';
import type {Frontend} from './frontend.ts';

export interface StreamApplierOptions {
	readonly frontend: Frontend;
	/** The primary as a client. */
	readonly client: Client;
	/** `bytes[from, to)` are whole commands that were run; valid until it returns. */
	readonly onApplied: (bytes: Uint8Array, from: number, to: number) => void;
	/** The primary asks how far this replica is (REPLCONF GETACK). All before it is applied. */
	readonly onAsked: () => void;
	/** A command was refused or failed here, with this error line: the data are not the primary's any more. */
	readonly onError: (command: string, error: string) => void;
	/** A command that changes no keys is not known here, and was left out. */
	readonly onSkipped: (command: string) => void;
	/** What came is not the protocol. */
	readonly onFailed: (reason: string) => void;
}

const UPPER = 0xdf;
const LETTER_M = 0x4d;
const LETTER_E = 0x45;
const LETTER_R = 0x52;
const LETTER_F = 0x46;
const LETTER_P = 0x50;
const LETTER_S = 0x53;
/** Commands of a stream that write to no keys. */
const KEYLESS = ['PUBLISH', 'SPUBLISH', 'FUNCTION', 'SCRIPT'] as const;

export class StreamApplier {
	readonly #options: StreamApplierOptions;
	/** Bytes that wait for the rest of their command: `[0, #restLength)`. */
	#rest: Region = allocateRegion(0);
	#restLength = 0;
	/** Looks ahead for the end of a transaction. */
	readonly #scout = new Request();
	readonly #scoutParser = new RequestParser();
	/** How far behind the start of the rest an EXEC was looked for in vain. */
	#scoutedBytes = 0;
	#isStopped = false;

	constructor(options: StreamApplierOptions) {
		this.#options = options;
	}

	/** Bytes that arrived and are not applied. */
	get pendingBytes(): number {
		return this.#restLength;
	}

	push(bytes: Uint8Array): void {
		if (this.#restLength === 0) {
			const region = regionOf(bytes);
			const at = this.#run(region, bytes.length);
			if (at < bytes.length) this.#keep(region, at, bytes.length);
			return;
		}
		const end = this.#restLength + bytes.length;
		if (end > this.#rest.bytes.length) {
			const grown = allocateRegion(end + (end >>> 1));
			copyRegion(this.#rest, 0, grown, 0, this.#restLength);
			this.#rest = grown;
		}
		this.#rest.bytes.set(bytes, this.#restLength);
		this.#restLength = end;
		const region = this.#rest;
		const at = this.#run(region, end);
		if (at === 0) return;
		this.#restLength = 0;
		if (at < end) this.#keep(region, at, end);
	}

	/** Runs nothing more. */
	stop(): void {
		this.#isStopped = true;
	}

	#keep(region: Region, from: number, to: number): void {
		const length = to - from;
		if (length > this.#rest.bytes.length) this.#rest = allocateRegion(length + (length >>> 1));
		this.#rest.bytes.set(region.bytes.subarray(from, to));
		this.#restLength = length;
	}

	/** Runs the whole commands of `region.bytes[0, end)`. Where they end. */
	#run(region: Region, end: number): number {
		const {frontend, client, onApplied, onAsked, onError, onSkipped, onFailed} = this.#options;
		const {reader, executor, writer} = frontend;
		let at = 0;
		/** Applied and not yet told. */
		let from = 0;
		frontend.beginTurn();
		frontend.beginRun();
		// What the primary took from its clients is not too long.
		reader.parser.limits.maxBulkBytes = Infinity;
		while (at < end && !this.#isStopped) {
			const status = reader.read(client, region, at, end);
			const {request} = reader;
			if (status === INCOMPLETE) {
				request.reset();
				break;
			}
			if (status === COMPLETE) {
				const word = marker(request);
				if (word === 'multi') {
					if (!this.#hasExec(region, at, end)) break;
				} else if (word === 'replconf') {
					onApplied(region.bytes, from, at);
					from = at;
					onAsked();
				} else if (word !== 'exec' && this.#isLeftOut(request)) {
					onSkipped(request.word(0));
				} else if (word !== 'exec') {
					request.ownsRegion = false;
					const {errorCount} = writer;
					const mark = writer.mark();
					executor.execute(client, request);
					if (writer.errorCount !== errorCount) onError(request.latin1(0), errorLine(writer, mark));
					// The primary is told nothing.
					writer.rewind(mark);
				}
			} else if (status !== EMPTY) {
				onFailed(`Protocol error in the stream of the master: ${reader.parser.error}`);
				break;
			}
			at = request.end;
		}
		frontend.endRun();
		if (at > from) onApplied(region.bytes, from, at);
		return at;
	}

	/** Whatever is written to keys must be applied or complained about; what is not may be unknown here. */
	#isLeftOut(request: Request): boolean {
		const first = request.region.bytes[request.offsets[0]!]! & UPPER;
		if (first !== LETTER_P && first !== LETTER_S && first !== LETTER_F) return false;
		for (const name of KEYLESS)
			if (request.isWord(0, name)) return !this.#options.frontend.executor.knows(request);
		return false;
	}

	/** Whether the transaction whose MULTI stands at `at` is there as a whole. */
	#hasExec(region: Region, at: number, end: number): boolean {
		const scout = this.#scout;
		let look = at + this.#scoutedBytes;
		while (look < end) {
			scout.reset();
			const status = this.#scoutParser.parse(scout, region, look, end);
			// What is wrong there is found out when it is its turn.
			if (status !== COMPLETE && status !== EMPTY && status !== INCOMPLETE) return true;
			if (status === INCOMPLETE) break;
			if (status === COMPLETE && scout.isWord(0, 'EXEC')) {
				this.#scoutedBytes = 0;
				return true;
			}
			look = scout.end;
		}
		// The next chunk finds this MULTI at the start of the rest.
		this.#scoutedBytes = look - at;
		return false;
	}
}

/** What was written since `mark`, where it is an error. */
const errorLine = ({length, region}: ReplyWriter, mark: number): string =>
	latin1(region.bytes, mark, length).replace(/^-|\r\n$/g, '');

/** Commands of the stream that are not for the databases. */
function marker(request: Request): 'multi' | 'exec' | 'replconf' | null {
	switch (request.region.bytes[request.offsets[0]!]! & UPPER) {
		case LETTER_M:
			return request.isWord(0, 'MULTI') ? 'multi' : null;
		case LETTER_E:
			return request.isWord(0, 'EXEC') ? 'exec' : null;
		case LETTER_R:
			return request.isWord(0, 'REPLCONF') ? 'replconf' : null;
		default:
			return null;
	}
}
