import test from 'ava';
import {Command, CommanderError} from 'commander';
import type {Endpoint, TribJob} from '../../src/trib/messages.ts';
import {addTrib} from '../../src/trib/program.ts';

/** Parses the words after `shoal trib`; the job, or the exit code and what was said of wrong usage. */
async function parse(
	words: readonly string[],
	environment: Record<string, string> = {},
	running: Endpoint[] = [],
): Promise<{job: TribJob | null; exitCode: number; said: string}> {
	let job: TribJob | null = null;
	let said = '';
	const run = (given: TribJob): Promise<void> => {
		job = given;
		return Promise.resolve();
	};
	const defaultNodes = (): Promise<Endpoint[]> => Promise.resolve(running);
	const keep = (text: string): void => void (said += text);
	const program = new Command('shoal').exitOverride().configureOutput({writeErr: keep, writeOut: keep});
	addTrib(program, {run, defaultNodes, color: false, environment});
	try {
		await program.parseAsync(['trib', ...words], {from: 'user'});
	} catch (error) {
		if (!(error instanceof CommanderError)) throw error;
		return {job, exitCode: error.exitCode, said};
	}
	return {job, exitCode: 0, said};
}

const node = (port: number): {host: string; port: number} => ({host: '127.0.0.1', port});

for (const words of [
	['create', '--replicas', '1', '--yes', '127.0.0.1:7000', '127.0.0.1:7001'],
	['create', '127.0.0.1:7000', '127.0.0.1:7001', '--cluster-replicas', '1', '--cluster-yes'],
]) {
	test(`create is understood in this spelling: ${words.join(' ')}`, async (t) => {
		const {job} = await parse(words);
		t.deepEqual(job, {
			command: 'create',
			options: {
				color: false,
				json: false,
				dryRun: false,
				nodes: [node(7000), node(7001)],
				yes: true,
				replicas: 1,
			},
		});
	});
}

for (const words of [
	['check', '127.0.0.1:7000', '--search-multiple-owners'],
	['check', '127.0.0.1', '7000', '--cluster-search-multiple-owners'],
]) {
	test(`check is understood in this spelling: ${words.join(' ')}`, async (t) => {
		const {job} = await parse(words);
		t.deepEqual(job, {
			command: 'check',
			options: {
				color: false,
				json: false,
				dryRun: false,
				node: node(7000),
				searchMultipleOwners: true,
			},
		});
	});
}

test('the number of primaries can be given', async (t) => {
	const {job} = await parse(['create', '--masters', '1', '127.0.0.1:7000']);
	t.is(job?.command === 'create' ? job.options.primaries : null, 1);
});

test('the password comes from -a, else from REDISCLI_AUTH', async (t) => {
	const environment = {REDISCLI_AUTH: 'from-outside'};
	const given = await parse(['info', '127.0.0.1:7000', '-a', 'given', '--user', 'ops'], environment);
	t.deepEqual(given.job?.options.credentials, {password: 'given', user: 'ops'});
	const inherited = await parse(['info', '127.0.0.1:7000'], environment);
	t.deepEqual(inherited.job?.options.credentials, {password: 'from-outside'});
	t.is((await parse(['info', '127.0.0.1:7000'])).job?.options.credentials, undefined);
});

test('what is no address is wrong usage, in the words of redis-cli', async (t) => {
	t.deepEqual(await parse(['check', 'localhost']), {
		job: null,
		exitCode: 2,
		said:
			'[ERR] Invalid arguments: you need to pass either a valid address (ie. 120.0.0.1:7000) ' +
			'or space separated IP and port (ie. 120.0.0.1 7000)\n',
	});
	t.like(await parse(['create', '127.0.0.1']), {
		exitCode: 2,
		said: 'Invalid address format: 127.0.0.1\n',
	});
});

test('without an address the nodes that run here are meant, and a port alone is one of this machine', async (t) => {
	const running = [node(7000), node(7001), node(7002)];
	const check = await parse(['check'], {}, running);
	t.deepEqual(check.job?.command === 'check' ? check.job.options.node : null, node(7000));
	const create = await parse(['create'], {}, running);
	t.deepEqual(create.job?.command === 'create' ? create.job.options.nodes : null, running);
	const info = await parse(['info', '7005']);
	t.deepEqual(info.job?.command === 'info' ? info.job.options.node : null, node(7005));
	t.like(await parse(['info']), {exitCode: 2, said: 'no cluster runs here; name a node as host:port\n'});
});

test('--json without --yes or --dry-run is wrong usage, as nobody could be asked', async (t) => {
	t.like(await parse(['create', '--json', '127.0.0.1:7000']), {job: null, exitCode: 2});
	t.true((await parse(['create', '--json', '--dry-run', '127.0.0.1:7000'])).job !== null);
});

test('a number of replicas that is none is refused', async (t) => {
	const {job, said} = await parse(['create', '--replicas', '-1', '127.0.0.1:7000']);
	t.is(job, null);
	t.regex(said, /A whole number from 0 on is wanted/);
});

const plain = {color: false, json: false, dryRun: false, replace: false, classic: false};

for (const words of [
	[
		'reshard',
		'--from',
		'a,b',
		'--to',
		'c',
		'--slots',
		'5',
		'--yes',
		'--timeout',
		'9',
		'--pipeline',
		'3',
		'7000',
	],
	[
		'reshard',
		'127.0.0.1',
		'7000',
		'--cluster-from',
		'a,b',
		'--cluster-to',
		'c',
		'--cluster-slots',
		'5',
		'--cluster-yes',
		'--cluster-timeout',
		'9',
		'--cluster-pipeline',
		'3',
	],
]) {
	test(`reshard is understood in this spelling: ${words.join(' ')}`, async (t) => {
		const {job} = await parse(words);
		const options = {node: node(7000), from: ['a', 'b'], to: 'c', slotCount: 5, timeoutMs: 9, pipeline: 3};
		t.deepEqual(job, {command: 'reshard', options: {...plain, ...options, yes: true}});
	});
}

for (const words of [
	[
		'rebalance',
		'7000',
		'--weight',
		'a=2',
		'--weight',
		'b=0.5',
		'--use-empty-masters',
		'--threshold',
		'1.5',
		'--simulate',
	],
	[
		'rebalance',
		'--weight',
		'a=2',
		'b=0.5',
		'127.0.0.1:7000',
		'--use-empty-masters',
		'--threshold',
		'1.5',
		'--simulate',
	],
	[
		'rebalance',
		'127.0.0.1:7000',
		'--cluster-weight',
		'a=2',
		'b=0.5',
		'--cluster-use-empty-masters',
		'--cluster-threshold',
		'1.5',
		'--cluster-simulate',
	],
]) {
	test(`rebalance is understood in this spelling: ${words.join(' ')}`, async (t) => {
		const {job} = await parse(words);
		const weights = [
			{node: 'a', weight: 2},
			{node: 'b', weight: 0.5},
		];
		const options = {node: node(7000), weights, useEmpty: true, autoWeights: false, simulate: true};
		t.deepEqual(job, {
			command: 'rebalance',
			options: {...plain, ...options, thresholdPercent: 1.5, yes: false},
		});
	});
}

test('move-slot takes a slot or a range, a node, and finds the cluster by the node', async (t) => {
	const one = await parse(['move-slot', '5', '127.0.0.1:7001']);
	t.deepEqual(one.job, {
		command: 'move-slot',
		options: {...plain, yes: false, node: node(7001), slots: [5, 5], to: '127.0.0.1:7001'},
	});
	const range = await parse([
		'move-slot',
		'5-9',
		'abc',
		'127.0.0.1',
		'7000',
		'--rate',
		'100',
		'--parallel',
		'4',
	]);
	t.like(range.job?.options, {node: node(7000), slots: [5, 9], to: 'abc', keysPerSecond: 100, parallel: 4});
	t.like(await parse(['move-slot', '16384', 'abc', '7000']), {exitCode: 2});
});

for (const words of [
	['reshard', '--slots', '16385', '7000'],
	['reshard', '--resume', '--abort', '7000'],
	['reshard', '--json', '--yes', '--slots', '1', '7000'],
	['rebalance', '--by', 'colour', '7000'],
	['rebalance', '--weight', 'a=x', '--', '7000'],
	['rebalance', '--threshold', '-1', '7000'],
	['move-slot', '1', 'abc', '7000', '--parallel', '65'],
]) {
	test(`wrong usage: ${words.join(' ')}`, async (t) => {
		const {job, said} = await parse(words);
		t.is(job, null);
		t.not(said, '');
	});
}
