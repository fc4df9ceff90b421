/** The server family without its containers: databases as a whole, time, role, MONITOR, SHUTDOWN, INFO, LOLWUT. */
import {latin1} from '../lib/bytes.ts';
import {Prng} from '../lib/prng.ts';
import {bytes, custom, flag, integer, many, named, oneOf, optional, options} from './args.ts';
import {type Command, command} from './command.ts';
import {CommandError, DB_INDEX_OUT_OF_RANGE, SYNTAX_ERROR} from './errors.ts';
import {shoalOfFish} from './lolwut.ts';
import {REDIS_VERSION} from './version.ts';

const BAD_FIRST_INDEX = new CommandError('ERR invalid first DB index');
const BAD_SECOND_INDEX = new CommandError('ERR invalid second DB index');
const SWAPDB_IN_CLUSTER = new CommandError('ERR SWAPDB is not allowed in cluster mode');
const NO_SHUTDOWN = new CommandError('ERR No shutdown in progress.');

const INT32 = {least: -(2 ** 31), most: 2 ** 31 - 1} as const;

const dbSize = command({
	name: 'dbsize',
	since: '1.0.0',
	group: 'server',
	flags: ['readonly', 'fast'],
	summary: 'Return the number of keys in the selected database',
	complexity: 'O(1)',
	tips: ['request_policy:all_shards', 'response_policy:agg_sum'],
	categories: ['keyspace'],
	run({db, reply}) {
		reply.integer(db.size);
	},
});

const flushing = {
	since: '1.0.0',
	group: 'server',
	flags: ['write'],
	history: [
		['4.0.0', 'Added the `ASYNC` flushing mode modifier.'],
		['6.2.0', 'Added the `SYNC` flushing mode modifier.'],
	],
	tips: ['request_policy:all_shards', 'response_policy:all_succeeded'],
	categories: ['dangerous', 'keyspace'],
	args: [
		optional(oneOf('async', {async: flag('ASYNC', {since: '4.0.0'}), sync: flag('SYNC', {since: '6.2.0'})})),
	],
} as const;

const flushDb = command({
	...flushing,
	name: 'flushdb',
	summary: 'Remove all keys from the current database',
	complexity: 'O(N) where N is the number of keys in the selected database',
	run({db, reply, services: {propagation, slotMigrations}}) {
		db.dirty += db.size;
		db.flush();
		slotMigrations?.flushed();
		// Replicas must end up empty even where they differ.
		propagation.force();
		reply.ok();
	},
});

const flushAll = command({
	...flushing,
	name: 'flushall',
	summary: 'Remove all keys from all databases',
	complexity: 'O(N) where N is the total number of keys in all databases',
	run({reply, services: {databases, persistence, propagation, slotMigrations}}) {
		for (const db of databases) {
			db.dirty += db.size;
			db.flush();
		}
		slotMigrations?.flushed();
		persistence.flushedAll();
		propagation.force();
		reply.ok();
	},
});

const swapDb = command({
	name: 'swapdb',
	since: '4.0.0',
	group: 'server',
	flags: ['write', 'fast'],
	summary: 'Swaps two Redis databases',
	complexity: 'O(N) where N is the count of clients watching or blocking on keys from both databases.',
	categories: ['dangerous', 'keyspace'],
	args: [
		integer('index1', {...INT32, error: BAD_FIRST_INDEX, rangeError: BAD_FIRST_INDEX, late: true}),
		integer('index2', {...INT32, error: BAD_SECOND_INDEX, rangeError: BAD_SECOND_INDEX, late: true}),
	],
	run({reply, services: {databases, cluster}}, first, second) {
		if (cluster !== null) throw SWAPDB_IN_CLUSTER;
		const a = databases[first];
		const b = databases[second];
		if (a === undefined || b === undefined) throw DB_INDEX_OUT_OF_RANGE;
		databases[first] = b;
		databases[second] = a;
		b.dirty++;
		reply.ok();
	},
});

const time = command({
	name: 'time',
	since: '2.6.0',
	group: 'server',
	flags: ['loading', 'stale', 'fast'],
	summary: 'Return the current server time',
	complexity: 'O(1)',
	tips: ['nondeterministic_output'],
	run({reply, services: {clock}}) {
		const us = clock.wallUs();
		reply.array(2);
		reply.bulkText(String(Math.floor(us / 1e6)));
		reply.bulkText(String(us % 1e6));
	},
});

const monitor = command({
	name: 'monitor',
	since: '1.0.0',
	group: 'server',
	flags: ['admin', 'noscript', 'loading', 'stale'],
	summary: 'Listen for all requests received by the server in real time',
	run({reply, client, services: {clients}}) {
		// A second MONITOR gets no reply, as in Redis.
		if (client.monitor) return;
		clients.startMonitor(client);
		reply.ok();
	},
});

const info = command({
	name: 'info',
	since: '1.0.0',
	group: 'server',
	flags: ['loading', 'stale'],
	summary: 'Get information and statistics about the server',
	complexity: 'O(1)',
	history: [['7.0.0', 'Added support for taking multiple section arguments.']],
	tips: ['nondeterministic_output', 'request_policy:all_shards', 'response_policy:special'],
	categories: ['dangerous'],
	args: [optional(many(bytes('section')))],
	run({reply, services}, sections) {
		const names = sections?.map((section) => latin1(section).toLowerCase()) ?? ['default'];
		reply.verbatim('txt', services.info.text(names));
	},
});

const shutdown = command({
	name: 'shutdown',
	since: '1.0.0',
	group: 'server',
	flags: ['admin', 'noscript', 'loading', 'stale', 'no_multi', 'allow_busy'],
	summary: 'Synchronously save the dataset to disk and then shut down the server',
	complexity:
		'O(N) when saving, where N is the total number of keys in all databases when saving data, otherwise O(1)',
	history: [['7.0.0', 'Added the `NOW`, `FORCE` and `ABORT` modifiers.']],
	args: [
		options({
			save: oneOf('nosave_save', {nosave: flag('NOSAVE'), save: flag('SAVE')}),
			now: flag('NOW', {since: '7.0.0'}),
			force: flag('FORCE', {since: '7.0.0'}),
			abort: flag('ABORT', {since: '7.0.0'}),
		}),
	],
	run({client, reply, services: {lifecycle}}, {save, now = false, force = false, abort}) {
		if (abort === undefined) {
			lifecycle.shutdown({save: save?.kind ?? 'default', now, force}, client);
			return;
		}
		if (save !== undefined || now || force) throw SYNTAX_ERROR;
		if (!lifecycle.abortShutdown()) throw NO_SHUTDOWN;
		reply.ok();
	},
});

const lolwut = command({
	name: 'lolwut',
	since: '5.0.0',
	group: 'server',
	flags: ['readonly', 'fast'],
	summary: 'Display some computer art and the Redis version',
	args: [
		// Whatever follows is for the artist: only a version is looked at.
		custom<number | null>([optional(named('VERSION', integer('version')))], {
			min: 0,
			max: Infinity,
			read(cursor) {
				let version: number | null = null;
				if (cursor.end - cursor.at >= 2 && cursor.takeWord('VERSION'))
					version = integer('version').read(cursor);
				cursor.at = cursor.end;
				return version;
			},
		}),
	],
	run({reply, services: {clock}}, version) {
		const art = version === null ? shoalOfFish(new Prng(clock.wallUs())) : '';
		reply.verbatim('txt', `${art}Redis ver. ${REDIS_VERSION}\n`);
	},
});

export const serverCommands: readonly Command[] = [
	dbSize,
	flushDb,
	flushAll,
	swapDb,
	time,
	monitor,
	info,
	shutdown,
	lolwut,
];
