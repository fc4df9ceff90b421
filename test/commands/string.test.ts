import test from 'ava';
import {bitmapCommands} from '../../src/commands/bitmap.ts';
import type {Services} from '../../src/commands/services.ts';
import {stringCommands} from '../../src/commands/string.ts';
import {Keyspace, LIST} from '../../src/data/keyspace.ts';
import {toBytes, utf8} from '../../src/lib/bytes.ts';
import {regionOf} from '../../src/lib/region.ts';
import {RespError} from '../../src/resp/reply-parser.ts';
import {HAND_OVER_BYTES} from '../../src/resp/request.ts';
import {CommandRunner, encode} from './harness.ts';

const NOW = 1_700_000_000_000;

/** A database with the commands of this family. `list` is there and is no string. */
class Database extends CommandRunner {
	readonly db: Keyspace;
	readonly changed: string[] = [];

	constructor() {
		const hooks = {onModified: (key: Uint8Array) => void this.changed.push(utf8(key))};
		const db = new Keyspace({seed: 1, hooks});
		const config = {settings: {protoMaxBulkBytes: 2 ** 20}} as Services['config'];
		super({commands: [...stringCommands, ...bitmapCommands], databases: [db], services: {config}});
		this.db = db;
		db.now = NOW;
		db.setObject(toBytes('list'), LIST, {}, 0);
	}

	/** Milliseconds from `NOW`, null without an expiry. */
	ttl(key: string): number | null {
		const at = this.db.expireAt(this.db.findKey(toBytes(key)));
		return at === -1 ? null : at - NOW;
	}
}

const wrongType = 'WRONGTYPE Operation against a key holding the wrong kind of value';

for (const line of [
	'get list',
	'strlen list',
	'getrange list 0 1',
	'substr list 0 1',
	'set list v get',
	'getset list v',
	'getdel list',
	'getex list',
	'getex list ex abc',
	'append list v',
	'setrange list 0 v',
	'setrange list 0 ',
	'incr list',
	'incrby list 1',
	'decr list',
	'decrby list 1',
	'incrbyfloat list abc',
	'getbit list 0',
	'setbit list 0 1',
	'bitcount list',
	'bitcount list a b',
	'bitpos list 1 a',
	'bitop and list key list',
	'bitfield list',
	'bitfield list set u8 0 1',
	'bitfield_ro list get u8 0',
]) {
	test(`${line}: a list is no string`, (t) => {
		const d = new Database();
		const reply = d.run(...line.split(' '));
		t.is(reply instanceof RespError ? reply.message : reply, wrongType);
		t.is(d.db.type(d.db.findKey(toBytes('list'))), LIST);
		t.is(d.db.dirty, 0);
	});
}

test('LCS has its own words for that', (t) => {
	const reply = new Database().run('lcs', 'list', 'key', 'nosuch');
	t.is(
		reply instanceof RespError ? reply.message : reply,
		'ERR The specified keys must contain string values',
	);
});

test('MGET shows other types as null', (t) => {
	const d = new Database();
	d.run('set', 'key', 'v');
	t.deepEqual(d.run('mget', 'list', 'key', 'nothing'), [null, 'v', null]);
});

for (const line of ['set list v', 'set list v xx', 'mset list v', 'setex list 10 v', 'bitop or list key']) {
	test(`${line}: the list is replaced`, (t) => {
		const d = new Database();
		d.run('set', 'key', 'v');
		d.run(...line.split(' '));
		t.is(d.run('get', 'list'), 'v');
	});
}

for (const line of ['set list v nx', 'setnx list v', 'msetnx key v list v']) {
	test(`${line}: a list is a key like any other`, (t) => {
		const d = new Database();
		d.run(...line.split(' '));
		t.is(d.db.type(d.db.findKey(toBytes('list'))), LIST);
		t.is(d.db.size, 1);
	});
}

const expiries: readonly (readonly [string, number | null])[] = [
	['set key v', null],
	['set key v ex 10', 10_000],
	['set key v px 10', 10],
	['set key v nx ex 10', null],
	['set key v xx px 10 get', 10],
	['set key v exat 1700000001', 1000],
	['set key v pxat 1700000000007', 7],
	['set key v keepttl', 5000],
	['setex key 3 v', 3000],
	['psetex key 3 v', 3],
	['setex key 4398046511105 v', 4_398_046_511_105_000],
	['getset key v', null],
	['mset key v', null],
	['append key v', 5000],
	['setrange key 3 v', 5000],
	['setbit key 3 1', 5000],
	['bitfield key set u8 0 1', 5000],
	['incr key', 5000],
	['incrbyfloat key 1.5', 5000],
	['incrby key 9223372036854775000', 5000],
	['getex key', 5000],
	['getex key persist', null],
	['getex key ex 10', 10_000],
	['getex key px 10', 10],
	['getex key exat 1700000002', 2000],
	['bitop or key key', null],
];

for (const [line, ttl] of expiries) {
	test(`${line}: the key then expires ${ttl === null ? 'never' : `after ${ttl} ms`}`, (t) => {
		const d = new Database();
		if (!line.includes(' nx ')) d.run('set', 'key', '1', 'px', '5000');
		else d.run('set', 'key', '1');
		d.run(...line.split(' '));
		t.is(d.ttl('key'), ttl);
	});
}

const changes: readonly (readonly [string, number])[] = [
	['set key v', 1],
	['set key v nx', 0],
	['set nothing v xx', 0],
	['set nothing v xx get', 0],
	['setnx key v', 0],
	['setnx new v', 1],
	['get key', 0],
	['getset key v', 1],
	['getdel key', 1],
	['getdel nothing', 0],
	['getex key', 0],
	['getex key persist', 0],
	['getex key px 10', 1],
	['getex key pxat 1', 1],
	['mset a 1 b 2 c 3', 3],
	['msetnx a 1 key 2', 0],
	['msetnx a 1 b 2', 2],
	['append key ', 1],
	['setrange key 0 ', 0],
	['setrange key 0 v', 1],
	['incr key', 1],
	['incrbyfloat key 0', 1],
	['setbit key 2 1', 0],
	['setbit key 2 0', 1],
	['setbit key 8 0', 1],
	['bitfield key get u8 0', 0],
	['bitfield key set u8 0 49', 0],
	['bitfield key set u8 0 1 incrby u8 0 1', 2],
	['bitfield key set u8 8 0', 1],
	['bitop or dest key', 1],
	['bitop or dest nothing', 0],
	['bitop or key nothing', 1],
];

for (const [line, count] of changes) {
	test(`${line}: ${count === 1 ? 'one change' : `${count} changes`}`, (t) => {
		const d = new Database();
		d.run('set', 'key', '1');
		const before = d.db.dirty;
		d.changed.length = 0;
		d.run(...line.split(' '));
		t.is(d.db.dirty - before, count);
		t.is(d.changed.length > 0, count > 0);
	});
}

test('an expiry in the past: GETEX removes the key, SET leaves it to expire', (t) => {
	const d = new Database();
	d.run('set', 'key', 'v');
	t.is(d.run('getex', 'key', 'pxat', String(NOW)), 'v');
	t.is(d.run('get', 'key'), null);
	t.is(d.run('set', 'key', 'v', 'pxat', '1'), 'OK');
	t.is(d.run('get', 'key'), null);
	t.is(d.db.expiredCount, 1);
});

test('reads are hits and misses, writes are neither', (t) => {
	const d = new Database();
	const stats = (): readonly number[] => [d.db.keyspaceHits, d.db.keyspaceMisses];
	for (const line of [
		'set key 1',
		'incr key',
		'append key 0',
		'setrange key 0 1',
		'setbit key 1 1',
		'incr other',
		'setnx key 2',
	]) {
		d.run(...line.split(' '));
	}
	t.deepEqual(stats(), [0, 0]);
	d.run('get', 'key');
	d.run('strlen', 'nothing');
	d.run('mget', 'key', 'nothing', 'key');
	t.deepEqual(stats(), [3, 2]);
	d.run('getset', 'key', 'v');
	d.run('set', 'key', 'v', 'get');
	d.run('getdel', 'nothing');
	d.run('bitcount', 'key');
	t.deepEqual(stats(), [6, 3]);
});

test('a large value that stands in a buffer of its own is kept without a copy', (t) => {
	const d = new Database();
	const {request} = d.context;
	for (const [words, valueIndex] of [
		[['set', 'key'], 2],
		[['setnx', 'other'], 2],
		[['setex', 'third', '10'], 3],
	] as const) {
		const value = new Uint8Array(HAND_OVER_BYTES * 2).fill(valueIndex);
		d.parse(request, ...words, value);
		request.ownsRegion = true;
		d.table.find(request)?.execute(d.context);
		t.true(request.handedOver);
		t.deepEqual(d.db.value(d.db.findKey(toBytes(words[1]))), value);
	}
});

test('a value that grows in steps stays what was appended', (t) => {
	const d = new Database();
	let expected = '';
	for (let i = 0; i < 3000; i++) {
		const part = `part ${i};`.repeat(1 + (i % 3));
		expected += part;
		t.is(d.run('append', 'key', part), expected.length);
	}
	t.is(d.run('get', 'key'), expected);
	t.is(d.run('getrange', 'key', '1000', '1999'), expected.slice(1000, 2000));
});

test('commands read their arguments from anywhere in the buffer', (t) => {
	const d = new Database();
	const {request} = d.context;
	const bytes = encode(['set', 'some key', 'some value']);
	const moved = new Uint8Array(bytes.length + 100);
	moved.set(bytes, 77);
	d.parse(request, 'set', 'some key', 'some value');
	request.rebase(77, regionOf(moved));
	d.table.find(request)?.execute(d.context);
	t.is(d.run('get', 'some key'), 'some value');
});
