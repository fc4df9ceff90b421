/** DUMP, RESTORE, RESTORE-ASKING: a value as bytes, from one server to another. */

import {INT64_MAX, parseInt64} from '../lib/integers.ts';
import {isIntactDump, readDumpedString} from '../persistence/dump-payload.ts';
import {type Arg, bytes, custom, flag, integer, key, named, optional} from './args.ts';
import {type Command, command, type CommandFacts} from './command.ts';
import type {Context} from './context.ts';
import {CommandError, NOT_AN_INTEGER, SYNTAX_ERROR} from './errors.ts';
import {find} from './key-lookup.ts';
import {dumpValue} from './serialized-value.ts';
import {unparsed} from './string-values.ts';

/** What a command does with the value, for the docs' complexity. */
const perObject = (work: string): string =>
	`additional O(N*M) to ${work}, where N is the number of Redis objects composing the value and M their average size. ` +
	'For small string values the time complexity is thus O(1)+O(1*M) where M is small, so simply O(1).';

export const dump = command({
	name: 'dump',
	since: '2.6.0',
	group: 'generic',
	flags: ['readonly'],
	summary: 'Return a serialized version of the value stored at the specified key.',
	complexity: `O(1) to access the key and ${perObject('serialize it')}`,
	tips: ['nondeterministic_output'],
	args: [key(['RO', 'access'])],
	run(context, dumped) {
		const {db, reply} = context;
		const ref = db.lookupKey(dumped);
		if (ref === 0) reply.null();
		else dumpValue(context, ref, (payload) => reply.bulk(payload));
	},
});

const BUSY_KEY = new CommandError('BUSYKEY Target key name already exists.');
const INVALID_TTL = new CommandError('ERR Invalid TTL value, must be >= 0');
const INVALID_IDLE_TIME = new CommandError('ERR Invalid IDLETIME value, must be >= 0');
const INVALID_FREQUENCY = new CommandError('ERR Invalid FREQ value, must be >= 0 and <= 255');
const NOT_INTACT = new CommandError('ERR DUMP payload version or checksum are wrong');
const BAD_DATA = new CommandError('ERR Bad data format');

/** More than this no access clock tells. */
const MAX_IDLE_SECONDS = 2 ** 24 - 1;

interface RestoreOptions {
	replace: boolean;
	/** The time to live is a time of the wall clock. */
	absTtl: boolean;
	/** -1 without. */
	idleSeconds: number;
	frequency: number;
}

const idleTime = named(
	'IDLETIME',
	integer('seconds', {least: 0, rangeError: INVALID_IDLE_TIME, since: '5.0.0'}),
);
const frequency = named(
	'FREQ',
	integer('frequency', {least: 0, most: 255, rangeError: INVALID_FREQUENCY, since: '5.0.0'}),
);

/** In any order and number; but IDLETIME and FREQ exclude each other. */
const restoreOptions: Arg<RestoreOptions> = custom(
	[
		optional(flag('REPLACE', {since: '3.0.0'})),
		optional(flag('ABSTTL', {since: '5.0.0'})),
		optional(idleTime),
		optional(frequency),
	],
	{
		min: 0,
		max: Infinity,
		read(cursor) {
			const read = {replace: false, absTtl: false, idleSeconds: -1, frequency: -1};
			while (cursor.at < cursor.end) {
				if (cursor.takeWord('REPLACE')) read.replace = true;
				else if (cursor.takeWord('ABSTTL')) read.absTtl = true;
				else if (read.frequency < 0 && idleTime.accepts(cursor)) read.idleSeconds = idleTime.read(cursor);
				else if (read.idleSeconds < 0 && frequency.accepts(cursor)) read.frequency = frequency.read(cursor);
				else throw SYNTAX_ERROR;
			}
			return read;
		},
	},
);

function restoreCommand(
	facts: Pick<CommandFacts, 'name' | 'since' | 'group' | 'flags' | 'summary' | 'categories' | 'docFlags'>,
): Command {
	return command({
		...facts,
		complexity:
			`O(1) to create the new key and ${perObject('reconstruct the serialized value')} ` +
			'However for sorted set values the complexity is O(N*M*log(N)) because inserting values into sorted sets is O(log(N)).',
		history: [
			['3.0.0', 'Added the `REPLACE` modifier.'],
			['5.0.0', 'Added the `ABSTTL` modifier.'],
			['5.0.0', 'Added the `IDLETIME` and `FREQ` options.'],
		],
		args: [key(['OW', 'update']), unparsed(integer('ttl')), bytes('serialized-value'), restoreOptions],
		run: restoreKey,
	});
}

/** Complains in Redis's order: options, key, time to live, payload. */
function restoreKey(
	context: Context,
	keyBytes: Uint8Array,
	ttlText: Uint8Array,
	payload: Uint8Array,
	{replace, absTtl, idleSeconds, frequency}: RestoreOptions,
): void {
	const {db, request, reply} = context;
	const existing = find(db, request, 1);
	if (existing !== 0 && !replace) throw BUSY_KEY;
	const ttl = parseInt64(ttlText);
	if (ttl === null) throw NOT_AN_INTEGER;
	if (ttl < 0) throw INVALID_TTL;
	if (!isIntactDump(payload)) throw NOT_INTACT;
	const value = readDumpedString(payload);
	if (value === null) throw BAD_DATA;

	const atMs = BigInt(ttl) + (absTtl ? 0n : BigInt(db.now));
	if (existing !== 0) db.removeRef(existing);
	reply.ok();
	if (ttl !== 0 && isOver(context, atMs)) {
		if (existing === 0) return;
		db.modifiedKey(keyBytes);
		context.services.propagation.instead('DEL', keyBytes);
		return;
	}
	const slot = request.keySlot(1);
	const {region, offsets, lengths} = request;
	const expireAt = ttl === 0 ? -1 : Number(atMs);
	const ref = db.setString(
		slot,
		region,
		offsets[1]!,
		lengths[1]!,
		value.region,
		value.at,
		value.length,
		false,
		expireAt,
	);
	// Each is told by its own policy only.
	if (db.access.policy === 'lru') {
		if (idleSeconds >= 0) db.setIdleSeconds(ref, Math.min(idleSeconds, MAX_IDLE_SECONDS));
	} else if (frequency >= 0) {
		db.setFrequency(ref, frequency);
	}
	db.modified(ref);
	if (ttl !== 0 && !absTtl) propagateAbsolute(context, atMs);
}

/** Whether a key with this expiry would be gone at once. A time beyond 64 bits is in the past, as it is for Redis. */
function isOver({db}: Context, atMs: bigint): boolean {
	return atMs > INT64_MAX || (atMs <= db.now && db.expiredKeys === 'remove');
}

function propagateAbsolute({request, services: {propagation}}: Context, atMs: bigint): void {
	if (!propagation.isOn) return;
	const options = Array.from({length: request.count - 4}, (_, i) => request.bytes(i + 4));
	propagation.instead('RESTORE', request.bytes(1), atMs, request.bytes(3), ...options, 'ABSTTL');
}

export const restore = restoreCommand({
	name: 'restore',
	since: '2.6.0',
	group: 'generic',
	flags: ['write', 'denyoom'],
	categories: ['keyspace', 'dangerous'],
	summary: 'Create a key using the provided serialized value, previously obtained using DUMP.',
});

export const restoreAsking = restoreCommand({
	name: 'restore-asking',
	since: '3.0.0',
	group: 'server',
	flags: ['write', 'denyoom', 'asking'],
	categories: ['keyspace', 'dangerous'],
	docFlags: ['syscmd'],
	summary: 'An internal command for migrating keys in a cluster',
});

export const dumpCommands: readonly Command[] = [dump, restore, restoreAsking];
