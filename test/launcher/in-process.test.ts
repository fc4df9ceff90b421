import {mkdtempSync, readdirSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import test from 'ava';
import {LaunchError, UsageError} from '../../src/index.ts';
import type {ClusterOptions} from '../../src/index.ts';
import {startInProcess} from '../../src/launcher/in-process.ts';
import {scriptedThreads} from './helpers/scratch.ts';
import {tellNode} from './helpers/tell-node.ts';

/** The temporary files of this test file alone: others run beside it. */
const scratch = mkdtempSync(join(tmpdir(), 'shoal-test-'));
process.env['TMPDIR'] = scratch;
test.after.always(() => rmSync(scratch, {recursive: true, force: true}));

const start = (options: ClusterOptions) => startInProcess({basePort: 0, ...options}, scriptedThreads);

test('a cluster for the length of a block', async (t) => {
	let address = '';
	{
		await using cluster = await start({shards: 2});
		t.is(cluster.nodes.length, 2);
		t.is(cluster.nodes[0]?.address, cluster.address);
		t.regex(cluster.nodes[0]?.id ?? '', /^[0-9a-f]{40}$/);
		({address} = cluster);
		const [host = '', port = ''] = address.split(':');
		t.is(await tellNode(host, Number(port), 'ok'), 'done');
	}
	const [host = '', port = ''] = address.split(':');
	// How the call fails does not count: a process that looks for a free port may hold this one for a moment.
	await t.throwsAsync(tellNode(host, Number(port), 'ok'));
});

test('the process keeps its signal handlers, its exit code and its output', async (t) => {
	const signals = ['SIGINT', 'SIGTERM', 'SIGHUP', 'exit', 'uncaughtException'] as const;
	const before = signals.map((name) => process.listenerCount(name));
	const cluster = await start({});
	t.deepEqual(
		signals.map((name) => process.listenerCount(name)),
		before,
	);
	await cluster.stop();
	await cluster.stop();
	t.is(process.exitCode, undefined);
});

// Before the others, which have temporary directories of their own.
test.serial('nothing is left of a start that fails', async (t) => {
	await t.throwsAsync(start({bind: '192.0.2.1'}), {instanceOf: LaunchError, message: /192\.0\.2\.1/});
	t.deepEqual(readdirSync(scratch), []);
});

for (const [options, message] of [
	[{shards: 0}, 'shards: must be a whole number from 1 to 256, not 0'],
	[{shard: 3}, 'shard: is no option of startCluster; did you mean "shards"?'],
	[{basePort: '7000'}, 'basePort: must be a whole number from 0 to 65535, not "7000"'],
	[{replicas: 6}, 'replicas: must be a whole number from 0 to 5, not 6'],
	[{restart: 'always'}, 'restart: must be never or on-failure, not "always"'],
	[
		{basePort: 55_534},
		'basePort: port 55536 leaves no room for its bus port 65536 (the highest is 65535); write 55533 or less for 3 nodes',
	],
	[{config: {maxmemry: 1}}, 'config.maxmemry: is no directive of redis.conf; did you mean "maxmemory"?'],
	[{config: {port: 7000}}, 'config.port: cannot be set here: use basePort'],
] as const) {
	test(`a wrong option is refused: ${JSON.stringify(options)}`, async (t) => {
		await t.throwsAsync(start(options as ClusterOptions), {instanceOf: UsageError, message});
	});
}
