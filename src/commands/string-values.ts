/** What the commands on strings share: finding a string, replying it, storing what the client sent, lengths and times. */

import {STRING} from '../data/keyspace.ts';
import {EMPTY_BYTES} from '../lib/bytes.ts';
import {INT64_MAX} from '../lib/integers.ts';
import {HAND_OVER_BYTES, type Request} from '../resp/request.ts';
import type {Arg, Cursor} from './args.ts';
import type {Context} from './context.ts';
import {type CommandError, STRING_TOO_LONG, SYNTAX_ERROR, WRONG_TYPE} from './errors.ts';

/**
 * The ref of the string at the key in argument `index`, to be read; 0 when there is no such key.
 * @throws WRONG_TYPE
 */
export function lookupString({db}: Context, request: Request, index: number): number {
	const ref = db.lookup(
		request.keySlot(index),
		request.region,
		request.offsets[index]!,
		request.lengths[index]!,
	);
	if (ref !== 0 && db.type(ref) !== STRING) throw WRONG_TYPE;
	return ref;
}

/** The same for a string to be changed: it counts neither as hit nor as miss. */
export function findString({db}: Context, request: Request, index: number): number {
	const ref = db.find(
		request.keySlot(index),
		request.region,
		request.offsets[index]!,
		request.lengths[index]!,
	);
	if (ref === 0) return 0;
	if (db.type(ref) !== STRING) throw WRONG_TYPE;
	if (!db.noTouch) db.touch(ref);
	return ref;
}

/** Replies the string, or null for ref 0. */
export function replyString({db, reply}: Context, ref: number): void {
	if (ref === 0) reply.null();
	else reply.bulkRegion(db.valueRegion(ref), db.valueAt(ref), db.valueLength(ref));
}

export function replyEmpty({reply}: Context): void {
	reply.bulk(EMPTY_BYTES);
}

/**
 * Sets the key in argument `keyIndex` to the string in argument `valueIndex`, whatever it was; counts as a change.
 * @param expireAt unix ms, or -1 for none
 */
export function storeArgument(
	{db}: Context,
	request: Request,
	keyIndex: number,
	valueIndex: number,
	keepTtl: boolean,
	expireAt: number,
): void {
	const {region, offsets, lengths} = request;
	const length = lengths[valueIndex]!;
	const ref =
		request.ownsRegion && length >= HAND_OVER_BYTES
			? db.setStringOwned(request.bytes(keyIndex), request.copy(valueIndex), keepTtl, expireAt)
			: db.setString(
					request.keySlot(keyIndex),
					region,
					offsets[keyIndex]!,
					lengths[keyIndex]!,
					region,
					offsets[valueIndex]!,
					length,
					keepTtl,
					expireAt,
				);
	db.modified(ref);
}

/** Makes an empty string at the key in argument `index`, where there is none, to be written into. */
export function createString({db}: Context, request: Request, index: number): number {
	const {region, offsets, lengths} = request;
	return db.setString(request.keySlot(index), region, offsets[index]!, lengths[index]!, region, 0, 0, false);
}

/** @throws STRING_TOO_LONG when a string of so many bytes is beyond `proto-max-bulk-len` */
export function checkStringLength({services}: Context, length: number): void {
	if (length > services.config.settings.protoMaxBulkBytes) throw STRING_TOO_LONG;
}

/** The place that an index counted from the start, or when negative from the end, means: 0 or more. */
export function placeOf(index: number | bigint, length: number): number {
	const place = Number(index);
	return place < 0 ? Math.max(place + length, 0) : place;
}

/** Up to here a time in seconds or milliseconds is an exact number of milliseconds, counted from now too. */
const PLAIN_TIME = 2 ** 42;

/**
 * Unix ms of an expiry that is `time` units after `baseMs`.
 * @throws `invalid` when it is not positive or no 64-bit number of milliseconds
 */
export function expiryOf(
	time: number | bigint,
	unitMs: 1 | 1000,
	baseMs: number,
	invalid: CommandError,
): number {
	if (time <= 0) throw invalid;
	if (time <= PLAIN_TIME) return Number(time) * unitMs + baseMs;
	const atMs = BigInt(time) * BigInt(unitMs) + BigInt(baseMs);
	if (atMs > INT64_MAX) throw invalid;
	return Number(atMs);
}

/** The argument as it stands, for commands that look at the key before they parse it. */
export function unparsed<T>(arg: Arg<T>): Arg<Uint8Array> {
	return {...arg, read: (cursor) => cursor.request.bytes(cursor.take())};
}

/** Arguments that the handler reads from the request itself, in an order of its own: here they are only documented. */
export function unread<T>(arg: Arg<T>): Arg<undefined> {
	return {
		...arg,
		read(cursor) {
			cursor.at = cursor.end;
			return undefined;
		},
	};
}

/** The rest of the arguments, parsed when the handler asks for them: for commands that look at their keys first. */
export function later<T>(arg: Arg<T>): Arg<() => T> {
	return {
		...arg,
		read(cursor: Cursor) {
			const {at, end} = cursor;
			cursor.at = end;
			return () => {
				cursor.at = at;
				cursor.end = end;
				const value = arg.read(cursor);
				if (cursor.at !== end) throw SYNTAX_ERROR;
				return value;
			};
		},
	};
}
