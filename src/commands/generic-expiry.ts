/** Generic commands about the time to live: EXPIRE and its kin, TTL and its kin, PERSIST. */

import {INT64_MAX, parseSafeInteger} from '../lib/integers.ts';
import type {ReplyWriter} from '../resp/reply-writer.ts';
import type {Request} from '../resp/request.ts';
import {type Arg, custom, flag, int64, key, oneOf, optional, unixTime64} from './args.ts';
import {type Command, command} from './command.ts';
import type {Context} from './context.ts';
import {CommandError, invalidExpire, printable} from './errors.ts';
import {find, peek, removeKey} from './key-lookup.ts';

// EXPIRE, PEXPIRE, EXPIREAT, PEXPIREAT

/** When a new expiry takes the place of the old one. No option: always. */
interface Conditions {
	/** Only when there is none. */
	nx: boolean;
	/** Only when there is one. */
	xx: boolean;
	/** Only when it is later; none is later than all. */
	gt: boolean;
	/** Only when it is earlier. */
	lt: boolean;
}

const NX_AND_OTHERS = new CommandError('ERR NX and XX, GT or LT options at the same time are not compatible');
const GT_AND_LT = new CommandError('ERR GT and LT options at the same time are not compatible');

/** Documented as one of four, but XX goes with GT and with LT. */
const conditions: Arg<Conditions> = custom(
	[
		optional(
			oneOf('condition', {nx: flag('NX'), xx: flag('XX'), gt: flag('GT'), lt: flag('LT')}, {since: '7.0.0'}),
		),
	],
	{
		min: 0,
		max: Infinity,
		read(cursor) {
			const read: Conditions = {nx: false, xx: false, gt: false, lt: false};
			while (cursor.at < cursor.end) {
				if (cursor.takeWord('NX')) read.nx = true;
				else if (cursor.takeWord('XX')) read.xx = true;
				else if (cursor.takeWord('GT')) read.gt = true;
				else if (cursor.takeWord('LT')) read.lt = true;
				else
					throw new CommandError(`ERR Unsupported option ${printable(cursor.request, cursor.at, Infinity)}`);
			}
			if (read.nx && (read.xx || read.gt || read.lt)) throw NX_AND_OTHERS;
			if (read.gt && read.lt) throw GT_AND_LT;
			return read;
		},
	},
);

/** What tells the four commands apart. */
interface ExpireForm {
	readonly name: string;
	readonly since: string;
	readonly summary: string;
	readonly unitMs: 1 | 1000;
	/** Counted from now on, not from 1970. */
	readonly isRelative: boolean;
	readonly time: Arg<number | bigint>;
}

/** Up to here a number of seconds or milliseconds from now stays an exact number of milliseconds. */
const PLAIN_LIMIT = 2 ** 42;

function expireCommand({name, since, summary, unitMs, isRelative, time}: ExpireForm): Command {
	const invalid = invalidExpire(name);
	return command({
		name,
		since,
		group: 'generic',
		flags: ['write', 'fast'],
		summary,
		complexity: 'O(1)',
		history: [['7.0.0', 'Added options: `NX`, `XX`, `GT` and `LT`.']],
		args: [key(['RW', 'update']), time, conditions],
		run(context, _key, value, only) {
			const {db, request} = context;
			if (value > -PLAIN_LIMIT && value < PLAIN_LIMIT) {
				setExpiry(context, request, Number(value) * unitMs + (isRelative ? db.now : 0), only);
				return;
			}
			let atMs = BigInt(value) * BigInt(unitMs);
			if (atMs > INT64_MAX || atMs < -INT64_MAX - 1n) throw invalid;
			if (isRelative) atMs += BigInt(db.now);
			if (atMs > INT64_MAX) throw invalid;
			setExpiry(context, request, Number(atMs), only);
		},
		inPlace(context, request) {
			if (request.count !== 3) return false;
			const count = parseSafeInteger(request.region.bytes, request.offsets[2]!, request.lengths[2]!);
			if (!(count > -PLAIN_LIMIT && count < PLAIN_LIMIT)) return false;
			setExpiry(context, request, count * unitMs + (isRelative ? context.db.now : 0), null);
			return true;
		},
	});
}

/** `atMs` is beyond 2^53 only for times that nobody will see: there it is a multiple of some milliseconds. */
function setExpiry(
	{db, reply, services}: Context,
	request: Request,
	atMs: number,
	only: Conditions | null,
): void {
	const ref = find(db, request, 1);
	if (ref === 0 || (only !== null && !isWanted(only, db.expireAt(ref), atMs))) {
		reply.integer(0);
		return;
	}
	const {propagation} = services;
	if (atMs <= db.now && db.expiredKeys === 'remove') {
		removeKey(db, request, 1);
		if (propagation.isOn) propagation.instead('DEL', request.bytes(1));
	} else {
		db.modified(db.setExpireAt(ref, Math.max(0, atMs)));
		if (propagation.isOn)
			propagation.instead('PEXPIREAT', request.bytes(1), BigInt(Math.max(0, Math.trunc(atMs))));
	}
	reply.integer(1);
}

/** @param before -1 when the key does not expire */
function isWanted(only: Conditions, before: number, atMs: number): boolean {
	if (only.nx && before !== -1) return false;
	if (only.xx && before === -1) return false;
	if (only.gt && (before === -1 || atMs <= before)) return false;
	if (only.lt && before !== -1 && atMs >= before) return false;
	return true;
}

export const expire = expireCommand({
	name: 'expire',
	since: '1.0.0',
	summary: "Set a key's time to live in seconds",
	unitMs: 1000,
	isRelative: true,
	time: int64('seconds', {late: true}),
});

export const expireAt = expireCommand({
	name: 'expireat',
	since: '1.2.0',
	summary: 'Set the expiration for a key as a UNIX timestamp',
	unitMs: 1000,
	isRelative: false,
	time: unixTime64('unix-time-seconds', {late: true}),
});

export const pexpire = expireCommand({
	name: 'pexpire',
	since: '2.6.0',
	summary: "Set a key's time to live in milliseconds",
	unitMs: 1,
	isRelative: true,
	time: int64('milliseconds', {late: true}),
});

export const pexpireAt = expireCommand({
	name: 'pexpireat',
	since: '2.6.0',
	summary: 'Set the expiration for a key as a UNIX timestamp specified in milliseconds',
	unitMs: 1,
	isRelative: false,
	time: unixTime64('unix-time-milliseconds', {late: true}),
});

// TTL, PTTL, EXPIRETIME, PEXPIRETIME

interface TtlForm {
	readonly name: string;
	readonly since: string;
	readonly summary: string;
	readonly unitMs: 1 | 1000;
	readonly isRelative: boolean;
	/** The -2 for a missing key came later than the command. */
	readonly history?: readonly (readonly [version: string, change: string])[];
	readonly tips?: readonly string[];
}

function ttlCommand({name, since, summary, unitMs, isRelative, history, tips}: TtlForm): Command {
	return command({
		name,
		since,
		group: 'generic',
		flags: ['readonly', 'fast'],
		summary,
		complexity: 'O(1)',
		...(history === undefined ? {} : {history}),
		...(tips === undefined ? {} : {tips}),
		args: [key(['RO', 'access'])],
		inPlace({db, reply}, request) {
			const ref = peek(db, request, 1);
			const atMs = ref === 0 ? -2 : db.expireAt(ref);
			if (atMs < 0) reply.integer(atMs);
			else replyTime(reply, isRelative ? Math.max(0, atMs - db.now) : atMs, unitMs);
			return true;
		},
	});
}

function replyTime(reply: ReplyWriter, timeMs: number, unitMs: 1 | 1000): void {
	if (unitMs === 1000) reply.integer(Math.floor((timeMs + 500) / 1000));
	else if (Number.isSafeInteger(timeMs)) reply.integer(timeMs);
	else reply.bigInteger(timeMs < 2 ** 63 ? BigInt(timeMs) : INT64_MAX);
}

const missingKeyHistory = {
	history: [['2.8.0', 'Added the -2 reply.']],
	tips: ['nondeterministic_output'],
} as const;

export const ttl = ttlCommand({
	name: 'ttl',
	since: '1.0.0',
	summary: 'Get the time to live for a key in seconds',
	unitMs: 1000,
	isRelative: true,
	...missingKeyHistory,
});

export const pttl = ttlCommand({
	name: 'pttl',
	since: '2.6.0',
	summary: 'Get the time to live for a key in milliseconds',
	unitMs: 1,
	isRelative: true,
	...missingKeyHistory,
});

export const expireTime = ttlCommand({
	name: 'expiretime',
	since: '7.0.0',
	summary: 'Get the expiration Unix timestamp for a key',
	unitMs: 1000,
	isRelative: false,
});

export const pexpireTime = ttlCommand({
	name: 'pexpiretime',
	since: '7.0.0',
	summary: 'Get the expiration Unix timestamp for a key in milliseconds',
	unitMs: 1,
	isRelative: false,
});

export const persist = command({
	name: 'persist',
	since: '2.2.0',
	group: 'generic',
	flags: ['write', 'fast'],
	summary: 'Remove the expiration from a key',
	complexity: 'O(1)',
	args: [key(['RW', 'update'])],
	inPlace({db, reply}, request) {
		const ref = find(db, request, 1);
		const isChanged = ref !== 0 && db.persist(ref);
		if (isChanged) db.modifiedKey(request.bytes(1));
		reply.integer(isChanged ? 1 : 0);
		return true;
	},
});

export const expiryCommands: readonly Command[] = [
	expire,
	expireAt,
	pexpire,
	pexpireAt,
	ttl,
	pttl,
	expireTime,
	pexpireTime,
	persist,
];
