import test from 'ava';
import {runJob} from '../../src/trib/run-job.ts';
import {hasRedisServer, startRedisCluster} from '../helpers/redis-server.ts';
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
