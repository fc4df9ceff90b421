/** Reshard, rebalance and move-slot on real servers: beside redis-cli line by line, and where it goes further. */

import test from 'ava';
import {mkdtemp, readdir, rm, stat} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import type {NodeConnection} from '../../src/trib/client.ts';
import {hasRedisServer} from '../helpers/redis-server.ts';
import {normalize, runRedisCli, runTrib} from './harness.ts';
import {RealCluster} from './real-cluster.ts';

const real = hasRedisServer() ? test.serial : test.serial.skip;

real('reshard prints and does what redis-cli prints and does', async (t) => {
	await using theirs = await RealCluster.start(3);
	await using ours = await RealCluster.start(3);
	await Promise.all([theirs.fill(0, 4, 25), ours.fill(0, 4, 25)]);
	const keys = await ours.fill(10_000, 3, 30);
	await theirs.fill(10_000, 3, 30);
	const [expected, run] = await Promise.all([
		runRedisCli([
			'reshard',
			theirs.servers.addresses[0]!,
			'--cluster-from',
			theirs.ids[0]!,
			'--cluster-to',
			theirs.ids[1]!,
			'--cluster-slots',
			'6',
			'--cluster-yes',
		]),
		runTrib({
			command: 'reshard',
			options: {node: ours.nodes[0]!, from: [ours.ids[0]!], to: ours.ids[1]!, slotCount: 6, yes: true},
		}),
	]);
	t.is(run.exitCode, expected.exitCode);
	t.is(run.stderr, expected.stderr);
	t.deepEqual(comparable(run.stdout, ours).split('\n'), comparable(expected.stdout, theirs).split('\n'));
	t.deepEqual(await ours.slotCounts(), [5455, 5468, 5461]);
	t.deepEqual(await ours.wrong(keys), []);
});

/** Nodes stand in the check in an order that hangs on their ids. */
function comparable(text: string, {servers, ids}: RealCluster): string {
	const named = ids.reduce((result, id, i) => result.replaceAll(id, `<id of ${i}>`), text);
	const [check = '', rest = ''] = normalize(named, servers.addresses).split('\nReady to move', 2);
	const lines = check
		.replaceAll(/\n {3}/g, ' ')
		.split('\n')
		.toSorted();
	return `${lines.join('\n')}\nReady to move${rest}`;
}

real("reshard takes from all in redis-cli's proportions", async (t) => {
	await using cluster = await RealCluster.start(3);
	const options = {node: cluster.nodes[0]!, from: ['all'], to: cluster.ids[0]!, slotCount: 101, dryRun: true};
	const run = await runTrib({command: 'reshard', options});
	const expected = await runRedisCli([
		'reshard',
		cluster.servers.addresses[0]!,
		'--cluster-from',
		'all',
		'--cluster-to',
		cluster.ids[0]!,
		'--cluster-slots',
		'101',
		'--cluster-yes',
	]);
	const planOf = (text: string): string[] => text.split('\n').filter((line) => line.startsWith('    Moving'));
	t.is(planOf(run.stdout).length, 101);
	t.deepEqual(planOf(run.stdout), planOf(expected.stdout));
});

real('questions are asked in the words of redis-cli, again after a wrong answer', async (t) => {
	await using cluster = await RealCluster.start(3);
	const [first, second] = cluster.ids as [string, string];
	const answers = ['0', 'x', '2', 'nobody', first, 'nobody', first, second, 'done', 'yes'];
	const run = await runTrib({command: 'reshard', options: {node: cluster.nodes[0]!}}, answers);
	t.is(run.exitCode, 0, run.stdout + run.stderr);
	const asked = run.stdout.slice(run.stdout.indexOf('How many'), run.stdout.indexOf('\nReady'));
	const howMany = 'How many slots do you want to move (from 1 to 16384)? ';
	t.is(
		asked,
		`${howMany}${howMany}${howMany}What is the receiving node ID? ` +
			'*** The specified node (nobody) is not known or not a master, please retry.\n' +
			'What is the receiving node ID? ' +
			'Please enter all the source node IDs.\n' +
			"  Type 'all' to use all the nodes as source nodes for the hash slots.\n" +
			"  Type 'done' once you entered all the source nodes IDs.\n" +
			'Source node #1: ' +
			'*** The specified node (nobody) is not known or not a master, please retry.\n' +
			'Source node #1: *** It is not possible to use the target node as source node.\n' +
			'Source node #1: Source node #2: ',
	);
	t.deepEqual(await cluster.slotCounts(), [5463, 5460, 5461]);

	const declined = await runTrib(
		{command: 'reshard', options: {node: cluster.nodes[0]!, from: ['all'], to: first, slotCount: 1}},
		'no',
	);
	t.is(declined.exitCode, 0);
	const nobody = await runTrib({command: 'reshard', options: {node: cluster.nodes[0]!}}, null);
	t.is(nobody.exitCode, 1);
	t.regex(nobody.stderr, /Nobody is there to answer: nothing was changed/);
	const none = await runTrib({command: 'reshard', options: {node: cluster.nodes[0]!}}, ['1', first, 'done']);
	t.is(none.stderr, '*** No source nodes given, operation aborted.\n');
	t.deepEqual(await cluster.slotCounts(), [5463, 5460, 5461]);
});

real('nodes that are none are refused, and so is a cluster with open slots', async (t) => {
	await using cluster = await RealCluster.start(3);
	const base = {node: cluster.nodes[0]!, slotCount: 1, yes: true};
	const [first, second] = cluster.ids as [string, string];
	const unknown = await runTrib({command: 'reshard', options: {...base, from: ['all'], to: 'nobody'}});
	t.is(unknown.exitCode, 2);
	t.true(
		unknown.stdout.endsWith('*** The specified node (nobody) is not known or not a master, please retry.\n'),
	);
	const same = await runTrib({command: 'reshard', options: {...base, from: [first], to: first}});
	t.is(same.exitCode, 2);
	t.true(same.stdout.endsWith('*** It is not possible to use the target node as source node.\n'));

	await cluster.connections[1]!.call('CLUSTER', 'SETSLOT', '0', 'IMPORTING', first);
	const open = await runTrib({command: 'reshard', options: {...base, from: ['all'], to: second}});
	t.is(open.exitCode, 1);
	t.true(open.stdout.endsWith('*** Please fix your cluster problems before resharding\n'), open.stdout);
	const rebalance = await runTrib({command: 'rebalance', options: {node: cluster.nodes[0]!}});
	t.is(rebalance.exitCode, 1);
	t.true(rebalance.stdout.endsWith('*** Please fix your cluster problems before rebalancing\n'));
	t.deepEqual(await cluster.slotCounts(), [5461, 5462, 5461]);
});

real('rebalance prints and does what redis-cli prints and does', async (t) => {
	await using cluster = await RealCluster.start(3);
	const [address] = cluster.servers.addresses as [string];
	const node = cluster.nodes[0]!;
	const weights = [{node: cluster.ids[0]!.slice(0, 12), weight: 1.01}];
	const same = async (
		options: Parameters<typeof runTrib>[0]['options'],
		...args: readonly string[]
	): Promise<void> => {
		const expected = await runRedisCli(['rebalance', address, ...args]);
		const run = await runTrib({command: 'rebalance', options: {...options, node}});
		t.is(run.stdout, expected.stdout, args.join(' '));
	};
	await same({node});
	await same({node, weights: [{node: 'nobody', weight: 1}]} as never, '--cluster-weight', 'nobody=1');
	const weighted = ['--cluster-weight', `${weights[0]!.node}=1.01`, '--cluster-threshold', '0.1'];
	await same(
		{node, weights, thresholdPercent: 0.1, simulate: true} as never,
		...weighted,
		'--cluster-simulate',
	);
	t.deepEqual(await cluster.slotCounts(), [5461, 5462, 5461]);
	const run = await runTrib({command: 'rebalance', options: {node, weights, thresholdPercent: 0.1}});
	t.is(run.exitCode, 0);
	t.regex(run.stdout, /Moving 19 slots from \S+ to \S+\n#{19}\nMoving 18 slots from \S+ to \S+\n#{18}\n$/);
	t.deepEqual(await cluster.slotCounts(), [5498, 5443, 5443]);
	const unlimited = await runTrib({
		command: 'rebalance',
		options: {node, autoWeights: true, thresholdPercent: 0.1},
	});
	t.regex(unlimited.stdout, /^\*\*\* Not every node has a maxmemory/);
	t.deepEqual((await cluster.slotCounts()).toSorted(), [5461, 5461, 5462]);
});

real('rebalance by keys evens out the keys, and --auto-weights follows maxmemory', async (t) => {
	await using cluster = await RealCluster.start(3);
	const keys = await cluster.fill(0, 30, 10);
	const node = cluster.nodes[0]!;
	const run = await runTrib({command: 'rebalance', options: {node, by: 'keys', parallel: 3}});
	t.is(run.exitCode, 0, run.stdout + run.stderr);
	const counts = await Promise.all(cluster.connections.map((connection) => connection.call('DBSIZE')));
	t.deepEqual(counts, [100, 100, 100]);
	t.deepEqual(await cluster.wrong(keys), []);

	const limits = ['300mb', '100mb', '200mb'];
	await Promise.all(
		cluster.connections.map((connection, i) => connection.call('CONFIG', 'SET', 'maxmemory', limits[i]!)),
	);
	await runTrib({command: 'rebalance', options: {node, autoWeights: true, parallel: 4}});
	// Which of them gets the slots that rounding leaves over hangs on the order of their ids.
	for (const [i, share] of [8192, 2731, 5461].entries()) {
		const count = (await cluster.slotCounts())[i]!;
		t.true(Math.abs(count - share) <= 1, `${count} of ${share}`);
	}
	t.deepEqual(await cluster.wrong(keys), []);
});

real('a dry run tells keys and bytes of each slot and changes nothing', async (t) => {
	await using cluster = await RealCluster.start(3);
	await cluster.fill(0, 2, 3);
	const options = {
		node: cluster.nodes[0]!,
		from: [cluster.ids[0]!],
		to: cluster.ids[1]!,
		slotCount: 3,
		dryRun: true,
	};
	const run = await runTrib({command: 'reshard', options});
	t.regex(run.stdout, /\nslot 0: \S+ -> \S+, 3 keys, \d{3} bytes\n/);
	t.regex(run.stdout, /\nslot 2: \S+ -> \S+, 0 keys, 0 bytes\n/);
	t.regex(run.stdout, /\n3 slots with 6 keys, about \d+ bytes, would move with MIGRATE\.\n$/);
	const json = await runTrib({command: 'reshard', options: {...options, json: true}});
	const report = JSON.parse(json.stdout);
	t.like(report, {command: 'reshard', ok: true, method: 'classic', movedSlots: [], exitCode: 0});
	t.like(report.moves[0], {slots: [[0, 2]], slotCount: 3, keyCount: 6});
	t.like(report.slots[0], {slot: 0, keyCount: 3});
	t.deepEqual(await cluster.slotCounts(), [5461, 5462, 5461]);
});

real(
	'move-slot moves slots with any bytes for keys, big values and times to live, to a node named shortly',
	async (t) => {
		await using cluster = await RealCluster.start(3, {password: 'secret'});
		const tag = 't7';
		const key = Buffer.concat([Buffer.from(`{${tag}}`), Buffer.from([0xff, 0x00, 0x0d, 0x0a, 0xc3])]);
		await cluster.toOwner(key, 'SET', key, Buffer.from([0xfe, 0x01]), 'EX', '1000');
		const big = `{${tag}}big`;
		await cluster.toOwner(big, 'RPUSH', big, ...Array.from({length: 5000}, (_, i) => `element ${i}`));
		const slot = Number(await cluster.connections[0]!.call('CLUSTER', 'KEYSLOT', `{${tag}}`));
		const owner = Math.min(2, Math.floor(slot / 5461));
		const target = (owner + 1) % 3;
		const run = await runTrib({
			command: 'move-slot',
			options: {
				node: cluster.nodes[0]!,
				slots: [slot, slot],
				to: cluster.ids[target]!.slice(0, 10),
				credentials: {password: 'secret'},
			},
		});
		t.is(run.exitCode, 0, run.stdout + run.stderr);
		t.true(
			run.stdout.endsWith(
				`Moving slot ${slot} from ${cluster.servers.addresses[owner]} to ${cluster.servers.addresses[target]}: ..\n`,
			),
		);
		const there = cluster.connections[target]!;
		t.deepEqual(await there.callBinary(['GET', key]), Buffer.from([0xfe, 0x01]));
		t.true(Number(await there.callBinary(['TTL', key])) > 900);
		t.is(await there.call('LLEN', big), 5000);
	},
);

real(
	'a key that the target has with another value stops the move, and is overwritten only when asked for',
	async (t) => {
		const directory = await mkdtemp(join(tmpdir(), 'shoal-journal-'));
		t.teardown(() => rm(directory, {recursive: true, force: true}));
		await using cluster = await RealCluster.start(3);
		const keys = await cluster.fill(0, 1, 3);
		const [key] = keys.keys() as unknown as [string];
		const name = key ?? [...keys.keys()][0]!;
		const [from, to] = cluster.connections as unknown as [NodeConnection, NodeConnection];
		await to.call('CLUSTER', 'SETSLOT', '0', 'IMPORTING', cluster.ids[0]!);
		await Promise.all([to.call('ASKING'), to.call('SET', name, 'another')]);
		await to.call('CLUSTER', 'SETSLOT', '0', 'STABLE');
		const options = {
			node: cluster.nodes[0]!,
			slots: [0, 0] as const,
			to: cluster.ids[1]!,
			journalDir: directory,
		};
		const run = await runTrib({command: 'move-slot', options});
		t.is(run.exitCode, 3);
		t.true(
			run.stdout.includes(`having different values.\n    Source node: ${cluster.servers.addresses[0]}`),
			run.stdout,
		);
		t.true(run.stdout.includes(`     - ${name}\n`));
		t.regex(
			run.stdout,
			/\*\*\* 0 of 1 slots were moved\. Slot 0 may be half moved\.\nTo complete it run: shoal trib reshard --resume \S+\n/,
		);
		t.is(await from.call('GET', name), keys.get(name)!);

		const [file] = await readdir(directory);
		t.is((await stat(join(directory, file!))).mode & 0o777, 0o600);
		const again = await runTrib({command: 'move-slot', options});
		t.regex(
			again.stderr,
			/A move-slot that began at .* did not end\. Complete it with: shoal trib reshard --resume/,
		);
		const resumed = await runTrib({
			command: 'reshard',
			options: {node: cluster.nodes[2]!, recovery: 'resume', replace: true, journalDir: directory},
		});
		t.is(resumed.exitCode, 0, resumed.stdout);
		t.regex(resumed.stdout, />>> The move-slot of \S+: 1 of 1 slots are left to move\.\n/);
		t.deepEqual(await cluster.wrong(keys), []);
		t.is(await cluster.keyCount(), 3);
		t.deepEqual(await readdir(directory), []);
		const nothing = await runTrib({
			command: 'reshard',
			options: {node: cluster.nodes[2]!, recovery: 'resume', journalDir: directory},
		});
		t.is(nothing.exitCode, 1);
	},
);

real('equal values on both nodes, as a broken MIGRATE leaves them, are no conflict', async (t) => {
	await using cluster = await RealCluster.start(3);
	const keys = await cluster.fill(0, 1, 3);
	const [from, to] = cluster.connections as unknown as [NodeConnection, NodeConnection];
	await to.call('CLUSTER', 'SETSLOT', '0', 'IMPORTING', cluster.ids[0]!);
	const {host, port} = cluster.nodes[1]!;
	await from.call('MIGRATE', host, String(port), '', '0', '1000', 'COPY', 'KEYS', ...keys.keys());
	await to.call('CLUSTER', 'SETSLOT', '0', 'STABLE');
	t.is(await cluster.keyCount(), 6);
	const run = await runTrib({
		command: 'move-slot',
		options: {node: cluster.nodes[0]!, slots: [0, 0], to: cluster.ids[1]!},
	});
	t.is(run.exitCode, 0, run.stdout + run.stderr);
	t.true(
		run.stdout.includes(
			'*** Target key exists\n*** Checking key values on both nodes...\n*** Replacing target keys...\n',
		),
	);
	t.is(await cluster.keyCount(), 3);
	t.deepEqual(await cluster.wrong(keys), []);
});

real('several slots at once, and a limit of keys a second, lose nothing', async (t) => {
	await using cluster = await RealCluster.start(3);
	const keys = new Map([...(await cluster.fill(0, 10, 10)), ...(await cluster.fill(10_923, 10, 10))]);
	const seen: string[] = [];
	const job = {
		command: 'reshard',
		options: {
			node: cluster.nodes[0]!,
			from: ['all'],
			to: cluster.ids[1]!,
			slotCount: 20,
			yes: true,
			parallel: 4,
			keysPerSecond: 2000,
			pipeline: 3,
		},
	} as const;
	const {runJob} = await import('../../src/trib/run-job.ts');
	const result = await runJob(job, {
		output: () => undefined,
		ask: () => Promise.resolve(null),
		progress: (done, total, what) => void seen.push(`${what} ${done}/${total}`),
	});
	t.is(result.exitCode, 0);
	t.regex(seen.at(-1)!, /^200 of 200 keys, \S+ KB of \S+ KB, 0:00 left, slots 20\/20$/);
	t.deepEqual(await cluster.wrong(keys), []);
	t.deepEqual(await cluster.slotCounts(), [5451, 5482, 5451]);
});
