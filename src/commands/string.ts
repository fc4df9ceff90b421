/** Commands on strings: whole values, parts of them, several keys at once. Numbers are in string-counters.ts. */

import {parseInt64, parseSafeInteger} from '../lib/integers.ts';
import {copyRegion} from '../lib/region.ts';
import {STRING} from '../data/keyspace.ts';
import type {Request} from '../resp/request.ts';
import {block, bytes, flag, int64, integer, key, many, named, oneOf, options, unixTime64} from './args.ts';
import {type Command, command} from './command.ts';
import type {Context} from './context.ts';
import {CommandError, invalidExpire, NOT_AN_INTEGER, OFFSET_OUT_OF_RANGE, wrongArity} from './errors.ts';
import type {KeyFlag} from './key-specs.ts';
import {lcs} from './lcs.ts';
import {counterCommands} from './string-counters.ts';
import {
	checkStringLength,
	createString,
	expiryOf,
	findString,
	lookupString,
	placeOf,
	replyEmpty,
	replyString,
	storeArgument,
	unparsed,
} from './string-values.ts';

// GET, STRLEN, GETRANGE, SUBSTR

export const get = command({
	name: 'get',
	since: '1.0.0',
	group: 'string',
	flags: ['readonly', 'fast'],
	summary: 'Get the value of a key',
	complexity: 'O(1)',
	args: [key(['RO', 'access'])],
	inPlace(context, request) {
		replyString(context, lookupString(context, request, 1));
		return true;
	},
});

export const strlen = command({
	name: 'strlen',
	since: '2.2.0',
	group: 'string',
	flags: ['readonly', 'fast'],
	summary: 'Get the length of the value stored in a key',
	complexity: 'O(1)',
	args: [key(['RO'])],
	inPlace(context, request) {
		const ref = lookupString(context, request, 1);
		context.reply.integer(ref === 0 ? 0 : context.db.valueLength(ref));
		return true;
	},
});

const rangeFacts = {
	group: 'string',
	flags: ['readonly'],
	summary: 'Get a substring of the string stored at a key',
	complexity:
		'O(N) where N is the length of the returned string. The complexity is ultimately determined by the returned length, but because creating a substring from an existing string is very cheap, it can be considered O(1) for small strings.',
	args: [key(['RO', 'access']), int64('start'), int64('end')],
} as const;

export const getRange = command({...rangeFacts, name: 'getrange', since: '2.4.0', run: replyRange});

export const subStr = command({
	...rangeFacts,
	name: 'substr',
	since: '1.0.0',
	docFlags: ['deprecated'],
	deprecatedSince: '2.0.0',
	replacedBy: '`GETRANGE`',
	run: replyRange,
});

function replyRange(context: Context, _key: Uint8Array, start: number | bigint, end: number | bigint): void {
	const {db, reply} = context;
	const ref = lookupString(context, context.request, 1);
	if (ref === 0 || (start < 0 && end < 0 && start > end)) {
		replyEmpty(context);
		return;
	}
	const length = db.valueLength(ref);
	const from = placeOf(start, length);
	const to = Math.min(placeOf(end, length), length - 1);
	if (from > to) replyEmpty(context);
	else reply.bulkRegion(db.valueRegion(ref), db.valueAt(ref) + from, to - from + 1);
}

// SET, SETNX, SETEX, PSETEX, GETSET

const INVALID_SET_EXPIRY = invalidExpire('set');

export const set = command({
	name: 'set',
	since: '1.0.0',
	group: 'string',
	flags: ['write', 'denyoom'],
	summary: 'Set the string value of a key',
	complexity: 'O(1)',
	history: [
		['2.6.12', 'Added the `EX`, `PX`, `NX` and `XX` options.'],
		['6.0.0', 'Added the `KEEPTTL` option.'],
		['6.2.0', 'Added the `GET`, `EXAT` and `PXAT` option.'],
		['7.0.0', 'Allowed the `NX` and `GET` options to be used together.'],
	],
	args: [
		key(['RW', 'access', 'update', 'variable_flags'], {
			notes: 'RW and ACCESS due to the optional `GET` argument',
		}),
		bytes('value'),
		options({
			condition: oneOf('condition', {nx: flag('NX'), xx: flag('XX')}, {since: '2.6.12'}),
			get: flag('GET', {since: '6.2.0'}),
			expiration: oneOf('expiration', {
				ex: named('EX', int64('seconds', {since: '2.6.12', late: true})),
				px: named('PX', int64('milliseconds', {since: '2.6.12', late: true})),
				exAt: named('EXAT', unixTime64('unix-time-seconds', {since: '6.2.0', late: true})),
				pxAt: named('PXAT', unixTime64('unix-time-milliseconds', {since: '6.2.0', late: true})),
				keepTtl: flag('KEEPTTL', {since: '6.0.0'}),
			}),
		}),
	],
	keyFlagsOf: (request): readonly KeyFlag[] => {
		for (let i = 3; i < request.count; i++) if (request.isWord(i, 'GET')) return ['RW', 'access', 'update'];
		return ['OW', 'update'];
	},
	inPlace(context, request) {
		let expireAt = -1;
		if (request.count === 5) {
			expireAt = plainExpiry(
				request,
				4,
				request.isWord(3, 'EX') ? 1000 : request.isWord(3, 'PX') ? 1 : 0,
				context,
			);
			if (expireAt < 0) return false;
		} else if (request.count !== 3) return false;
		storeArgument(context, request, 1, 2, false, expireAt);
		if (expireAt >= 0) propagateSet(context, 1, 2, expireAt);
		context.reply.ok();
		return true;
	},
	run(context, _key, _value, {condition, get, expiration}) {
		const {db, reply, request} = context;
		let expireAt = -1;
		if (expiration?.kind === 'ex') expireAt = expiryOf(expiration.value, 1000, db.now, INVALID_SET_EXPIRY);
		else if (expiration?.kind === 'px') expireAt = expiryOf(expiration.value, 1, db.now, INVALID_SET_EXPIRY);
		else if (expiration?.kind === 'exAt') expireAt = expiryOf(expiration.value, 1000, 0, INVALID_SET_EXPIRY);
		else if (expiration?.kind === 'pxAt') expireAt = expiryOf(expiration.value, 1, 0, INVALID_SET_EXPIRY);
		let isThere = false;
		if (get) {
			const ref = lookupString(context, request, 1);
			replyString(context, ref);
			isThere = ref !== 0;
		} else if (condition !== undefined) {
			isThere = hasKey(context, request, 1);
		}
		if (condition !== undefined && isThere === (condition.kind === 'nx')) {
			if (!get) reply.null();
			return;
		}
		storeArgument(context, request, 1, 2, expiration?.kind === 'keepTtl', expireAt);
		// The rest means the same to those who follow.
		if (expireAt >= 0 || (get && expiration === undefined)) propagateSet(context, 1, 2, expireAt);
		if (!get) reply.ok();
	},
});

export const setNx = command({
	name: 'setnx',
	since: '1.0.0',
	group: 'string',
	flags: ['write', 'denyoom', 'fast'],
	summary: 'Set the value of a key, only if the key does not exist',
	complexity: 'O(1)',
	args: [key(['OW', 'insert']), bytes('value')],
	inPlace(context, request) {
		const isThere = hasKey(context, request, 1);
		if (!isThere) storeArgument(context, request, 1, 2, false, -1);
		context.reply.integer(isThere ? 0 : 1);
		return true;
	},
});

export const setEx = expiringSet('setex', '2.0.0', 'Set the value and expiration of a key', 'seconds', 1000);

export const pSetEx = expiringSet(
	'psetex',
	'2.6.0',
	'Set the value and expiration in milliseconds of a key',
	'milliseconds',
	1,
);

function expiringSet(name: string, since: string, summary: string, unit: string, unitMs: 1 | 1000): Command {
	const invalid = invalidExpire(name);
	return command({
		name,
		since,
		group: 'string',
		flags: ['write', 'denyoom'],
		summary,
		complexity: 'O(1)',
		args: [key(['OW', 'update']), int64(unit), bytes('value')],
		inPlace(context, request) {
			const expireAt = plainExpiry(request, 2, unitMs, context);
			if (expireAt < 0) return false;
			storeArgument(context, request, 1, 3, false, expireAt);
			propagateSet(context, 1, 3, expireAt);
			context.reply.ok();
			return true;
		},
		run(context, _key, time) {
			const {db, reply, request} = context;
			const expireAt = expiryOf(time, unitMs, db.now, invalid);
			storeArgument(context, request, 1, 3, false, expireAt);
			propagateSet(context, 1, 3, expireAt);
			reply.ok();
		},
	});
}

/** What setting a key comes to, whatever was asked of it: conditions held, times are absolute. @param expireAt unix ms, or -1 */
function propagateSet(
	{request, services: {propagation}}: Context,
	keyIndex: number,
	valueIndex: number,
	expireAt: number,
): void {
	if (!propagation.isOn) return;
	const key = request.bytes(keyIndex);
	const value = request.bytes(valueIndex);
	if (expireAt < 0) propagation.instead('SET', key, value);
	else propagation.instead('SET', key, value, 'PXAT', BigInt(expireAt));
}

/** Unix ms of the expiry that a time in an argument means; -1 when that is none of the usual ones, or `unitMs` is 0. */
function plainExpiry(request: Request, index: number, unitMs: number, {db}: Context): number {
	const time = parseSafeInteger(request.region.bytes, request.offsets[index], request.lengths[index]);
	return time > 0 && time < 2 ** 40 && unitMs > 0 ? time * unitMs + db.now : -1;
}

export const getSet = command({
	name: 'getset',
	since: '1.0.0',
	group: 'string',
	flags: ['write', 'denyoom', 'fast'],
	summary: 'Set the string value of a key and return its old value',
	complexity: 'O(1)',
	docFlags: ['deprecated'],
	deprecatedSince: '6.2.0',
	replacedBy: '`SET` with the `!GET` argument',
	args: [key(['RW', 'access', 'update']), bytes('value')],
	inPlace(context, request) {
		replyString(context, lookupString(context, request, 1));
		storeArgument(context, request, 1, 2, false, -1);
		propagateSet(context, 1, 2, -1);
		return true;
	},
});

// GETDEL, GETEX

export const getDel = command({
	name: 'getdel',
	since: '6.2.0',
	group: 'string',
	flags: ['write', 'fast'],
	summary: 'Get the value of a key and delete the key',
	complexity: 'O(1)',
	args: [key(['RW', 'access', 'delete'])],
	inPlace(context, request) {
		const ref = lookupString(context, request, 1);
		replyString(context, ref);
		if (ref !== 0) {
			context.db.removeRef(ref);
			context.db.modifiedKey(request.bytes(1));
			context.services.propagation.instead('DEL', request.bytes(1));
		}
		return true;
	},
});

const INVALID_GETEX_EXPIRY = invalidExpire('getex');

export const getEx = command({
	name: 'getex',
	since: '6.2.0',
	group: 'string',
	flags: ['write', 'fast'],
	summary: 'Get the value of a key and optionally set its expiration',
	complexity: 'O(1)',
	args: [
		key(['RW', 'access', 'update'], {notes: 'RW and UPDATE because it changes the TTL'}),
		options({
			expiration: oneOf('expiration', {
				ex: named('EX', unparsed(int64('seconds'))),
				px: named('PX', unparsed(int64('milliseconds'))),
				exAt: named('EXAT', unparsed(unixTime64('unix-time-seconds'))),
				pxAt: named('PXAT', unparsed(unixTime64('unix-time-milliseconds'))),
				persist: flag('PERSIST'),
			}),
		}),
	],
	run(context, key, {expiration}) {
		const {db, request, services} = context;
		const {propagation} = services;
		const ref = lookupString(context, request, 1);
		if (ref === 0 || expiration === undefined) {
			replyString(context, ref);
			return;
		}
		if (expiration.kind === 'persist') {
			replyString(context, ref);
			// The ref may be another one then; the key is not.
			if (db.persist(ref)) {
				db.modifiedKey(key);
				propagation.instead('PERSIST', key);
			}
			return;
		}
		const isAbsolute = expiration.kind === 'exAt' || expiration.kind === 'pxAt';
		const unitMs = expiration.kind === 'ex' || expiration.kind === 'exAt' ? 1000 : 1;
		const time = parseInt64(expiration.value);
		if (time === null) throw NOT_AN_INTEGER;
		const expireAt = expiryOf(time, unitMs, isAbsolute ? 0 : db.now, INVALID_GETEX_EXPIRY);
		replyString(context, ref);
		if (expireAt <= db.now) {
			db.removeRef(ref);
			db.modifiedKey(key);
			propagation.instead('DEL', key);
		} else {
			db.modified(db.setExpireAt(ref, expireAt));
			propagation.instead('PEXPIREAT', key, BigInt(expireAt));
		}
	},
});

// APPEND, SETRANGE

export const append = command({
	name: 'append',
	since: '2.0.0',
	group: 'string',
	flags: ['write', 'denyoom', 'fast'],
	summary: 'Append a value to a key',
	complexity:
		'O(1). The amortized time complexity is O(1) assuming the appended value is small and the already present value is of any size, since the dynamic string library used by Redis will double the free space available on every reallocation.',
	args: [key(['RW', 'insert']), bytes('value')],
	inPlace(context, request) {
		const {db, reply} = context;
		const ref = findString(context, request, 1);
		const added = request.lengths[2]!;
		if (ref === 0) {
			storeArgument(context, request, 1, 2, false, -1);
			reply.integer(added);
			return true;
		}
		const length = db.valueLength(ref);
		checkStringLength(context, length + added);
		writeArgument(context, request, ref, length, 2);
		reply.integer(length + added);
		return true;
	},
});

export const setRange = command({
	name: 'setrange',
	since: '2.2.0',
	group: 'string',
	flags: ['write', 'denyoom'],
	summary: 'Overwrite part of a string at key starting at the specified offset',
	complexity:
		'O(1), not counting the time taken to copy the new string in place. Usually, this string is very small so the amortized complexity is O(1). Otherwise, complexity is O(M) with M being the length of the value argument.',
	args: [key(['RW', 'update']), integer('offset'), bytes('value')],
	run(context, _key, offset, value) {
		const {db, reply, request} = context;
		if (offset < 0) throw OFFSET_OUT_OF_RANGE;
		let ref = findString(context, request, 1);
		if (value.length === 0) {
			reply.integer(ref === 0 ? 0 : db.valueLength(ref));
			return;
		}
		checkStringLength(context, offset + value.length);
		if (ref === 0) ref = createString(context, request, 1);
		reply.integer(writeArgument(context, request, ref, offset, 3));
	},
});

/** Writes an argument into the string from `offset` on and returns the string's length then. */
function writeArgument({db}: Context, request: Request, ref: number, offset: number, index: number): number {
	const added = request.lengths[index]!;
	const length = Math.max(db.valueLength(ref), offset + added);
	const written = db.resizeString(ref, length);
	copyRegion(
		request.region,
		request.offsets[index]!,
		db.valueRegion(written),
		db.valueAt(written) + offset,
		added,
	);
	db.setRaw(written);
	db.modified(written);
	return length;
}

// MGET, MSET, MSETNX

export const mGet = command({
	name: 'mget',
	since: '1.0.0',
	group: 'string',
	flags: ['readonly', 'fast'],
	summary: 'Get the values of all the given keys',
	complexity: 'O(N) where N is the number of keys to retrieve.',
	tips: ['request_policy:multi_shard'],
	args: [many(key(['RO', 'access']))],
	inPlace(context, request) {
		const {db, reply} = context;
		const {region, offsets, lengths, count} = request;
		reply.array(count - 1);
		for (let i = 1; i < count; i++) {
			const ref = db.lookup(request.keySlot(i), region, offsets[i]!, lengths[i]!);
			replyString(context, ref !== 0 && db.type(ref) === STRING ? ref : 0);
		}
		return true;
	},
});

const ODD_MSET = new CommandError(wrongArity('mset'));

export const mSet = command({
	name: 'mset',
	since: '1.0.1',
	group: 'string',
	flags: ['write', 'denyoom'],
	summary: 'Set multiple keys to multiple values',
	complexity: 'O(N) where N is the number of keys to set.',
	tips: ['request_policy:multi_shard', 'response_policy:all_succeeded'],
	args: [many(block('key_value', {key: key(['OW', 'update']), value: bytes('value')}))],
	inPlace(context, request) {
		if (request.count % 2 === 0) throw ODD_MSET;
		for (let i = 1; i < request.count; i += 2) storeArgument(context, request, i, i + 1, false, -1);
		context.reply.ok();
		return true;
	},
});

const ODD_MSETNX = new CommandError(wrongArity('msetnx'));

export const mSetNx = command({
	name: 'msetnx',
	since: '1.0.1',
	group: 'string',
	flags: ['write', 'denyoom'],
	summary: 'Set multiple keys to multiple values, only if none of the keys exist',
	complexity: 'O(N) where N is the number of keys to set.',
	tips: ['request_policy:multi_shard', 'response_policy:agg_min'],
	args: [many(block('key_value', {key: key(['OW', 'insert']), value: bytes('value')}))],
	inPlace(context, request) {
		if (request.count % 2 === 0) throw ODD_MSETNX;
		for (let i = 1; i < request.count; i += 2) {
			if (!hasKey(context, request, i)) continue;
			context.reply.integer(0);
			return true;
		}
		for (let i = 1; i < request.count; i += 2) storeArgument(context, request, i, i + 1, false, -1);
		context.reply.integer(1);
		return true;
	},
});

/** Whether there is a key, of any type, as a command asks that is about to set it. */
function hasKey({db}: Context, request: Request, index: number): boolean {
	return (
		db.find(request.keySlot(index), request.region, request.offsets[index]!, request.lengths[index]!) !== 0
	);
}

export const stringCommands: readonly Command[] = [
	get,
	strlen,
	getRange,
	subStr,
	set,
	setNx,
	setEx,
	pSetEx,
	getSet,
	getDel,
	getEx,
	append,
	setRange,
	mGet,
	mSet,
	mSetNx,
	...counterCommands,
	lcs,
];
