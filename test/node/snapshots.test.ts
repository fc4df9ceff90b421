/** Snapshots of a node under way while it is written to, the files that come of them, and the commands and settings that make them. */
import test from 'ava';
import {execFileSync} from 'node:child_process';
import {mkdirSync, rmdirSync, statSync} from 'node:fs';
import {hasRedisServer, startRedisServer} from '../helpers/redis-server.ts';
import {RespClient} from '../helpers/resp-client.ts';
import {KeptDirectory} from './kept-directory.ts';
import {eventually, infoOf, pipeline, Wire} from './wire.ts';

const withRedis = hasRedisServer() ? test : test.skip;

async function saved(client: RespClient): Promise<ReadonlyMap<string, string>> {
	return eventually(
		async () => infoOf(client, 'persistence'),
		(info) => info.get('rdb_bgsave_in_progress') === '0',
	);
}

// Small ones are encoded by the node itself, large ones by the pool.
for (const count of [100, 30_000]) {
	withRedis(`redis-server loads what BGSAVE wrote of ${count} keys, with the same digest`, async (t) => {
		using directory = new KeptDirectory();
		const digest = await directory.session({}, async (client) => {
			await client.ask('DEBUG', 'POPULATE', String(count), 'key', '64');
			await client.ask('SET', 'volatile', 'x', 'EX', '10000');
			await client.ask('SET', 'long', 'y'.repeat(100_000));
			await client.ask('SET', 'number', '12345');
			await client.ask('SELECT', '3');
			await client.ask('SET', 'three', '3');
			t.is(await client.ask('BGSAVE'), 'Background saving started');
			const info = await saved(client);
			t.is(info.get('rdb_last_bgsave_status'), 'ok');
			t.is(info.get('rdb_saves'), '1');
			t.is(info.get('rdb_changes_since_last_save'), '0');
			return client.ask('DEBUG', 'DIGEST');
		});
		t.deepEqual(directory.files(), ['dump.rdb']);
		t.is(statSync(directory.join('dump.rdb')).mode & 0o777, 0o600);
		execFileSync('redis-check-rdb', [directory.join('dump.rdb')]);
		await using redis = await startRedisServer({args: ['--dir', directory.path]});
		using other = await RespClient.connect(redis.port);
		t.is(await other.ask('DEBUG', 'DIGEST'), digest);
	});
}

test('the file has what was there at BGSAVE, whatever is done meanwhile', async (t) => {
	using directory = new KeptDirectory();
	const digest = await directory.session({}, async (client, {port}) => {
		using wire = await Wire.connect(port);
		let bytes = '';
		for (let i = 0; i < 30_000; i++) bytes += pipeline(`SET key:${i} value:${i}:${'v'.repeat(80)}`);
		for (let i = 0; i < 100; i++) bytes += pipeline(`SET expiring:${i} x PX 30000`);
		wire.send(bytes);
		await wire.read(5 * 30_100);
		const before = await client.ask('DEBUG', 'DIGEST');
		let changes = pipeline('BGSAVE');
		for (let i = 29_999; i >= 0; i -= 3)
			changes += pipeline(
				`DEL key:${i}`,
				`APPEND key:${i - 1} more`,
				`SET key:${i - 2} other`,
				`SET new:${i} x`,
			);
		changes += pipeline(
			...Array.from({length: 100}, (_, i) => `PERSIST expiring:${i}`),
			...Array.from({length: 100}, (_, i) => `RENAME key:${i * 3} renamed:${i}`),
			...Array.from({length: 100}, (_, i) => `MOVE key:${i * 3 + 1} 2`),
			'SWAPDB 0 5',
			'SET swapped x',
			'SELECT 5',
			'FLUSHDB',
			'QUIT',
		);
		wire.send(changes);
		const replies = await wire.readToEnd();
		t.true(replies.startsWith('+Background saving started\r\n'));
		t.false(replies.includes('-ERR'));
		const info = await saved(client);
		t.is(info.get('rdb_last_bgsave_status'), 'ok');
		t.true(Number(info.get('rdb_changes_since_last_save')) >= 40_000);
		return before;
	});
	await directory.session({}, async (client) => t.is(await client.ask('DEBUG', 'DIGEST'), digest));
});

test('FLUSHALL ends a BGSAVE, and the next one is of what is there then', async (t) => {
	using directory = new KeptDirectory();
	await directory.session({}, async (client) => {
		await client.ask('DEBUG', 'POPULATE', '50000', 'key', '100');
		client.send('BGSAVE');
		client.send('FLUSHALL');
		client.send('SET', 'after', '1');
		client.send('BGSAVE');
		t.deepEqual(
			[await client.next(), await client.next(), await client.next(), await client.next()],
			['Background saving started', 'OK', 'OK', 'Background saving started'],
		);
		const info = await saved(client);
		t.is(info.get('rdb_last_bgsave_status'), 'ok');
		t.is(info.get('rdb_saves'), '1');
	});
	t.deepEqual(directory.files(), ['dump.rdb']);
	await directory.session({}, async (client) => t.is(await client.ask('DBSIZE'), 1));
});

test('with save points FLUSHALL leaves an empty file', async (t) => {
	using directory = new KeptDirectory();
	const config = {save: '3600 1000'};
	await directory.session(config, async (client) => {
		await client.ask('SET', 'a', '1');
		await client.ask('SAVE');
		await client.ask('FLUSHALL');
		t.is((await infoOf(client, 'persistence')).get('rdb_saves'), '2');
	});
	await directory.session(config, async (client) => t.is(await client.ask('DBSIZE'), 0));
});

test('a save point makes a snapshot by itself', async (t) => {
	using directory = new KeptDirectory();
	await directory.session({save: '1 3'}, async (client) => {
		for (let i = 0; i < 3; i++) await client.ask('SET', `key:${i}`, '1');
		const info = await eventually(
			async () => infoOf(client, 'persistence'),
			(each) => each.get('rdb_saves') === '1',
		);
		t.is(info.get('rdb_changes_since_last_save'), '0');
	});
});

test('the launcher’s stop saves where there are save points, SHUTDOWN as it is told', async (t) => {
	using directory = new KeptDirectory();
	await directory.session({}, async (client) => client.ask('SET', 'a', '1'));
	t.deepEqual(directory.files(), []);
	await directory.session({save: '3600 1'}, async (client) => client.ask('SET', 'a', '2'));
	const end = async (save: string, ...words: string[]): Promise<void> => {
		await using thread = await directory.start({save});
		using client = await RespClient.connect(thread.port);
		await eventually(
			async () => client.ask('SET', 'a', words.join(' ')),
			(reply) => reply === 'OK',
		);
		client.send('SHUTDOWN', ...words);
		t.is(await thread.exited, 0);
	};
	const value = async (): Promise<unknown> => directory.session({}, async (client) => client.ask('GET', 'a'));
	t.is(await value(), '2');
	await end('3600 1', 'NOSAVE');
	t.is(await value(), '2');
	await end('3600 1');
	t.is(await value(), '');
	await end('');
	t.is(await value(), '');
	await end('', 'SAVE');
	t.is(await value(), 'SAVE');
});

test('SHUTDOWN is refused when the file cannot be written, unless it is forced', async (t) => {
	using directory = new KeptDirectory();
	await using thread = await directory.start({save: '3600 1', 'stop-writes-on-bgsave-error': 'no'});
	using client = await RespClient.connect(thread.port);
	mkdirSync(directory.join('taken'));
	t.is(await client.ask('CONFIG', 'SET', 'dbfilename', 'taken'), 'OK');
	t.is(String(await client.ask('SHUTDOWN')), 'RespError: ERR Errors trying to SHUTDOWN. Check logs.');
	t.is(await client.ask('SET', 'a', '1'), 'OK');
	client.send('SHUTDOWN', 'FORCE');
	t.is(await thread.exited, 0);
	t.deepEqual(directory.files(), []);
});

/** What a server says while its file cannot take its name, and afterwards. */
async function complaints(client: RespClient, directory: string): Promise<string[]> {
	const said: string[] = [];
	const ask = async (...words: string[]): Promise<void> => {
		said.push(String(await client.ask(...words)));
	};
	mkdirSync(`${directory}/taken`);
	await ask('CONFIG', 'SET', 'dbfilename', 'taken');
	await ask('CONFIG', 'SET', 'save', '3600 1000000');
	await ask('SAVE');
	await ask('BGSAVE', 'NOW');
	await ask('BGSAVE');
	said.push((await saved(client)).get('rdb_last_bgsave_status')!);
	for (const command of ['PING', 'GET a', 'SET a 1', 'DEL a', 'FLUSHALL', 'INFO x', 'EXPIRE a 1', 'GETEX a'])
		await ask(...command.split(' '));
	await ask('CONFIG', 'SET', 'stop-writes-on-bgsave-error', 'no');
	await ask('SET', 'a', '1');
	await ask('CONFIG', 'SET', 'stop-writes-on-bgsave-error', 'yes');
	await ask('SET', 'a', '1');
	await ask('CONFIG', 'SET', 'save', '');
	await ask('SET', 'a', '2');
	await ask('CONFIG', 'SET', 'save', '3600 1000000');
	rmdirSync(`${directory}/taken`);
	await ask('BGSAVE');
	said.push((await saved(client)).get('rdb_last_bgsave_status')!);
	await ask('SET', 'a', '3');
	await ask('CONFIG', 'SET', 'dbfilename', 'a/b');
	await ask('CONFIG', 'SET', 'dir', `${directory}/nowhere`);
	await ask('CONFIG', 'SET', 'dir', `${directory}/taken`);
	await ask('CONFIG', 'SET', 'appendonly', 'maybe');
	await ask('CONFIG', 'SET', 'appendfsync', 'sometimes');
	return said;
}

withRedis('while snapshots fail, a node refuses what redis-server refuses, in its words', async (t) => {
	await using redis = await startRedisServer({
		args: ['--enable-protected-configs', 'yes', '--latency-tracking', 'no'],
	});
	using theirs = await RespClient.connect(redis.port);
	const expected = await complaints(theirs, redis.directory);
	using directory = new KeptDirectory();
	const found = await directory.session({}, async (client) => complaints(client, directory.path));
	t.deepEqual(
		found.map((line) => line.replaceAll(directory.path, '')),
		expected.map((line) => line.replaceAll(redis.directory, '')),
	);
	t.true(expected.some((line) => line.includes('MISCONF')));
});
