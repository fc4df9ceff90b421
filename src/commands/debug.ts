/** DEBUG: what tests of clusters and clients do to a node. Locked away by enable-debug-command, which the executor checks. */
import {latin1, latin1ToBytes, toBytes} from '../lib/bytes.ts';
import {parseInt64} from '../lib/integers.ts';
import type {Keyspace} from '../data/keyspace.ts';
import {bytes, many} from './args.ts';
import {type Command, command} from './command.ts';
import type {Context} from './context.ts';
import {Digest} from './dataset-digest.ts';
import {CommandError, MUST_BE_POSITIVE, NO_SUCH_KEY} from './errors.ts';
import {encodingOf} from './generic-object.ts';
import {replyHelp} from './help.ts';
import {serializedLength} from './serialized-value.ts';
import {badSubcommand} from './subcommand-arguments.ts';

/** One subcommand: the number of its arguments, and what it does with them. */
interface Act {
	readonly least: number;
	readonly most?: number;
	run(context: Context, args: readonly Uint8Array[]): void;
}

const BAD_RELOAD = new CommandError('ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.');
const NOT_IN_RESP2 = new CommandError('ERR RESP2 is not supported by this command');

const ACTS: Readonly<Record<string, Act>> = {
	HELP: {
		least: 0,
		run({reply}) {
			replyHelp(reply, 'DEBUG', HELP);
		},
	},
	SLEEP: {
		least: 1,
		run({reply, services: {debug}}, [seconds]) {
			debug.sleep(Math.max(0, leadingNumber(latin1(seconds!)) * 1000));
			reply.ok();
		},
	},
	'SET-ACTIVE-EXPIRE': {
		least: 1,
		run({reply, services: {debug}}, [enabled]) {
			debug.setActiveExpire(Math.trunc(leadingNumber(latin1(enabled!))) !== 0);
			reply.ok();
		},
	},
	OBJECT: {
		least: 1,
		run(context, [key]) {
			const {db, reply} = context;
			const ref = db.findKey(key!);
			if (ref === 0) throw NO_SUCH_KEY;
			const facts = [
				`Value at:0x${ref.toString(16)}`,
				'refcount:1',
				`encoding:${encodingOf(db, ref)}`,
				`serializedlength:${serializedLength(context, ref)}`,
				`lru:${lruSeconds(db, ref)}`,
				`lru_seconds_idle:${db.idleSeconds(ref)}`,
			];
			reply.simple(facts.join(' '));
		},
	},
	DIGEST: {
		least: 0,
		run({reply, services: {databases}}) {
			reply.simple(datasetDigest(databases).hex());
		},
	},
	'DIGEST-VALUE': {
		least: 0,
		most: Infinity,
		run({db, reply}, keys) {
			reply.array(keys.length);
			for (const key of keys) {
				const digest = new Digest();
				const ref = db.findKey(key);
				if (ref !== 0) mixValue(digest, db, ref);
				reply.simple(digest.hex());
			}
		},
	},
	POPULATE: {
		least: 1,
		most: 3,
		run: populate,
	},
	PROTOCOL: {
		least: 1,
		run(context, [type]) {
			replySample(context, latin1(type!).toLowerCase());
		},
	},
	ERROR: {
		least: 1,
		run({reply}, [line]) {
			reply.error(latin1(line!));
		},
	},
	RELOAD: {
		least: 0,
		most: Infinity,
		run: reload,
	},
	LOADAOF: {
		least: 0,
		run({reply, services: {persistence}}) {
			persistence.loadAof();
			reply.ok();
		},
	},
	LOG: {
		least: 1,
		run({reply, services}, [line]) {
			services.log('warning', `DEBUG LOG: ${latin1(line!)}`);
			reply.ok();
		},
	},
	ASSERT: {
		least: 0,
		run({services: {debug}}) {
			debug.crash('DEBUG ASSERT');
		},
	},
	PANIC: {
		least: 0,
		run({services: {debug}}) {
			debug.crash('DEBUG PANIC');
		},
	},
	SEGFAULT: {
		least: 0,
		run({services: {debug}}) {
			debug.crash('DEBUG SEGFAULT');
		},
	},
	OOM: {
		least: 0,
		run({services: {debug}}) {
			debug.crash('DEBUG OOM');
		},
	},
};

const debug = command({
	name: 'debug',
	since: '1.0.0',
	group: 'server',
	flags: ['admin', 'noscript', 'loading', 'stale'],
	summary: 'A container for debugging commands',
	complexity: 'Depends on subcommand.',
	docFlags: ['syscmd'],
	documentedArgs: [],
	args: [many(bytes('argument'))],
	run(context, [, ...args]) {
		const {request} = context;
		const act = ACTS[request.word(1)];
		if (act === undefined || args.length < act.least || args.length > (act.most ?? act.least)) {
			throw badSubcommand(request, 'DEBUG');
		}
		act.run(context, args);
	},
});

/** The snapshot file is written and read back: what is in the databases must be the same afterwards. */
function reload({reply, services: {persistence}}: Context, args: readonly Uint8Array[]): void {
	const options = {save: true, flush: true, merge: false};
	for (const arg of args) {
		const word = latin1(arg).toUpperCase();
		if (word === 'NOSAVE') options.save = false;
		else if (word === 'NOFLUSH') options.flush = false;
		else if (word === 'MERGE') options.merge = true;
		else throw BAD_RELOAD;
	}
	persistence.reload(options);
	reply.ok();
}

/** As atof() does: what follows the number does not count, and no number is 0. */
function leadingNumber(text: string): number {
	const value = Number.parseFloat(text);
	return Number.isFinite(value) ? value : 0;
}

function datasetDigest(databases: readonly Keyspace[]): Digest {
	const whole = new Digest();
	for (const [index, db] of databases.entries()) {
		if (db.size === 0) continue;
		whole.mixNumber(index);
		db.forEach((ref) => {
			const entry = new Digest();
			entry.mix(db.keyBytes(ref));
			mixValue(entry, db, ref);
			whole.xorHashOf(entry.bytes);
		});
	}
	return whole;
}

function mixValue(digest: Digest, db: Keyspace, ref: number): void {
	digest.mixValue({type: db.type(ref), bytes: db.value(ref), isVolatile: db.expireAt(ref) !== -1});
}

/** The 24-bit clock in seconds at the last access. */
const lruSeconds = (db: Keyspace, ref: number): number =>
	(Math.floor(db.now / 1000) - db.idleSeconds(ref)) & 0xff_ffff;

/** Keys `key:0`, `key:1` ...; those that exist are left alone. Slots do not count. */
function populate({db, reply}: Context, [countText, prefixText, sizeText]: readonly Uint8Array[]): void {
	const count = positive(countText!);
	const prefix = prefixText === undefined ? 'key' : latin1(prefixText);
	const size = sizeText === undefined ? 0 : positive(sizeText);
	for (let i = 0; i < count; i++) {
		const key = latin1ToBytes(`${prefix}:${i}`);
		if (db.findKey(key) !== 0) continue;
		const text = toBytes(`value:${i}`);
		const value = size === 0 ? text : new Uint8Array(size);
		if (size !== 0) value.set(text.subarray(0, size));
		db.setStringOwned(key, value, false);
	}
	reply.ok();
}

function positive(text: Uint8Array): number {
	const value = parseInt64(text);
	if (value === null || value < 0) throw MUST_BE_POSITIVE;
	return Number(value);
}

/** A reply of each type, for tests of clients. */
function replySample({reply}: Context, type: string): void {
	switch (type) {
		case 'string':
			reply.bulkText('Hello World');
			break;
		case 'integer':
			reply.integer(12_345);
			break;
		case 'double':
			reply.double(3.141);
			break;
		case 'null':
			reply.null();
			break;
		case 'array':
			reply.array(3);
			for (let i = 0; i < 3; i++) reply.integer(i);
			break;
		case 'set':
			reply.set(3);
			for (let i = 0; i < 3; i++) reply.integer(i);
			break;
		case 'map':
			reply.map(3);
			for (let i = 0; i < 3; i++) {
				reply.integer(i);
				reply.bool(i === 1);
			}
			break;
		case 'attrib':
			if (reply.protocol === 3) {
				reply.attribute(1);
				reply.bulkText('key-popularity');
				reply.array(2);
				reply.bulkText('key:123');
				reply.integer(90);
			}
			reply.bulkText('Some real reply following the attribute');
			break;
		case 'push':
			if (reply.protocol === 2) throw NOT_IN_RESP2;
			reply.push(2);
			reply.bulkText('server-cpu-usage');
			reply.integer(42);
			reply.bulkText('Some real reply following the push reply');
			break;
		case 'true':
			reply.bool(true);
			break;
		case 'false':
			reply.bool(false);
			break;
		case 'verbatim':
			reply.verbatim('txt', 'This is a verbatim\nstring');
			break;
		case 'bignum':
			reply.bignum('1234567999999999999999999999999999999');
			break;
		default:
			throw NO_SUCH_SAMPLE;
	}
}

const NO_SUCH_SAMPLE = new CommandError(
	'ERR Wrong protocol type name. Please use one of the following: string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|true|false',
);

const HELP = [
	'ASSERT',
	'    Crash by assertion failed.',
	'DIGEST',
	'    Output a hex signature representing the current DB content.',
	'DIGEST-VALUE <key> [<key> ...]',
	'    Output a hex signature of the values of all the specified keys.',
	'ERROR <string>',
	'    Return a Redis protocol error with <string> as message. Useful for clients',
	'    unit tests to simulate Redis errors.',
	'LOADAOF',
	'    Flush the AOF buffers on disk and reload the AOF in memory.',
	'LOG <message>',
	'    Write <message> to the server log.',
	'OBJECT <key>',
	'    Show low level info about `key` and associated value.',
	'OOM',
	'    Crash the server simulating an out-of-memory error.',
	'PANIC',
	'    Crash the server simulating a panic.',
	'POPULATE <count> [<prefix>] [<size>]',
	'    Create <count> string keys named key:<num>. If <prefix> is specified then',
	"    it is used instead of the 'key' prefix. These are not propagated to",
	'    replicas. Cluster slots are not respected so keys not belonging to the',
	'    current node can be created in cluster mode.',
	'PROTOCOL <type>',
	'    Reply with a test value of the specified type. <type> can be: string,',
	'    integer, double, bignum, null, array, set, map, attrib, push, verbatim,',
	'    true, false.',
	'RELOAD [option ...]',
	'    Save the RDB on disk and reload it back to memory. Valid <option> values:',
	'    * MERGE: conflicting keys will be loaded from RDB.',
	'    * NOFLUSH: the existing database will not be removed before load, but',
	'      conflicting keys will generate an exception and kill the server.',
	'    * NOSAVE: the database will be loaded from an existing RDB file.',
	'SEGFAULT',
	'    Crash the server with sigsegv.',
	'SET-ACTIVE-EXPIRE <0|1>',
	'    Setting it to 0 disables expiring keys in background when they are not',
	'    accessed (otherwise the Redis behavior). Setting it to 1 reenables back the',
	'    default.',
	'SLEEP <seconds>',
	'    Stop the server for <seconds>. Decimals allowed.',
];

export const debugCommands: readonly Command[] = [debug];
