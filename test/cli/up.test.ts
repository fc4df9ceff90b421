import {existsSync, readdirSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import test, {type ExecutionContext} from 'ava';
import {addressRange} from '../../src/cli/address-range.ts';
import {scratchDirectory} from '../launcher/helpers/scratch.ts';
import {tellNode} from '../launcher/helpers/tell-node.ts';
import {runShoal, startShoal, type Running} from './helpers/run-shoal.ts';

function up(t: ExecutionContext, cwd: string, ...args: string[]): Running {
	const running = startShoal(cwd, ['up', '--base-port', '0', ...args]);
	t.teardown(() => running.child.kill('SIGKILL'));
	return running;
}

const READY = /^Cluster ready: 3 nodes, 16384 slots covered, 127\.0\.0\.1:[\d,-]+ in \d+\.\d\d s$/;

test('one line when the cluster is ready; SIGINT stops it cleanly', async (t) => {
	const cwd = scratchDirectory(t);
	const {child, firstLine, ended, output} = up(t, cwd);
	t.regex(await firstLine, READY);
	child.kill('SIGINT');
	t.is(await ended, 0);
	t.is(output.stdout.split('\n').slice(1).join('\n'), 'Stopping: SIGINT\n');
	t.is(output.stderr, '');
	t.true(readdirSync(join(cwd, '.shoal')).every((name) => /^\d+$/.test(name)));
});

test('--quiet says nothing, --json one object a line', async (t) => {
	const cwd = scratchDirectory(t);
	const quiet = up(t, cwd, '--quiet', '--data-dir', 'a');
	const json = up(t, cwd, '--json', '--data-dir', 'b');
	const ready = await new Promise<Record<string, unknown>>((resolve) => {
		json.child.stdout.on('data', () => {
			const line = json.output.stdout.split('\n').find((text) => text.includes('"ready"'));
			if (line !== undefined) resolve(JSON.parse(line) as Record<string, unknown>);
		});
	});
	t.like(ready, {event: 'ready', nodes: 3, slots: 16_384});
	json.child.kill('SIGTERM');
	t.is(await json.ended, 0);
	for (const line of json.output.stdout.trim().split('\n'))
		t.notThrows(() => JSON.parse(line) as unknown, line);
	// Its control endpoint tells when it is up, since it says nothing itself.
	while (!existsSync(join(cwd, 'a', 'control.json'))) await new Promise((resolve) => setTimeout(resolve, 10));
	t.is((await runShoal(cwd, ['down', '--data-dir', 'a'])).code, 0);
	t.is(await quiet.ended, 0);
	t.deepEqual(quiet.output, {stdout: '', stderr: ''});
});

test('status, trib and down from a second terminal', async (t) => {
	const cwd = scratchDirectory(t);
	const {firstLine, ended} = up(t, cwd, '--name', 'demo');
	await firstLine;
	const status = await runShoal(cwd, ['status']);
	t.is(status.code, 0);
	t.regex(
		status.stdout,
		/^demo: ok, 16384 slots covered, up \d+ s, process \d+\n(?: {2}[0-9a-f]{40} {2}127\.0\.0\.1:\d+ {2}running {2}cluster ok\n){3}$/,
	);
	t.deepEqual(await runShoal(cwd, ['trib', 'check'], 'yes\n'), {
		code: 0,
		stdout: 'sure? you said yes\n',
		stderr: '',
	});
	t.deepEqual(await runShoal(cwd, ['trib', 'check'], ''), {
		code: 1,
		stdout: 'sure? you said null\n',
		stderr: '',
	});
	t.deepEqual(await runShoal(cwd, ['down']), {code: 0, stdout: 'Cluster stopped\n', stderr: ''});
	t.is(await ended, 0);
});

test('trib works without a cluster of ours', async (t) => {
	t.deepEqual(await runShoal(scratchDirectory(t), ['trib', 'info', '127.0.0.1:1', '-a', 'pw']), {
		code: 0,
		stdout: 'password pw\n',
		stderr: '',
	});
});

test('a crash is told with its cause, and the status is a problem', async (t) => {
	const cwd = scratchDirectory(t);
	const {firstLine, output} = up(t, cwd);
	await firstLine;
	const {nodes} = JSON.parse((await runShoal(cwd, ['status', '--json'])).stdout) as {
		nodes: {host: string; port: number}[];
	};
	const [node] = nodes;
	await tellNode(node?.host ?? '', node?.port ?? 0, 'crash');
	let status = await runShoal(cwd, ['status']);
	while (status.code === 0) status = await runShoal(cwd, ['status']);
	t.regex(status.stdout, /^shoal: NOT ok.*\n.*crashed {2}Error: scripted crash\n/);
	t.regex(
		output.stderr,
		new RegExp(`^Node ${node?.port} crashed, the others live on: Error: scripted crash\\n`),
	);
});

test('when all nodes have ended, so does the command', async (t) => {
	const cwd = scratchDirectory(t);
	const {firstLine, ended} = up(t, cwd, '--shards', '1');
	const line = await firstLine;
	await tellNode('127.0.0.1', Number(/:(\d+) in/.exec(line)?.[1]), 'shutdown').catch(() => {});
	t.is(await ended, 0);
	t.false(existsSync(join(cwd, '.shoal', 'control.json')));
});

test('the second signal forces', async (t) => {
	const cwd = scratchDirectory(t);
	const file = join(cwd, 'never.cjs');
	writeFileSync(file, '');
	const {child, firstLine, ended, output} = up(t, cwd);
	await firstLine;
	child.kill('SIGINT');
	child.kill('SIGTERM');
	t.is(await ended, 0);
	t.is(output.stderr, '');
});

test('--no-create leaves empty nodes', async (t) => {
	const {firstLine} = up(t, scratchDirectory(t), '--no-create');
	t.regex(await firstLine, /^Listening: 3 empty nodes, 127\.0\.0\.1:[\d,-]+ in \d+\.\d\d s$/);
});

test('./cluster.yaml counts, and options win over it', async (t) => {
	const cwd = scratchDirectory(t);
	writeFileSync(join(cwd, 'cluster.yaml'), 'shards: 2\nbasePort: 60000\nname: filed\n');
	t.deepEqual(await runShoal(cwd, ['up']), {
		code: 2,
		stdout: '',
		stderr:
			'shoal: cluster.yaml:2: basePort: port 60001 leaves no room for its bus port 70001 (the highest is 65535); write 55534 or less for 2 nodes\n',
	});
	const {firstLine} = up(t, cwd);
	t.regex(await firstLine, /^Cluster ready: 2 nodes/);
});

for (const [ports, text] of [
	[[7000, 7001, 7002], '127.0.0.1:7000-7002'],
	[[7000], '127.0.0.1:7000'],
	[[7005, 7000, 7004], '127.0.0.1:7000,7004-7005'],
] as const) {
	test(`addresses in few words: ${text}`, (t) => {
		t.is(addressRange(ports.map((port) => ({host: '127.0.0.1', port}))), text);
	});
}
