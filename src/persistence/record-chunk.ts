/**
 * How keys travel from the thread of a node to the worker that makes an RDB file of them: copied one after the other into
 * a buffer, which is then transferred. Copying is all that the node does; nothing is allocated for a record.
 *
 *   0        4          8            12           16               24
 *   | kind   | access   | key length | val length | expires at     | key | value | to a multiple of 8
 *     uint32   uint32     uint32       uint32       float64, or -1
 *
 *   kind     bits 0-7 what it is (a string, or a database that the next ones belong to); bits 8-15 the AccessKind
 *
 * Of a database: access is its index; the lengths are how many keys it has and how many of them expire.
 */

import {copyRegion, regionOf, type Region} from '../lib/region.ts';
import {GrowingBytes} from './growing-bytes.ts';
import type {AccessKind} from './rdb-format.ts';

const HEADER_BYTES = 24;
const KIND_MASK = 0xff;
const ACCESS_SHIFT = 8;
const STRING = 0;
const DATABASE = 1;

export class RecordChunk {
	readonly #out: GrowingBytes;

	/** @param initialBytes about what a chunk is sent at; a record longer than that makes the chunk grow */
	constructor(initialBytes: number) {
		this.#out = new GrowingBytes(initialBytes);
	}

	/** Bytes in the chunk: when they are enough, `take` them. */
	get length(): number {
		return this.#out.length;
	}

	/** The records that follow belong to this database. */
	addDatabase(index: number, keys: number, volatileKeys: number): void {
		this.#header(DATABASE, index, keys, volatileKeys, -1);
	}

	/** Copies a key with its string. @param expireAt unix ms, or -1. @param access what `accessKind` says, else 0 */
	addString(
		keyRegion: Region,
		keyAt: number,
		keyLength: number,
		valueRegion: Region,
		valueAt: number,
		valueLength: number,
		expireAt: number,
		accessKind: AccessKind,
		access: number,
	): void {
		const out = this.#out;
		out.reserve(HEADER_BYTES + padded(keyLength + valueLength));
		this.#header(STRING | (accessKind << ACCESS_SHIFT), access, keyLength, valueLength, expireAt);
		copyRegion(keyRegion, keyAt, out.region, out.length, keyLength);
		copyRegion(valueRegion, valueAt, out.region, out.length + keyLength, valueLength);
		out.length += padded(keyLength + valueLength);
	}

	/** The records so far, with a buffer of their own that may be transferred. Empty after it. */
	take(): Uint8Array<ArrayBuffer> {
		return this.#out.take();
	}

	/** Forgets the records and keeps the memory. */
	clear(): void {
		this.#out.clear();
	}

	#header(kind: number, access: number, first: number, second: number, expireAt: number): void {
		const out = this.#out;
		out.reserve(HEADER_BYTES);
		const {view} = out.region;
		const at = out.length;
		view.setUint32(at, kind, true);
		view.setUint32(at + 4, access, true);
		view.setUint32(at + 8, first, true);
		view.setUint32(at + 12, second, true);
		view.setFloat64(at + 16, expireAt, true);
		out.length += HEADER_BYTES;
	}
}

/** What takes the records of a chunk: an RdbWriter, as a rule. */
export interface RecordWriter {
	selectDb(index: number): void;
	resizeDb(keys: number, volatileKeys: number): void;
	string(
		keyRegion: Region,
		keyAt: number,
		keyLength: number,
		valueRegion: Region,
		valueAt: number,
		valueLength: number,
		expireAt: number,
		accessKind: AccessKind,
		access: number,
	): void;
}

/** Writes the records of a chunk into an RDB file. */
export function writeRecords(chunk: Uint8Array, writer: RecordWriter): void {
	const region = regionOf(chunk);
	const {view} = region;
	for (let at = 0; at < chunk.length;) {
		const kind = view.getUint32(at, true);
		const access = view.getUint32(at + 4, true);
		const first = view.getUint32(at + 8, true);
		const second = view.getUint32(at + 12, true);
		at += HEADER_BYTES;
		if ((kind & KIND_MASK) === DATABASE) {
			writer.selectDb(access);
			writer.resizeDb(first, second);
			continue;
		}
		const accessKind = (kind >>> ACCESS_SHIFT) as AccessKind;
		const expireAt = view.getFloat64(at - 8, true);
		writer.string(region, at, first, region, at + first, second, expireAt, accessKind, access);
		at += padded(first + second);
	}
}

const padded = (bytes: number): number => Math.ceil(bytes / 8) * 8;
