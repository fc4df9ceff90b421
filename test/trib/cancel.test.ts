import {mkdtemp, readdir, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import test from 'ava';
import {runJob} from '../../src/trib/run-job.ts';
import {hasRedisServer, startRedisCluster} from '../helpers/redis-server.ts';
import {FakeCluster} from './fake-cluster.ts';
import {endpoints, runTrib, Script} from './harness.ts';

/** Somebody cancels after so many steps. */
class Impatient extends Script {
	readonly #patience: number;
	#stepCount = 0;

	constructor(patience: number) {
		super();
		this.#patience = patience;
	}

	progress(): void {
		this.#stepCount++;
	}

	isCancelled(): boolean {
		return this.#stepCount >= this.#patience;
	}
}

const real = hasRedisServer() ? test : test.skip;

real('a job that is cancelled before its first step changes nothing', async (t) => {
	await using servers = await startRedisCluster(3);
	const nodes = endpoints(servers.addresses);
	const script = new Impatient(0);
	const {exitCode} = await runJob({command: 'create', options: {nodes, yes: true}}, script);
	t.is(exitCode, 1);
	t.is(script.stderr, 'Cancelled: nothing was done.\n');
	t.is((await runTrib({command: 'create', options: {nodes, yes: true}})).exitCode, 0);
});

real('a job that is cancelled half-way ends after the step under way, with exit code 3', async (t) => {
	await using servers = await startRedisCluster(3);
	const nodes = endpoints(servers.addresses);
	const script = new Impatient(1);
	const {exitCode, report} = await runJob({command: 'create', options: {nodes, yes: true}}, script);
	t.is(exitCode, 3);
	t.is(report, null);
	t.is(script.stderr, 'Cancelled after the step that was under way: the work is partly done.\n');
	t.false(script.stdout.includes('[OK] All nodes agree'));
});

for (const parallel of [1, 3]) {
	test(`slots that move, ${parallel} at a time: those under way end, the journal stays, and --resume moves the rest`, async (t) => {
		const journalDir = await mkdtemp(join(tmpdir(), 'shoal-journal-'));
		t.teardown(() => rm(journalDir, {recursive: true, force: true}));
		await using cluster = await FakeCluster.start('redis-8.4', 'redis-8.4');
		const [from, to] = cluster.ids as [string, string];
		const options = {
			node: cluster.nodes[0]!,
			from: [from],
			to,
			slotCount: 4096,
			yes: true,
			journalDir,
			parallel,
		};
		const script = new Impatient(1);
		const {exitCode, report} = await runJob({command: 'reshard', options}, script);
		t.is(exitCode, 3);
		t.is(cluster.changes.length, parallel);
		t.false(cluster.tasks.some(({state}) => state === 'running'));
		t.like(report, {ok: false, openSlots: [], movedKeyCount: parallel * 512});
		t.regex(script.stdout, /Cancelled.*\n\*\*\* \d+ of 4096 slots were moved\.\n.*--resume/);
		t.is((await readdir(journalDir)).length, 1);
		const resumed = await runTrib({
			command: 'reshard',
			options: {node: cluster.nodes[0]!, recovery: 'resume', journalDir},
		});
		t.is(resumed.exitCode, 0, resumed.stdout);
		t.is(cluster.slotsOf(1), '0-4095 8192-16383');
		t.deepEqual(await readdir(journalDir), []);
	});
}
