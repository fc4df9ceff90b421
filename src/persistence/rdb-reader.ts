/**
 * Reads an RDB file of any version from 1 to 11 that is fed in pieces of any length, and tells a visitor what is in it.
 *
 * The file is a row of entries: a byte that says what it is, and a few numbers and strings. An entry is read whole from
 * the piece that was pushed, in place; only one that the piece's end cuts is gathered in a buffer, which never holds more
 * than came. Whatever the bytes are, the outcome is the visitor's calls or an RdbError.
 */

import {latin1} from '../lib/bytes.ts';
import {Crc64} from '../lib/crc64.ts';
import {regionOf, type Region} from '../lib/region.ts';
import {GrowingBytes} from './growing-bytes.ts';
import {
	AUX,
	CHECKSUM_BYTES,
	CHECKSUM_VERSION,
	END,
	EXPIRY_MS,
	EXPIRY_SECONDS,
	FREQUENCY,
	FUNCTION,
	FUNCTION_BEFORE_RELEASE,
	IDLE,
	MAGIC,
	MAGIC_BYTES,
	MAX_RDB_VERSION,
	MODULE_AUX,
	RdbError,
	RESIZE_DB,
	SELECT_DB,
	STRING_VALUE,
	VALUE_TYPES,
} from './rdb-format.ts';
import {CUT, RdbInput, RdbString} from './rdb-input.ts';

/** A key with its string. One object a reader, overwritten by the next: what is kept of it must be copied. */
export interface RdbRecord {
	readonly key: RdbString;
	readonly value: RdbString;
	/** Unix ms; -1 when it does not expire. What lies before 1970 is 0. */
	readonly expireAt: number;
	/** Seconds since the last use, -1 when the file does not tell. */
	readonly idleSeconds: number;
	/** The counter of uses, 0 to 255; -1 when the file does not tell. */
	readonly frequency: number;
}

/** Is told what the file holds, in its order. Views are valid until the method returns. */
export interface RdbVisitor {
	/** A fact about the file. Both one character a byte. */
	onAux?(name: string, value: string): void;
	/** The records that follow belong to this database; before the first such call, to database 0. */
	onDb(index: number): void;
	/** How many keys the database will have, and how many of them expire: a hint that may lie. */
	onResize?(keys: number, volatileKeys: number): void;
	onString(record: RdbRecord): void;
	/** The source of a function library. */
	onFunction?(library: Uint8Array): void;
	/** The end was read, and the checksum is right. */
	onEnd?(): void;
}

export interface RdbReaderOptions {
	/** `rdbchecksum`: whether the checksum must be right. One of zeros always is. */
	readonly checksum: boolean;
}

type Stage = 'magic' | 'entries' | 'checksum' | 'complete';

const GATHERED_BYTES = 256;
/** A C int. */
const MAX_DB_INDEX = 0x7fff_ffff;
/** The length's first byte, which says that the other eight follow. */
const MODULE_ID_BYTES = 9;
/** So much of a key is shown in an error. */
const SHOWN_KEY_BYTES = 64;

/** The present record, with the fields that entries before it have set. */
class MutableRecord implements RdbRecord {
	readonly key = new RdbString();
	readonly value = new RdbString();
	expireAt = -1;
	idleSeconds = -1;
	frequency = -1;
}

export class RdbReader {
	readonly #visitor: RdbVisitor;
	readonly #options: RdbReaderOptions;
	readonly #input = new RdbInput();
	readonly #record = new MutableRecord();
	readonly #text = new RdbString();
	readonly #crc = new Crc64();
	/** An entry that the end of a piece cut, as far as it came. */
	readonly #gathered = new GrowingBytes(GATHERED_BYTES);
	#stage: Stage = 'magic';
	#version = 0;
	/** Bytes of the file that were pushed before the present piece. */
	#pushed = 0;
	/** Where the gathered entry begins in the file. */
	#gatheredAt = 0;

	constructor(visitor: RdbVisitor, options: RdbReaderOptions = {checksum: true}) {
		this.#visitor = visitor;
		this.#options = options;
	}

	/** Whether the end, checksum included, was read. Nothing more is taken then. */
	get isComplete(): boolean {
		return this.#stage === 'complete';
	}

	/** How many bytes of the file were pushed. */
	get offset(): number {
		return this.#pushed;
	}

	/**
	 * Reads on in `bytes[from, to)`.
	 * @returns where the file ended in these bytes, if it did, else `to`
	 * @throws RdbError after which the reader is of no more use
	 */
	push(bytes: Uint8Array, from = 0, to = bytes.length): number {
		const piece = regionOf(bytes);
		let at = from;
		while (at < to && !this.isComplete) {
			at =
				this.#gathered.length > 0
					? this.#readGathered(piece.bytes, at, to)
					: this.#readPiece(piece, at, to, this.#pushed - from);
		}
		this.#pushed += at - from;
		return at;
	}

	/** To be called where the bytes end. @throws RdbError when the file does not */
	finish(): void {
		if (!this.isComplete) throw new RdbError('Unexpected end of the RDB file', this.#pushed);
	}

	/** Reads the entries of the piece from `from` on, and begins to gather the one that its end cuts. */
	#readPiece(piece: Region, from: number, to: number, fileOffset: number): number {
		const input = this.#input;
		input.region = piece;
		input.at = from;
		input.end = to;
		input.fileOffset = fileOffset;
		let entry = from;
		let isWhole = true;
		// The bytes up to and with END are the ones that the checksum is of; END, one byte long, is never cut.
		while (entry < to && this.#isSummed && isWhole) {
			isWhole = this.#readEntry();
			if (isWhole) entry = input.at;
		}
		if (this.#options.checksum) this.#crc.update(piece.bytes, from, isWhole ? entry : to);
		if (isWhole && entry < to && this.#stage === 'checksum') {
			isWhole = this.#readEntry();
			if (isWhole) entry = input.at;
		}
		if (isWhole) return entry;
		this.#gatheredAt = fileOffset + entry;
		this.#gathered.append(piece.bytes, entry, to);
		return to;
	}

	/** Completes the gathered entry, or takes all there is of it. */
	#readGathered(piece: Uint8Array, from: number, to: number): number {
		const input = this.#input;
		const gathered = this.#gathered;
		const end = Math.min(from + input.needed, to);
		if (this.#isSummed && this.#options.checksum) this.#crc.update(piece, from, end);
		gathered.append(piece, from, end);
		input.needed -= end - from;
		if (input.needed > 0) return end;
		input.region = gathered.region;
		input.at = 0;
		input.end = gathered.length;
		input.fileOffset = this.#gatheredAt;
		if (this.#readEntry()) gathered.clear();
		return end;
	}

	get #isSummed(): boolean {
		return this.#stage === 'magic' || this.#stage === 'entries';
	}

	/** Reads what stands at the cursor; false when it is cut. */
	#readEntry(): boolean {
		switch (this.#stage) {
			case 'entries':
				return this.#readOpcode();
			case 'magic':
				return this.#readMagic();
			case 'checksum':
				return this.#readChecksum();
			case 'complete':
				return true;
		}
	}

	#readMagic(): boolean {
		const input = this.#input;
		if (!input.has(MAGIC_BYTES)) return false;
		const text = latin1(input.region.bytes, input.at, input.at + MAGIC_BYTES);
		if (!text.startsWith(MAGIC)) input.fail('Wrong signature of an RDB file');
		const digits = text.slice(MAGIC.length);
		this.#version = /^\d+$/.test(digits) ? Number(digits) : 0;
		if (this.#version < 1 || this.#version > MAX_RDB_VERSION) {
			input.fail(`Can't handle RDB format version ${this.#version}`);
		}
		input.at += MAGIC_BYTES;
		this.#stage = 'entries';
		return true;
	}

	#readChecksum(): boolean {
		const input = this.#input;
		if (!input.has(CHECKSUM_BYTES)) return false;
		const {bytes} = input.region;
		const {at} = input;
		let isAbsent = true;
		for (let i = 0; i < CHECKSUM_BYTES; i++) isAbsent &&= bytes[at + i] === 0;
		if (this.#options.checksum && !isAbsent && !this.#crc.equals(bytes, at)) {
			input.fail('Wrong checksum of the RDB file');
		}
		input.at += CHECKSUM_BYTES;
		this.#complete();
		return true;
	}

	#complete(): void {
		this.#stage = 'complete';
		this.#visitor.onEnd?.();
	}

	#readOpcode(): boolean {
		const input = this.#input;
		const begin = input.at;
		const opcode = input.byte();
		switch (opcode) {
			case CUT:
				return false;
			case STRING_VALUE:
				return this.#readString();
			case EXPIRY_MS:
				return this.#readExpiryMs();
			case EXPIRY_SECONDS:
				return this.#readExpirySeconds();
			case IDLE:
				return this.#readIdle();
			case FREQUENCY:
				return this.#readFrequency();
			case SELECT_DB:
				return this.#readSelectDb(begin);
			case RESIZE_DB:
				return this.#readResizeDb();
			case AUX:
				return this.#readAux();
			case FUNCTION:
				return this.#readFunction();
			case FUNCTION_BEFORE_RELEASE:
				return input.fail('Functions of a release candidate of redis 7.0 are not supported', begin);
			case MODULE_AUX:
				return this.#refuseModuleAux(begin);
			case END:
				if (this.#version < CHECKSUM_VERSION) this.#complete();
				else this.#stage = 'checksum';
				return true;
			default:
				return this.#refuseValue(opcode, begin);
		}
	}

	#readString(): boolean {
		const record = this.#record;
		if (!this.#input.string(record.key) || !this.#input.string(record.value)) return false;
		this.#visitor.onString(record);
		record.expireAt = -1;
		record.idleSeconds = -1;
		record.frequency = -1;
		return true;
	}

	#readExpiryMs(): boolean {
		const input = this.#input;
		if (!input.has(8)) return false;
		const {view} = input.region;
		const low = view.getUint32(input.at, true);
		const high = view.getInt32(input.at + 4, true);
		input.at += 8;
		const atMs = high * 2 ** 32 + low;
		this.#record.expireAt = atMs === -1 ? -1 : Math.max(0, atMs);
		return true;
	}

	#readExpirySeconds(): boolean {
		const input = this.#input;
		if (!input.has(4)) return false;
		const seconds = input.region.view.getInt32(input.at, true);
		input.at += 4;
		this.#record.expireAt = Math.max(0, seconds) * 1000;
		return true;
	}

	#readIdle(): boolean {
		const seconds = this.#input.number();
		if (seconds === CUT) return false;
		this.#record.idleSeconds = seconds;
		return true;
	}

	#readFrequency(): boolean {
		const frequency = this.#input.byte();
		if (frequency === CUT) return false;
		this.#record.frequency = frequency;
		return true;
	}

	#readSelectDb(begin: number): boolean {
		const index = this.#input.number();
		if (index === CUT) return false;
		if (index > MAX_DB_INDEX) this.#input.fail(`There is no database ${index}`, begin);
		this.#visitor.onDb(index);
		return true;
	}

	#readResizeDb(): boolean {
		const keys = this.#input.number();
		if (keys === CUT) return false;
		const volatileKeys = this.#input.number();
		if (volatileKeys === CUT) return false;
		this.#visitor.onResize?.(keys, volatileKeys);
		return true;
	}

	#readAux(): boolean {
		const input = this.#input;
		const text = this.#text;
		if (!input.string(text)) return false;
		const name = latin1(text.bytes());
		if (!input.string(text)) return false;
		this.#visitor.onAux?.(name, latin1(text.bytes()));
		return true;
	}

	#readFunction(): boolean {
		if (!this.#input.string(this.#text)) return false;
		this.#visitor.onFunction?.(this.#text.bytes());
		return true;
	}

	#refuseModuleAux(begin: number): boolean {
		const input = this.#input;
		// Only its name is wanted; what a length says in another form is no module.
		if (!input.has(MODULE_ID_BYTES)) return false;
		const name = moduleName(input.region.view.getBigUint64(input.at + 1));
		return input.fail(`AUX data of module ${name}, which is not here`, begin);
	}

	/** Values that are no strings: there is nothing here that could hold them. */
	#refuseValue(type: number, begin: number): boolean {
		const input = this.#input;
		const name = VALUE_TYPES.get(type);
		if (name === undefined) return input.fail(`Unknown type of entry ${type}`, begin);
		const {key} = this.#record;
		if (!input.string(key)) return false;
		const shown = JSON.stringify(latin1(key.bytes().subarray(0, SHOWN_KEY_BYTES)));
		return input.fail(`Values of type ${name} are not supported: key ${shown}`, begin);
	}
}

const MODULE_CHARACTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

/** A module's id is its name in nine characters of six bits, and ten bits of its version. */
function moduleName(id: bigint): string {
	let name = '';
	for (let shift = 58n; shift >= 10n; shift -= 6n) name += MODULE_CHARACTERS[Number((id >> shift) & 63n)]!;
	return name;
}
