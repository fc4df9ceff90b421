/** The append-only file of a node: what is in it, how it is rewritten, and that it brings everything back. */
import test from 'ava';
import {readFileSync} from 'node:fs';
import {execFileSync} from 'node:child_process';
import {hasRedisServer, startRedisServer} from '../helpers/redis-server.ts';
import {RespClient} from '../helpers/resp-client.ts';
import {KeptDirectory, loaded} from './kept-directory.ts';
import {eventually, infoOf, pipeline, Wire} from './wire.ts';

const withRedis = hasRedisServer() ? test : test.skip;
const ON = {appendonly: 'yes'} as const;
const BASE_AND_INCR = (base: number, incr: number, kind = 'rdb'): string[] => [
	`appendonlydir/appendonly.aof.${base}.base.${kind}`,
	`appendonlydir/appendonly.aof.${incr}.incr.aof`,
	'appendonlydir/appendonly.aof.manifest',
];

async function rewritten(client: RespClient): Promise<ReadonlyMap<string, string>> {
	return eventually(
		async () => infoOf(client, 'persistence'),
		(info) => info.get('aof_rewrite_in_progress') === '0' && info.get('aof_rewrite_scheduled') === '0',
	);
}

test('commands go to the file as their effects, with SELECT, and come back at the next start', async (t) => {
	using directory = new KeptDirectory();
	const digest = await directory.session(ON, async (client) => {
		await client.ask('SET', 'a', '1');
		await client.ask('INCR', 'a');
		await client.ask('SET', 'gone', 'x');
		await client.ask('DEL', 'gone');
		await client.ask('DEL', 'was never there');
		await client.ask('SET', 'volatile', 'x', 'EX', '1000');
		await client.ask('SELECT', '3');
		await client.ask('APPEND', 'long', 'y'.repeat(100_000));
		await client.ask('SETBIT', 'bits', '77', '1');
		return client.ask('DEBUG', 'DIGEST');
	});
	t.deepEqual(directory.files(), BASE_AND_INCR(1, 1));
	const text = readFileSync(directory.join('appendonlydir', 'appendonly.aof.1.incr.aof'), 'latin1');
	t.true(text.startsWith(pipeline('SELECT 0', 'SET a 1', 'INCR a', 'SET gone x', 'DEL gone')));
	t.regex(text, /PXAT\r\n\$13\r\n\d{13}\r\n\*2\r\n\$6\r\nSELECT\r\n\$1\r\n3\r\n/);
	await directory.session(ON, async (client) => {
		t.is(await client.ask('DEBUG', 'DIGEST'), digest);
		t.is(await client.ask('DEBUG', 'LOADAOF'), 'OK');
		t.is(await client.ask('DEBUG', 'DIGEST'), digest);
		t.is((await infoOf(client, 'persistence')).get('aof_enabled'), '1');
		t.is(await client.ask('SET', 'more', '1'), 'OK');
	});
	await directory.session(ON, async (client) => t.is(await client.ask('GET', 'more'), '1'));
});

for (const preamble of ['yes', 'no']) {
	withRedis(
		`a rewrite under load, aof-use-rdb-preamble ${preamble}: redis-server reads the files`,
		async (t) => {
			using directory = new KeptDirectory();
			const config = {...ON, 'aof-use-rdb-preamble': preamble};
			const digest = await directory.session(config, async (client, {port}) => {
				using wire = await Wire.connect(port);
				let sent = 0;
				const write = (count: number): void => {
					let bytes = '';
					for (let i = 0; i < count; i++, sent++) {
						const key = `key:${(sent * 7919) % 5000}`;
						bytes += pipeline(sent % 5 === 4 ? `DEL ${key}` : `SET ${key} ${'v'.repeat(300)}${sent}`);
					}
					wire.send(bytes);
				};
				write(20_000);
				for (let round = 1; round <= 3; round++) {
					t.is(await client.ask('BGREWRITEAOF'), 'Background append only file rewriting started');
					write(5000);
					const second = await client.ask('BGREWRITEAOF');
					if (second instanceof Error)
						t.is(second.message, 'ERR Background append only file rewriting already in progress');
					await rewritten(client);
				}
				wire.send(pipeline('QUIT'));
				await wire.readToEnd();
				const info = await infoOf(client, 'persistence');
				t.is(info.get('aof_last_bgrewrite_status'), 'ok');
				t.is(info.get('aof_last_write_status'), 'ok');
				return client.ask('DEBUG', 'DIGEST');
			});
			const files = directory.files();
			t.is(files.length, 3);
			t.true(files[0]!.endsWith(preamble === 'yes' ? '.base.rdb' : '.base.aof'));
			execFileSync('redis-check-aof', [directory.join('appendonlydir', 'appendonly.aof.manifest')]);
			await directory.session(config, async (client) => t.is(await client.ask('DEBUG', 'DIGEST'), digest));
			await using redis = await startRedisServer({args: ['--dir', directory.path, '--appendonly', 'yes']});
			using other = await RespClient.connect(redis.port);
			t.is(await other.ask('DEBUG', 'DIGEST'), digest);
		},
	);
}

withRedis('files of redis-server are read with the same digest, and written on', async (t) => {
	using directory = new KeptDirectory();
	await using redis = await startRedisServer({
		args: ['--dir', directory.path, '--appendonly', 'yes', '--aof-timestamp-enabled', 'yes'],
	});
	using client = await RespClient.connect(redis.port);
	for (let i = 0; i < 500; i++) await client.ask('SET', `key:${i}`, `value ${i}`.repeat(1 + (i % 20)));
	await client.ask('BGREWRITEAOF');
	await rewritten(client);
	await client.ask('SET', 'after', 'the rewrite', 'PX', '100000000');
	await client.ask('MULTI');
	await client.ask('INCR', 'n');
	await client.ask('INCR', 'n');
	await client.ask('EXEC');
	const digest = await client.ask('DEBUG', 'DIGEST');
	await redis.kill();
	await directory.session(ON, async (own) => {
		t.is(await own.ask('DEBUG', 'DIGEST'), digest);
		t.is(await own.ask('GET', 'n'), '2');
		await own.ask('SET', 'n', '3');
	});
	execFileSync('redis-check-aof', [directory.join('appendonlydir', 'appendonly.aof.manifest')]);
	await directory.session(ON, async (own) => t.is(await own.ask('GET', 'n'), '3'));
});

test('CONFIG SET appendonly turns it on with what is there, and off', async (t) => {
	using directory = new KeptDirectory();
	await directory.session({}, async (client) => {
		await client.ask('SET', 'before', '1');
		t.is(await client.ask('CONFIG', 'SET', 'appendonly', 'yes'), 'OK');
		await client.ask('SET', 'meanwhile', '2');
		const info = await rewritten(client);
		t.is(info.get('aof_enabled'), '1');
		await client.ask('SET', 'after', '3');
	});
	t.deepEqual(directory.files(), BASE_AND_INCR(1, 1));
	await directory.session(ON, async (client) => {
		t.deepEqual(await client.ask('MGET', 'before', 'meanwhile', 'after'), ['1', '2', '3']);
		t.is(await client.ask('CONFIG', 'SET', 'appendonly', 'no'), 'OK');
		await client.ask('SET', 'unheard', '4');
		t.is((await infoOf(client, 'persistence')).get('aof_enabled'), '0');
	});
	await directory.session(ON, async (client) => {
		t.is(await client.ask('EXISTS', 'unheard'), 0);
		await client.ask('CONFIG', 'SET', 'appendonly', 'no');
		await client.ask('CONFIG', 'SET', 'appendonly', 'yes');
		await client.ask('SET', 'again', '5');
		await rewritten(client);
	});
	t.deepEqual(directory.files(), BASE_AND_INCR(2, 2));
	await directory.session(ON, async (client) => t.is(await client.ask('GET', 'again'), '5'));
});

test('the file is rewritten by itself when it has grown', async (t) => {
	using directory = new KeptDirectory();
	const config = {...ON, 'auto-aof-rewrite-min-size': '1mb', 'auto-aof-rewrite-percentage': '100'};
	await directory.session(config, async (client) => {
		for (let i = 0; i < 300; i++) await client.ask('SET', 'a', 'x'.repeat(10_000));
		const info = await eventually(
			async () => infoOf(client, 'persistence'),
			(each) => Number(each.get('aof_rewrites')) > 0 && each.get('aof_rewrite_in_progress') === '0',
		);
		t.true(Number(info.get('aof_current_size')) < 3_000_000);
	});
	t.is(directory.files().length, 3);
	await directory.session(config, async (client) => t.is(await client.ask('STRLEN', 'a'), 10_000));
});

test('expired keys leave the file as DEL, and with aof-timestamp-enabled it tells the time', async (t) => {
	using directory = new KeptDirectory();
	await directory.session({...ON, 'aof-timestamp-enabled': 'yes'}, async (client) => {
		await client.ask('SET', 'short', 'x', 'PX', '1');
		await eventually(
			async () => client.ask('EXISTS', 'short'),
			(count) => count === 0,
		);
	});
	const text = readFileSync(directory.join('appendonlydir', 'appendonly.aof.1.incr.aof'), 'latin1');
	t.regex(text, /^#TS:\d{10}\r\n/);
	t.true(text.endsWith(pipeline('DEL short')));
	await directory.session(ON, async (client) => t.is(await client.ask('DBSIZE'), 0));
});

test('FLUSHALL reaches the file', async (t) => {
	using directory = new KeptDirectory();
	await directory.session(ON, async (client) => {
		await client.ask('SET', 'a', '1');
		await client.ask('FLUSHALL');
		await client.ask('SET', 'b', '2');
	});
	await directory.session(ON, async (client) => {
		await loaded(client);
		t.is(await client.ask('DBSIZE'), 1);
	});
});
