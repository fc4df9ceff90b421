/** What a node finds of its data when it starts, and what it says when it cannot read it. */
import test, {type ExecutionContext} from 'ava';
import {copyFileSync, mkdirSync, readFileSync, truncateSync, writeFileSync} from 'node:fs';
import {hasRedisServer, startRedisServer} from '../helpers/redis-server.ts';
import {RespClient} from '../helpers/resp-client.ts';
import {KeptDirectory, loaded} from './kept-directory.ts';
import {eventually, infoOf, pipeline, Wire} from './wire.ts';

const withRedis = hasRedisServer() ? test : test.skip;
const ON = {appendonly: 'yes'} as const;
const INCR = 'appendonlydir/appendonly.aof.1.incr.aof';
const MANIFEST = 'appendonlydir/appendonly.aof.manifest';

/** The node does not start: says why, and leaves every file as it was. */
async function refuses(
	t: ExecutionContext,
	directory: KeptDirectory,
	config: Readonly<Record<string, string>>,
	message: RegExp,
): Promise<void> {
	const before = directory.contents();
	await using thread = await directory.start(config);
	t.is(await thread.exited, 0);
	const failed = thread.messages.flatMap((each) => (each.kind === 'failed' ? [each] : []));
	t.is(failed.length, 1);
	t.is(failed[0]!.code, 'ERR_SHOAL_DATA');
	t.regex(failed[0]!.message, message);
	t.deepEqual(thread.errors, []);
	t.deepEqual(directory.contents(), before);
}

/** A directory with an append-only file of two keys. */
async function appended(): Promise<KeptDirectory> {
	const directory = new KeptDirectory();
	await directory.session(ON, async (client) => {
		await client.ask('SET', 'a', '1');
		await client.ask('SET', 'b', '2');
	});
	return directory;
}

async function saved(): Promise<KeptDirectory> {
	const directory = new KeptDirectory();
	await directory.session({}, async (client) => {
		await client.ask('DEBUG', 'POPULATE', '1000', 'key', '50');
		await client.ask('SAVE');
	});
	return directory;
}

withRedis(
	'dump.rdb of redis-server is read with the same digest; what has expired is left out',
	async (t) => {
		using directory = new KeptDirectory();
		await using redis = await startRedisServer({args: ['--dir', directory.path]});
		using client = await RespClient.connect(redis.port);
		await client.ask('DEBUG', 'POPULATE', '10000', 'key', '100');
		for (let i = 0; i < 200; i++) await client.ask('SET', `text:${i}`, 'abc '.repeat(i), 'PX', '10000000');
		await client.ask('SELECT', '9');
		await client.ask('SET', 'nine', '-123456');
		const digest = await client.ask('DEBUG', 'DIGEST');
		await client.ask('DEBUG', 'SET-ACTIVE-EXPIRE', '0');
		await client.ask('SET', 'short', 'x', 'PX', '1');
		await eventually(
			async () => client.ask('PTTL', 'short'),
			(ttl) => ttl === -2,
		);
		await client.ask('SET', 'short', 'x', 'PX', '1');
		await client.ask('SAVE');
		await redis.kill();
		await directory.session({}, async (own) => {
			t.is(await own.ask('DEBUG', 'DIGEST'), digest);
			const info = await infoOf(own, 'persistence');
			t.is(info.get('rdb_last_load_keys_loaded'), '10201');
			t.is(info.get('rdb_last_load_keys_expired'), '1');
			t.is(info.get('rdb_changes_since_last_save'), '0');
			t.is(await own.ask('DEBUG', 'RELOAD'), 'OK');
			t.is(await own.ask('DEBUG', 'DIGEST'), digest);
		});
	},
);

test('while the data is loaded, clients hear LOADING, INFO tells how far it is, and commands for that time run', async (t) => {
	using directory = new KeptDirectory();
	let commands = pipeline('SELECT 0');
	for (let i = 0; i < 200_000; i++) commands += pipeline(`SET key:${i} value:${i}`);
	mkdirSync(directory.join('appendonlydir'));
	writeFileSync(directory.join(INCR), commands);
	writeFileSync(directory.join(MANIFEST), 'file appendonly.aof.1.incr.aof seq 1 type i\n');
	await using thread = await directory.start(ON);
	using client = await RespClient.connect(thread.port);
	using other = await RespClient.connect(thread.port);
	const [get, ping, info] = await Promise.all([
		client.ask('GET', 'a'),
		other.ask('PING'),
		infoOf(client, 'persistence'),
	]);
	if (info.get('loading') === '1') {
		t.is(String(get), 'RespError: LOADING Redis is loading the dataset in memory');
		t.is(String(ping), String(get));
		t.is(info.get('loading_total_bytes'), String(commands.length));
		t.true(Number(info.get('loading_loaded_bytes')) < commands.length);
	} else {
		t.log('the data was there before the first question');
	}
	await loaded(client);
	t.is(await client.ask('DBSIZE'), 200_000);
	t.is(await other.ask('PING'), 'PONG');
	t.is((await infoOf(client, 'persistence')).get('loading'), '0');
});

test('a cut end of the append-only file is cut off, and the node says so', async (t) => {
	using directory = await appended();
	const whole = readFileSync(directory.join(INCR)).length;
	truncateSync(directory.join(INCR), whole - 3);
	await using thread = await directory.start(ON);
	using client = await RespClient.connect(thread.port);
	await loaded(client);
	t.deepEqual(await client.ask('MGET', 'a', 'b'), ['1', null]);
	const valid = pipeline('SELECT 0', 'SET a 1').length;
	t.is(readFileSync(directory.join(INCR)).length, valid);
	const lines = thread.messages.flatMap((message) => (message.kind === 'log' ? [message.text] : []));
	t.true(
		lines.includes(`!!! Truncating the AOF ${directory.join(INCR)} at offset ${valid} !!!`),
		lines.join('\n'),
	);
	await client.ask('SET', 'b', '3');
	thread.post({kind: 'stop', reason: 'test'});
	await thread.exited;
	await directory.session(ON, async (again) => t.deepEqual(await again.ask('MGET', 'a', 'b'), ['1', '3']));
});

test('with aof-load-truncated no, a cut end is a refusal', async (t) => {
	using directory = await appended();
	const text = readFileSync(directory.join(INCR));
	writeFileSync(directory.join(INCR), text.subarray(0, text.length - 3));
	await refuses(
		t,
		directory,
		{...ON, 'aof-load-truncated': 'no'},
		/incr\.aof: Unexpected end of file at offset \d+; .*redis-check-aof --fix.*aof-load-truncated/,
	);
});

test('of a transaction without its end nothing is done', async (t) => {
	using directory = await appended();
	const text = readFileSync(directory.join(INCR), 'latin1');
	writeFileSync(directory.join(INCR), text + pipeline('MULTI', 'SET a 5', 'SET c 3'));
	await directory.session(ON, async (client) => {
		t.deepEqual(await client.ask('MGET', 'a', 'c'), ['1', null]);
	});
	t.is(readFileSync(directory.join(INCR), 'latin1'), text);
	writeFileSync(directory.join(INCR), text + pipeline('MULTI', 'SET a 5', 'SET c 3', 'EXEC'));
	await directory.session(ON, async (client) => {
		t.deepEqual(await client.ask('MGET', 'a', 'c'), ['5', '3']);
	});
});

test('an append-only file that is none is a refusal with the place and a way out', async (t) => {
	using directory = await appended();
	const text = readFileSync(directory.join(INCR), 'latin1');
	writeFileSync(directory.join(INCR), `${text}nonsense`);
	await refuses(
		t,
		directory,
		ON,
		new RegExp(`incr\\.aof: .* offset ${text.length}: .*redis-check-aof --fix`),
	);
	writeFileSync(directory.join(INCR), text + pipeline('FLY away'));
	await refuses(t, directory, ON, new RegExp(`unknown command 'FLY' at offset ${text.length}; `));
	writeFileSync(directory.join(INCR), text + pipeline('SELECT 99'));
	await refuses(t, directory, ON, new RegExp(`DB index is out of range at offset ${text.length}; `));
});

test('a manifest that is none, or that names what is not there, is a refusal', async (t) => {
	using directory = await appended();
	const manifest = readFileSync(directory.join(MANIFEST), 'latin1');
	writeFileSync(directory.join(MANIFEST), `${manifest}file x seq one type i\n`);
	await refuses(t, directory, ON, /appendonly\.aof\.manifest: line 3: .*sequence number; correct it/);
	writeFileSync(directory.join(MANIFEST), manifest.replace('1.incr', '7.incr'));
	await refuses(t, directory, ON, /appendonly\.aof\.7\.incr\.aof does not exist, and the manifest names it/);
	writeFileSync(directory.join(MANIFEST), '');
	await refuses(t, directory, ON, /the manifest is empty/);
});

test('a damaged dump.rdb is a refusal: cut, changed, of another kind', async (t) => {
	using directory = await saved();
	const bytes = readFileSync(directory.join('dump.rdb'));
	const remedy = 'restore a copy of it, or move it away';
	writeFileSync(directory.join('dump.rdb'), bytes.subarray(0, bytes.length - 20));
	await refuses(
		t,
		directory,
		{},
		new RegExp(`dump\\.rdb: .*end.* at offset ${bytes.length - 20}; ${remedy}`),
	);
	const flipped = Buffer.from(bytes);
	flipped[bytes.length - 40]! ^= 1;
	writeFileSync(directory.join('dump.rdb'), flipped);
	await refuses(t, directory, {}, new RegExp(`dump\\.rdb: .*at offset \\d+; ${remedy}`));
	writeFileSync(directory.join('dump.rdb'), '');
	await refuses(t, directory, {}, /dump\.rdb is empty/);
	writeFileSync(directory.join('dump.rdb'), 'SET a 1\n');
	await refuses(t, directory, {}, /dump\.rdb is no RDB file/);
});

test('keys of a database that the node does not have are a refusal', async (t) => {
	using directory = new KeptDirectory();
	await directory.session({}, async (client) => {
		await client.ask('SELECT', '5');
		await client.ask('SET', 'a', '1');
		await client.ask('SAVE');
	});
	await refuses(t, directory, {databases: '2'}, /database 5, and this node has databases 0 to 1/);
	await refuses(t, directory, {'cluster-enabled': 'yes'}, /database 5, and this node has database 0 only/);
});

test('the single append-only file of old becomes the base', async (t) => {
	using directory = new KeptDirectory();
	writeFileSync(directory.join('appendonly.aof'), pipeline('SELECT 0', 'SET old 1'));
	await directory.session(ON, async (client) => {
		t.is(await client.ask('GET', 'old'), '1');
		await client.ask('SET', 'new', '2');
	});
	t.deepEqual(directory.files(), [
		'appendonlydir/appendonly.aof',
		'appendonlydir/appendonly.aof.1.incr.aof',
		MANIFEST,
	]);
	await directory.session(ON, async (client) =>
		t.deepEqual(await client.ask('MGET', 'old', 'new'), ['1', '2']),
	);
	using damaged = new KeptDirectory();
	writeFileSync(damaged.join('appendonly.aof'), 'nonsense');
	await refuses(t, damaged, ON, /appendonly\.aof: .* offset 0/);
});

test('with appendonly yes and no append-only file, dump.rdb is not loaded, and the node says so', async (t) => {
	using directory = await saved();
	await using thread = await directory.start(ON);
	using client = await RespClient.connect(thread.port);
	await loaded(client);
	t.is(await client.ask('DBSIZE'), 0);
	t.true(
		thread.messages.some(
			(message) => message.kind === 'log' && message.text.includes('dump.rdb is not loaded'),
		),
	);
});

test('DEBUG RELOAD NOSAVE, NOFLUSH and MERGE', async (t) => {
	using directory = new KeptDirectory();
	await directory.session({}, async (client) => {
		await client.ask('SET', 'a', '1');
		await client.ask('SAVE');
		await client.ask('SET', 'a', '2');
		await client.ask('SET', 'b', '2');
		t.is(
			String(await client.ask('DEBUG', 'RELOAD', 'NOSAVE', 'NOFLUSH')),
			'RespError: ERR Error trying to load the RDB dump, check server logs',
		);
		t.is(await client.ask('DEBUG', 'RELOAD', 'NOSAVE', 'NOFLUSH', 'MERGE'), 'OK');
		t.deepEqual(await client.ask('MGET', 'a', 'b'), ['1', '2']);
		t.is(await client.ask('DEBUG', 'RELOAD', 'NOSAVE'), 'OK');
		t.deepEqual(await client.ask('MGET', 'a', 'b'), ['1', null]);
		t.regex(
			String(await client.ask('DEBUG', 'RELOAD', 'FOO')),
			/only supports the MERGE, NOFLUSH and NOSAVE options/,
		);
		copyFileSync(directory.join('dump.rdb'), directory.join('kept.rdb'));
		truncateSync(directory.join('dump.rdb'), 20);
		t.regex(String(await client.ask('DEBUG', 'RELOAD', 'NOSAVE')), /Error trying to load the RDB dump/);
	});
});

test('a cluster node joins with its data', async (t) => {
	using directory = new KeptDirectory();
	const config = {...ON, 'cluster-enabled': 'yes', 'cluster-require-full-coverage': 'no'};
	await directory.session(config, async (client) => {
		await client.ask('CLUSTER', 'ADDSLOTSRANGE', '0', '16383');
		await eventually(
			async () => client.ask('SET', 'a', '1'),
			(reply) => reply === 'OK',
		);
	});
	await directory.session(config, async (client, {port}) => {
		await eventually(
			async () => client.ask('GET', 'a'),
			(reply) => reply === '1',
		);
		using wire = await Wire.connect(port);
		t.false(wire.isClosed);
	});
});
