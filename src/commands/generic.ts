/** Generic commands: what can be done with a key whatever its value. */

import type {Keyspace} from '../data/keyspace.ts';
import {equalBytes} from '../lib/bytes.ts';
import type {Request} from '../resp/request.ts';
import {type Arg, flag, integer, key, many, named, options} from './args.ts';
import {type Command, command} from './command.ts';
import type {Context} from './context.ts';
import {CommandError, DB_INDEX_OUT_OF_RANGE, NO_SUCH_KEY, SAME_OBJECT} from './errors.ts';
import {dumpCommands} from './generic-dump.ts';
import {expiryCommands} from './generic-expiry.ts';
import {objectCommands} from './generic-object.ts';
import {scanCommands} from './generic-scan.ts';
import {peek, removeKey} from './key-lookup.ts';
import {migrateCommands} from './migrate.ts';
import {type ObjectValue, TYPE_NAMES} from './value-types.ts';

const shardedFacts = {
	group: 'generic',
	tips: ['request_policy:multi_shard', 'response_policy:agg_sum'],
} as const;

// DEL, UNLINK

export const del = command({
	...shardedFacts,
	name: 'del',
	since: '1.0.0',
	flags: ['write'],
	summary: 'Delete a key',
	complexity:
		'O(N) where N is the number of keys that will be removed. When a key to remove holds a value other than a string, the individual complexity for this key is O(M) where M is the number of elements in the list, set, sorted set or hash. Removing a single key that holds a string value is O(1).',
	args: [many(key(['RM', 'delete']))],
	inPlace: removeKeys,
});

export const unlink = command({
	...shardedFacts,
	name: 'unlink',
	since: '4.0.0',
	flags: ['write', 'fast'],
	summary: 'Delete a key asynchronously in another thread. Otherwise it is just as DEL, but non blocking.',
	complexity:
		'O(1) for each key removed regardless of its size. Then the command does O(N) work in a different thread in order to reclaim memory, where N is the number of allocations the deleted objects where composed of.',
	args: [many(key(['RM', 'delete']))],
	inPlace: removeKeys,
});

function removeKeys({db, reply}: Context, request: Request): boolean {
	let count = 0;
	for (let i = 1; i < request.count; i++) {
		if (removeKey(db, request, i)) count++;
	}
	reply.integer(count);
	return true;
}

// EXISTS, TOUCH, TYPE

export const exists = command({
	...shardedFacts,
	name: 'exists',
	since: '1.0.0',
	flags: ['readonly', 'fast'],
	summary: 'Determine if a key exists',
	complexity: 'O(N) where N is the number of keys to check.',
	history: [['3.0.3', 'Accepts multiple `key` arguments.']],
	args: [many(key(['RO']))],
	inPlace({db, reply}, request) {
		let count = 0;
		for (let i = 1; i < request.count; i++) {
			if (peek(db, request, i) !== 0) count++;
		}
		reply.integer(count);
		return true;
	},
});

export const touch = command({
	...shardedFacts,
	name: 'touch',
	since: '3.2.1',
	flags: ['readonly', 'fast'],
	summary: 'Alters the last access time of a key(s). Returns the number of existing keys specified.',
	complexity: 'O(N) where N is the number of keys that will be touched.',
	args: [many(key(['RO']))],
	inPlace({db, reply}, request) {
		const {region, offsets, lengths} = request;
		let count = 0;
		for (let i = 1; i < request.count; i++) {
			if (db.lookup(request.keySlot(i), region, offsets[i]!, lengths[i]!) !== 0) count++;
		}
		reply.integer(count);
		return true;
	},
});

export const type = command({
	name: 'type',
	since: '1.0.0',
	group: 'generic',
	flags: ['readonly', 'fast'],
	summary: 'Determine the type stored at key',
	complexity: 'O(1)',
	args: [key(['RO'])],
	inPlace({db, reply}, request) {
		const ref = peek(db, request, 1);
		reply.simple(ref === 0 ? 'none' : TYPE_NAMES[db.type(ref)]!);
		return true;
	},
});

// RENAME, RENAMENX

export const rename = command({
	name: 'rename',
	since: '1.0.0',
	group: 'generic',
	flags: ['write'],
	summary: 'Rename a key',
	complexity: 'O(1)',
	args: [key(['RW', 'access', 'delete']), key(['OW', 'update'], {name: 'newkey'})],
	run({db, reply}, from, to) {
		const ref = db.findKey(from);
		if (ref === 0) throw NO_SUCH_KEY;
		if (!equalBytes(from, to)) renameKey(db, ref, from, to);
		reply.ok();
	},
});

export const renameNx = command({
	name: 'renamenx',
	since: '1.0.0',
	group: 'generic',
	flags: ['write', 'fast'],
	summary: 'Rename a key, only if the new key does not exist',
	complexity: 'O(1)',
	history: [
		['3.2.0', 'The command no longer returns an error when source and destination names are the same.'],
	],
	args: [key(['RW', 'access', 'delete']), key(['OW', 'insert'], {name: 'newkey'})],
	run({db, reply}, from, to) {
		const ref = db.findKey(from);
		if (ref === 0) throw NO_SUCH_KEY;
		if (equalBytes(from, to) || db.findKey(to) !== 0) {
			reply.integer(0);
			return;
		}
		renameKey(db, ref, from, to);
		reply.integer(1);
	},
});

/** One change, of two keys. */
function renameKey(db: Keyspace, ref: number, from: Uint8Array, to: Uint8Array): void {
	const renamed = db.rename(ref, to);
	db.modifiedKey(from, 0);
	db.modified(renamed);
}

// MOVE, COPY

const INT32 = 2 ** 31;
const NOT_AN_INT32 = new CommandError(
	`ERR value is out of range, value must between ${-INT32} and ${INT32 - 1}`,
);

const COPY_IN_CLUSTER = new CommandError('ERR Copying to another database is not allowed in cluster mode');

/** A C int: whether there is such a database is another question. */
const databaseIndex = (name: string): Arg<number> =>
	integer(name, {least: -INT32, most: INT32 - 1, rangeError: NOT_AN_INT32});

function databaseAt({services}: Context, index: number): Keyspace {
	// A cluster node has one database only, but tells those that there could be from those that there could not.
	if (services.cluster !== null && index > 0 && index < services.config.settings.databases)
		throw COPY_IN_CLUSTER;
	const database = services.databases[index];
	if (database === undefined) throw DB_INDEX_OUT_OF_RANGE;
	return database;
}

const MOVE_IN_CLUSTER = new CommandError('ERR MOVE is not allowed in cluster mode');

export const move = command({
	name: 'move',
	since: '1.0.0',
	group: 'generic',
	flags: ['write', 'fast'],
	summary: 'Move a key to another database',
	complexity: 'O(1)',
	args: [key(['RW', 'access', 'update']), databaseIndex('db')],
	/** Refuses before it looks at the arguments. */
	inPlace({services}) {
		if (services.cluster !== null) throw MOVE_IN_CLUSTER;
		return false;
	},
	run(context, moved, index) {
		const {db, reply} = context;
		const target = databaseAt(context, index);
		if (target === db) throw SAME_OBJECT;
		const ref = db.findKey(moved);
		if (ref === 0 || target.findKey(moved) !== 0) {
			reply.integer(0);
			return;
		}
		const arrived = db.moveTo(ref, target);
		db.modifiedKey(moved);
		target.modified(arrived, 0);
		reply.integer(1);
	},
});

export const copy = command({
	name: 'copy',
	since: '6.2.0',
	group: 'generic',
	flags: ['write', 'denyoom'],
	summary: 'Copy a key',
	complexity:
		'O(N) worst case for collections, where N is the number of nested items. O(1) for string values.',
	args: [
		key(['RO', 'access'], {name: 'source'}),
		key(['OW', 'update'], {name: 'destination'}),
		options({
			database: named('DB', databaseIndex('destination-db')),
			replace: flag('REPLACE'),
		}),
	],
	run(context, from, to, {database, replace}) {
		const {db, reply} = context;
		const target = database === undefined ? db : databaseAt(context, database);
		if (target === db && equalBytes(from, to)) throw SAME_OBJECT;
		// The target first: should it have expired, it goes before the source's record is held.
		const isTaken = target.findKey(to) !== 0;
		const ref = db.lookupKey(from);
		if (ref === 0 || (isTaken && replace !== true)) {
			reply.integer(0);
			return;
		}
		target.modified(db.copyTo(ref, target, to, cloneObject));
		reply.integer(1);
	},
});

const cloneObject = (object: unknown): unknown => (object as ObjectValue).clone();

export const genericCommands: readonly Command[] = [
	del,
	unlink,
	exists,
	touch,
	type,
	rename,
	renameNx,
	move,
	copy,
	...dumpCommands,
	...migrateCommands,
	...expiryCommands,
	...scanCommands,
	...objectCommands,
];
