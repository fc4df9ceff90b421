/** Atomic slot migration, in both dialects, against servers that speak them. */

import test from 'ava';
import {mkdtemp, readdir, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {Journal} from '../../src/trib/journal.ts';
import {runJob} from '../../src/trib/run-job.ts';
import {FakeCluster} from './fake-cluster.ts';
import {runTrib, Script} from './harness.ts';

const a = 'a'.repeat(40);
const b = 'b'.repeat(40);

for (const [dialect, method, command] of [
	['redis-8.4', 'import', '1> CLUSTER MIGRATION IMPORT 0 9'],
	['valkey-9', 'migrateslots', `0> CLUSTER MIGRATESLOTS SLOTSRANGE 0 9 NODE ${b}`],
] as const) {
	test(`${dialect}: slots move atomically where every node offers it`, async (t) => {
		await using cluster = await FakeCluster.start(dialect, dialect);
		const options = {node: cluster.nodes[0]!, from: [a], to: b, slotCount: 10, yes: true, json: true};
		const run = await runTrib({command: 'reshard', options});
		t.is(run.exitCode, 0, run.stdout);
		t.deepEqual(cluster.changes, [command]);
		t.is(cluster.slotsOf(1), '0-9 8192-16383');
		t.like(JSON.parse(run.stdout), {ok: true, method, movedSlots: [[0, 9]], movedKeyCount: 10});
	});

	test(`${dialect}: progress tells keys and bytes of all slots of a batch`, async (t) => {
		await using cluster = await FakeCluster.start(dialect, dialect);
		cluster.emptySlotCount = 4;
		cluster.keyBytes = 100;
		const told: string[] = [];
		const script = Object.assign(new Script(), {
			progress: (done: number, total: number, what: string) => told.push(`${what} ${done}/${total}`),
		});
		const options = {node: cluster.nodes[0]!, slots: [0, 9] as const, to: b};
		t.is((await runJob({command: 'move-slot', options}, script)).exitCode, 0);
		t.is(told.at(-1), '6 of 6 keys, 600 bytes of 600 bytes, 0:00 left, slots 10/10');
	});

	test(`${dialect}: a rebalance moves scattered slots as ranges, in batches`, async (t) => {
		await using cluster = await FakeCluster.start(dialect, dialect);
		const run = await runTrib({
			command: 'rebalance',
			options: {node: cluster.nodes[0]!, weights: [{node: a, weight: 3}]},
		});
		t.is(run.exitCode, 0, run.stdout);
		t.is(cluster.changes.length, 8);
		t.true(run.stdout.endsWith(`${'#'.repeat(4096)}\n`));
		t.is(cluster.slotsOf(0), '0-12287');
	});

	test(`${dialect}: a migration that fails is told with its reason, and nothing is half moved`, async (t) => {
		await using cluster = await FakeCluster.start(dialect, dialect);
		cluster.endsWith = 'failure';
		const options = {node: cluster.nodes[0]!, slots: [0, 9] as const, to: b};
		const run = await runTrib({command: 'move-slot', options});
		t.is(run.exitCode, 1);
		t.regex(
			run.stdout,
			/\[ERR\] Node \S+: the migration of slots 0-9 failed: out of memory\n\*\*\* 0 of 10 slots were moved\.\n$/,
		);
		t.is(cluster.slotsOf(1), '8192-16383');
	});

	for (const recovery of ['resume', 'abort'] as const) {
		test(`${dialect}: --${recovery} ends what the servers still do for a killed manager`, async (t) => {
			const directory = await mkdtemp(join(tmpdir(), 'shoal-journal-'));
			t.teardown(() => rm(directory, {recursive: true, force: true}));
			await using cluster = await FakeCluster.start(dialect, dialect);
			cluster.begin(0, 1, [[0, 4]]);
			const moves = Array.from({length: 10}, (_, slot) => ({slot, source: a, target: b}));
			const content = {
				command: 'reshard',
				startedAt: '2025-01-01T00:00:00.000Z',
				method,
				nodes: [a, b],
				moves,
			};
			await Journal.create(directory, content);
			if (recovery === 'abort') cluster.endsWith = 'goes on';
			const options = {node: cluster.nodes[0]!, recovery, journalDir: directory};
			const run = await runTrib({command: 'reshard', options});
			t.is(run.exitCode, 0, run.stdout);
			t.is(cluster.slotsOf(1), recovery === 'resume' ? '0-9 8192-16383' : '8192-16383');
			t.false(cluster.tasks.some(({state}) => state === 'running'));
			t.deepEqual(await readdir(directory), []);
		});
	}
}

test('no slot moves while two primaries have the same epoch: one of them is about to take a new one', async (t) => {
	await using cluster = await FakeCluster.start('redis-8.4', 'redis-8.4');
	cluster.collidingLooks = 20;
	const script = new Script();
	const left: number[] = [];
	cluster.onChange = () => left.push(cluster.collidingLooks);
	const options = {node: cluster.nodes[0]!, slots: [0, 9] as const, to: b};
	t.is((await runJob({command: 'move-slot', options}, script)).exitCode, 0, script.stdout);
	t.deepEqual(left, [0]);
});

for (const [title, dialects, options] of [
	['one node does not offer it', ['redis-8.4', 'none'], {}],
	['the nodes offer different kinds', ['redis-8.4', 'valkey-9'], {}],
	['--classic is given', ['redis-8.4', 'redis-8.4'], {classic: true}],
	['a rate is wanted', ['valkey-9', 'valkey-9'], {keysPerSecond: 10}],
] as const) {
	test(`slots move by MIGRATE when ${title}`, async (t) => {
		await using cluster = await FakeCluster.start(dialects[0], dialects[1]);
		const run = await runTrib({
			command: 'move-slot',
			options: {node: cluster.nodes[0]!, slots: [0, 0], to: b, dryRun: true, json: true, ...options},
		});
		t.like(JSON.parse(run.stdout), {method: 'classic'});
		t.deepEqual(cluster.changes, []);
	});
}
