/** RDB files, manifests and append-only files between shoal's readers and writers and the real redis-server and its tools. */
import anyTest from 'ava';
import fc from 'fast-check';
import {spawnSync} from 'node:child_process';
import {mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {Digest} from '../../src/commands/dataset-digest.ts';
import {latin1, latin1ToBytes} from '../../src/lib/bytes.ts';
import {Prng} from '../../src/lib/prng.ts';
import {regionOf} from '../../src/lib/region.ts';
import {formatManifest, parseManifest} from '../../src/persistence/aof-manifest.ts';
import {AofReader} from '../../src/persistence/aof-reader.ts';
import {RdbWriter} from '../../src/persistence/rdb-writer.ts';
import {encodeCommand, RawClient} from '../helpers/raw-client.ts';
import {hasRedisServer, type RedisServer, startRedisServer} from '../helpers/redis-server.ts';
import {RespClient} from '../helpers/resp-client.ts';
import {type Entry, readRdb, writeRdb} from './contents.ts';

const test = hasRedisServer() ? anyTest : anyTest.skip;

const FUTURE = 4_102_444_800_000;

/** Every form that a string can have in a file. */
const SAMPLE: readonly Entry[] = [
	...['', '0', '-1', '127', '-128', '128', '-32768', '32768', '2147483647', '-2147483649', '007'].map(
		(value, i) => ({db: 0, key: `integer:${i}`, value}),
	),
	...[20, 21, 63, 64, 16_383, 16_384, 100_000].map((length) => ({
		db: 0,
		key: `length:${length}`,
		value: randomText(length),
	})),
	...[21, 100, 20_000].map((length) => ({db: 0, key: `repeated:${length}`, value: 'ab'.repeat(length)})),
	{db: 0, key: '123', value: 'a key that is a number'},
	{db: 0, key: 'long key '.repeat(50), value: 'x'},
	{db: 0, key: '\0\xff\r\n', value: '\0\x80\xff'},
	{db: 3, key: 'expires', value: 'v', expireAt: FUTURE + 123},
	{db: 3, key: 'expires late', value: 'v', expireAt: 2 ** 52 + 1},
	{db: 15, key: 'alone', value: 'v'},
];

function randomText(length: number): string {
	const prng = new Prng(length);
	return latin1(Uint8Array.from({length}, () => prng.below(256)));
}

/** What DEBUG DIGEST says of these contents. */
function digestOf(entries: readonly Entry[]): string {
	const whole = new Digest();
	for (const db of new Set(entries.map((entry) => entry.db))) {
		whole.mixNumber(db);
		for (const {key, value, expireAt} of entries.filter((entry) => entry.db === db)) {
			const digest = new Digest();
			digest.mix(latin1ToBytes(key));
			digest.mixValue({type: 0, bytes: latin1ToBytes(value), isVolatile: expireAt !== undefined});
			whole.xorHashOf(digest.bytes);
		}
	}
	return whole.hex();
}

async function fill(server: RedisServer, entries: readonly Entry[]): Promise<void> {
	using client = await RespClient.connect(server.port);
	for (const {db, key, value, expireAt} of entries) {
		await client.ask('SELECT', String(db));
		await client.ask('SET', key, value, ...(expireAt === undefined ? [] : ['PXAT', String(expireAt)]));
	}
}

const byKey = (a: Entry, b: Entry): number => a.db - b.db || (a.key < b.key ? -1 : 1);

for (const compress of [true, false]) {
	for (const checksum of [true, false]) {
		test(`a file of ours is read by redis, compress ${compress}, checksum ${checksum}`, async (t) => {
			await using server = await startRedisServer();
			const path = join(server.directory, 'dump.rdb');
			writeFileSync(path, writeRdb(SAMPLE, {compress, checksum, aux: [['redis-ver', '7.0.15']]}));
			const checked = spawnSync('redis-check-rdb', [path], {encoding: 'utf8'});
			t.is(checked.status, 0, checked.stdout);
			t.true(checked.stdout.includes(checksum ? 'Checksum OK' : 'RDB file was saved with checksum disabled'));
			t.true(checked.stdout.includes(`${SAMPLE.length} keys read`));
			using client = await RespClient.connect(server.port);
			t.is(await client.ask('DEBUG', 'RELOAD', 'NOSAVE'), 'OK');
			t.is(await client.ask('DEBUG', 'DIGEST'), digestOf(SAMPLE));
			await client.ask('SELECT', '3');
			t.is(await client.ask('PEXPIRETIME', 'expires'), FUTURE + 123);
			t.is(await client.ask('PEXPIRETIME', 'expires late'), 2 ** 52 + 1);
		});
	}
}

for (const options of [[], ['--rdbcompression', 'no'], ['--rdbchecksum', 'no']]) {
	test(`a file of redis ${options.join(' ')} is read by us`, async (t) => {
		await using server = await startRedisServer({args: options});
		await fill(server, SAMPLE);
		using client = await RespClient.connect(server.port);
		t.is(await client.ask('DEBUG', 'DIGEST'), digestOf(SAMPLE));
		t.is(await client.ask('SAVE'), 'OK');
		const contents = readRdb(readFileSync(join(server.directory, 'dump.rdb')), [100, 1000, 5000]);
		t.deepEqual(contents.entries.toSorted(byKey), SAMPLE.toSorted(byKey));
		t.deepEqual(
			contents.sizes.map(([db]) => db),
			[0, 3, 15],
		);
		const aux = new Map(contents.aux);
		t.is(aux.get('redis-bits'), '64');
		t.is(aux.get('aof-base'), '0');
		t.regex(aux.get('ctime') ?? '', /^\d{10}$/);
	});
}

test('how keys were used is read and written as the policy says it', async (t) => {
	await using server = await startRedisServer({args: ['--maxmemory-policy', 'allkeys-lfu']});
	using client = await RespClient.connect(server.port);
	await client.ask('SET', 'often', 'v');
	const dump = join(server.directory, 'dump.rdb');
	await client.ask('SAVE');
	t.deepEqual(readRdb(readFileSync(dump)).entries, [{db: 0, key: 'often', value: 'v', frequency: 5}]);
	writeFileSync(dump, writeRdb([{db: 0, key: 'often', value: 'v', frequency: 200}]));
	await client.ask('DEBUG', 'RELOAD', 'NOSAVE');
	t.is(await client.ask('OBJECT', 'FREQ', 'often'), 200);
	await client.ask('CONFIG', 'SET', 'maxmemory-policy', 'volatile-lru');
	writeFileSync(dump, writeRdb([{db: 0, key: 'idle', value: 'v', idleSeconds: 70_000}]));
	await client.ask('DEBUG', 'RELOAD', 'NOSAVE');
	const idle = Number(await client.ask('OBJECT', 'IDLETIME', 'idle'));
	t.true(idle >= 70_000 && idle < 70_100);
	await client.ask('SAVE');
	const [entry] = readRdb(readFileSync(dump)).entries;
	t.true(entry!.idleSeconds! >= 70_000 && entry!.idleSeconds! < 70_100);
});

test('what redis holds beside strings is named when it is met', async (t) => {
	await using server = await startRedisServer();
	using client = await RespClient.connect(server.port);
	const makers: Readonly<Record<string, readonly string[]>> = {
		list: ['RPUSH', 'k', 'a', 'b'],
		set: ['SADD', 'k', 'a', '1'],
		zset: ['ZADD', 'k', '1', 'a'],
		hash: ['HSET', 'k', 'a', 'b'],
		stream: ['XADD', 'k', '*', 'a', 'b'],
	};
	for (const [type, words] of Object.entries(makers)) {
		await client.ask('FLUSHALL');
		await client.ask(...words);
		await client.ask('SAVE');
		t.throws(() => readRdb(readFileSync(join(server.directory, 'dump.rdb'))), {
			message: new RegExp(`^Values of type ${type} are not supported: key "k" at offset \\d+$`),
		});
	}
});

test('function libraries in a file of redis are handed over', async (t) => {
	await using server = await startRedisServer();
	using client = await RespClient.connect(server.port);
	const library = "#!lua name=mine\nredis.register_function('one', function() return 1 end)";
	t.is(await client.ask('FUNCTION', 'LOAD', library), 'mine');
	await client.ask('SAVE');
	const contents = readRdb(readFileSync(join(server.directory, 'dump.rdb')));
	t.deepEqual(contents.functions, [library]);
});

test('a value is serialized to the same bytes as redis does it, compressed ones too', async (t) => {
	await using server = await startRedisServer();
	const client = await RawClient.connect(server.port);
	t.teardown(() => client.close());
	const writer = new RdbWriter({compress: true, checksum: true});
	const text = fc.oneof(
		fc.uint8Array({maxLength: 60}).map((bytes) => latin1(bytes)),
		fc.tuple(fc.string({maxLength: 9}), fc.nat(400)).map(([unit, times]) => unit.repeat(times)),
		fc.array(fc.constantFrom('a', 'b', 'c', 'fox', '12'), {maxLength: 300}).map((words) => words.join('')),
		fc.integer().map(String),
		// Repetitions from afar, and over the end of what LZF can refer to.
		fc.tuple(fc.nat(9000), fc.nat(300)).map(([apart, length]) => {
			const repeated = randomText(length);
			return repeated + randomText(apart) + repeated;
		}),
	);
	await fc.assert(
		fc.asyncProperty(
			text.filter((each) => /^[\0-\xff]*$/.test(each)),
			async (value) => {
				client.send(encodeCommand(['SET', 'k', value]) + encodeCommand(['DUMP', 'k']));
				await client.readUntil('+OK\r\n');
				const length = Number((await client.readUntil('\r\n')).toString('latin1').slice(1));
				const dumped = await client.readBytes(length + 2);
				writer.clear();
				writer.dumpString(regionOf(latin1ToBytes(value)), 0, value.length);
				t.is(latin1(writer.view()), dumped.toString('latin1', 0, length));
			},
		),
		{numRuns: 400},
	);
});

test('a manifest and files of ours are accepted by redis-check-aof, and loaded', async (t) => {
	const directory = mkdtempSync(join(tmpdir(), 'shoal-aof-'));
	t.teardown(() => rmSync(directory, {recursive: true}));
	const base = 'appendonly.aof.2.base.rdb';
	const incremental = ['appendonly.aof.3.incr.aof', 'appendonly.aof.4.incr.aof'];
	const files: Readonly<Record<string, Uint8Array | string>> = {
		[base]: writeRdb(SAMPLE, {aux: [['aof-base', '1']]}),
		[incremental[0]!]: encodeCommand(['SELECT', '0']) + encodeCommand(['SET', 'a', '1']),
		[incremental[1]!]:
			'#TS:1700000000\r\n' +
			encodeCommand(['SELECT', '0']) +
			encodeCommand(['MULTI']) +
			encodeCommand(['INCR', 'a']) +
			encodeCommand(['EXEC']),
		'appendonly.aof.manifest': formatManifest({
			base: {name: base, sequence: 2},
			history: [],
			incremental: incremental.map((name, i) => ({name, sequence: i + 3})),
		}),
	};
	const write = (into: string): void => {
		for (const [name, content] of Object.entries(files)) writeFileSync(join(into, name), content);
	};
	write(directory);
	const checked = spawnSync('redis-check-aof', [join(directory, 'appendonly.aof.manifest')], {
		encoding: 'utf8',
	});
	t.is(checked.status, 0, checked.stdout + checked.stderr);
	t.true(checked.stdout.includes('All AOF files and manifest are valid'));

	await using server = await startRedisServer({args: ['--appendonly', 'yes']});
	const appendonlydir = join(server.directory, 'appendonlydir');
	for (const name of readdirSync(appendonlydir)) rmSync(join(appendonlydir, name));
	write(appendonlydir);
	using client = await RespClient.connect(server.port);
	t.is(await client.ask('DEBUG', 'LOADAOF'), 'OK');
	t.is(await client.ask('GET', 'a'), '2');
	t.is(
		await client.ask('DEBUG', 'DIGEST'),
		digestOf([
			...SAMPLE.filter(({db}) => db === 0),
			{db: 0, key: 'a', value: '2'},
			...SAMPLE.filter(({db}) => db !== 0),
		]),
	);
});

test('a manifest and files of redis are read by us', async (t) => {
	await using server = await startRedisServer({
		args: ['--appendonly', 'yes', '--aof-timestamp-enabled', 'yes'],
	});
	using client = await RespClient.connect(server.port);
	await client.ask('SET', 'a', '1');
	for (const words of [['MULTI'], ['SET', 'b', '2'], ['INCR', 'b'], ['EXEC']]) await client.ask(...words);
	await client.ask('DEL', 'a');
	const directory = join(server.directory, 'appendonlydir');
	const text = readFileSync(join(directory, 'appendonly.aof.manifest'), 'latin1');
	const manifest = parseManifest(text);
	t.is(formatManifest(manifest), text);
	t.is(manifest.base?.name, 'appendonly.aof.1.base.rdb');
	t.deepEqual(readRdb(readFileSync(join(directory, manifest.base!.name))).entries, []);
	const commands: string[][] = [];
	let timestamps = 0;
	const reader = new AofReader({
		onCommand: (request) => {
			commands.push(Array.from({length: request.count}, (_, i) => request.latin1(i)));
		},
		onTimestamp: () => {
			timestamps++;
		},
	});
	const bytes = readFileSync(join(directory, manifest.incremental[0]!.name));
	reader.push(bytes);
	t.deepEqual(commands, [
		['SELECT', '0'],
		['SET', 'a', '1'],
		['SET', 'b', '2'],
		['INCR', 'b'],
		['DEL', 'a'],
	]);
	t.true(timestamps > 0);
	t.is(reader.validBytes, bytes.length);
	t.false(reader.isCut);
});
