/** What EXEC does beyond its reply: files, replicas' streams, watchers that other clients disturb, and those who look on. */
import test from 'ava';
import {readFile} from 'node:fs/promises';
import {join} from 'node:path';
import {encodeCommand, RawClient} from '../helpers/raw-client.ts';
import {RespClient} from '../helpers/resp-client.ts';
import {startShoalNode} from '../helpers/shoal-node.ts';
import {command, infoOf} from './wire.ts';

const log = async (directory: string): Promise<string> =>
	readFile(join(directory, 'appendonlydir', 'appendonly.aof.1.incr.aof'), 'latin1');

test('a transaction of several effects is one unit in the append-only file, one effect stands alone', async (t) => {
	t.timeout(120_000);
	await using node = await startShoalNode({config: {appendonly: 'yes', appendfsync: 'always'}});
	using client = await RespClient.connect(node.port);
	const transaction = async (...lines: readonly string[]): Promise<void> => {
		await client.ask('MULTI');
		for (const line of lines) await client.ask(...line.split(' '));
		await client.ask('EXEC');
	};
	await transaction('SET a 1', 'GET a', 'INCR a');
	await transaction('SET b 1', 'GET b');
	await transaction('GET b', 'PING');
	await transaction('SELECT 1', 'SET c 1', 'SELECT 0', 'SET d 1');
	await client.ask('PUBLISH', 'news', 'hello');
	t.is(
		await log(node.directory),
		[
			['SELECT', '0'],
			['MULTI'],
			['SET', 'a', '1'],
			['INCR', 'a'],
			['EXEC'],
			['SET', 'b', '1'],
			['SELECT', '1'],
			['MULTI'],
			['SET', 'c', '1'],
			['SELECT', '0'],
			['SET', 'd', '1'],
			['EXEC'],
		]
			.map((words) => command(...words))
			.join(''),
	);
});

test("another client's write makes EXEC fail, and CLIENT LIST shows it", async (t) => {
	t.timeout(120_000);
	await using node = await startShoalNode();
	using watcher = await RespClient.connect(node.port);
	using writer = await RespClient.connect(node.port);
	const id = String(await watcher.ask('CLIENT', 'ID'));
	const line = async (): Promise<string> => String(await writer.ask('CLIENT', 'LIST', 'ID', id));
	await watcher.ask('WATCH', 'k');
	await watcher.ask('MULTI');
	await watcher.ask('SET', 'k', '1');
	t.regex(await line(), / flags=x .* multi=1 .* multi-mem=[1-9]/);
	await writer.ask('SET', 'k', '2');
	t.regex(await line(), / flags=xd /);
	t.is(await watcher.ask('EXEC'), null);
	t.regex(await line(), / flags=N .* multi=-1 .* multi-mem=0 /);
	t.is(await writer.ask('GET', 'k'), '2');
});

test('monitors see MULTI, what EXEC runs, and EXEC; figures count each once', async (t) => {
	t.timeout(120_000);
	await using node = await startShoalNode();
	using client = await RespClient.connect(node.port);
	const monitor = await RawClient.connect(node.port);
	t.teardown(() => monitor.close());
	monitor.send(encodeCommand(['MONITOR']));
	await monitor.readUntil('+OK\r\n');
	await client.ask('SET', 'text', 'x');
	await client.ask('MULTI');
	await client.ask('INCR', 'text');
	await client.ask('GET', 'text');
	await client.ask('EXEC');
	const seen = (await monitor.readUntil('"EXEC"\r\n')).toString('latin1');
	t.deepEqual(
		[...seen.matchAll(/\] "(\w+)"/g)].map(([, name]) => name),
		['SET', 'MULTI', 'INCR', 'GET', 'EXEC'],
	);
	const info = await infoOf(client);
	t.regex(info.get('cmdstat_incr') ?? '', /calls=1,.*failed_calls=1/);
	t.regex(info.get('cmdstat_exec') ?? '', /calls=1,.*failed_calls=0/);
	t.is(info.get('errorstat_ERR'), 'count=1');
});
