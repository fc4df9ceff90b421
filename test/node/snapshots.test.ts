/** Snapshots of a node under way while it is written to, and the files that come of them. */
import test from 'ava';
import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {copyFileSync, readdirSync} from 'node:fs';
import {hasRedisServer, startRedisServer} from '../helpers/redis-server.ts';
import {RespClient} from '../helpers/resp-client.ts';
import {startShoalNode} from '../helpers/shoal-node.ts';
import {eventually, infoOf} from './wire.ts';

const withRedis = hasRedisServer() ? test : test.skip;

async function saved(client: RespClient): Promise<ReadonlyMap<string, string>> {
	return eventually(
		async () => infoOf(client, 'persistence'),
		(info) => info.get('rdb_bgsave_in_progress') === '0',
	);
}

withRedis('redis-server loads what BGSAVE wrote, with the same digest, small and large', async (t) => {
	for (const count of [100, 30_000]) {
		await using node = await startShoalNode();
		using client = await RespClient.connect(node.port);
		await client.ask('DEBUG', 'POPULATE', String(count), 'key', '64');
		await client.ask('SET', 'volatile', 'x', 'EX', '10000');
		await client.ask('SET', 'long', 'y'.repeat(100_000));
		await client.ask('SET', 'number', '12345');
		await client.ask('SELECT', '3');
		await client.ask('SET', 'three', '3');
		const digest = await client.ask('DEBUG', 'DIGEST');
		t.is(await client.ask('BGSAVE'), 'Background saving started');
		const info = await saved(client);
		t.is(info.get('rdb_last_bgsave_status'), 'ok');
		t.deepEqual(
			readdirSync(node.directory).filter((name) => name.endsWith('.rdb')),
			['dump.rdb'],
		);
		const directory = await mkdtemp(join(tmpdir(), 'shoal-rdb-'));
		copyFileSync(join(node.directory, 'dump.rdb'), join(directory, 'dump.rdb'));
		await using redis = await startRedisServer({args: ['--dir', directory]});
		using other = await RespClient.connect(redis.port);
		t.is(await other.ask('DEBUG', 'DIGEST'), digest);
		await rm(directory, {recursive: true, force: true});
	}
});
