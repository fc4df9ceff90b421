import test, {type ExecutionContext} from 'ava';
import {scratchDirectory} from '../launcher/helpers/scratch.ts';
import {tellNode} from '../launcher/helpers/tell-node.ts';
import {runShoal, startShoal} from './helpers/run-shoal.ts';

interface Nodes {
	readonly nodes: readonly {readonly port: number; readonly phase: string; readonly nodeId: string}[];
}

/** A cluster of scripted nodes that runs in a directory, and the commands of a second terminal there. */
async function running(t: ExecutionContext, ...args: string[]) {
	const cwd = scratchDirectory(t);
	const up = startShoal(cwd, ['up', '--base-port', '0', ...args]);
	t.teardown(() => up.child.kill('SIGKILL'));
	await up.firstLine;
	const shoal = (...words: string[]) => runShoal(cwd, words);
	const {nodes} = JSON.parse((await shoal('status', '--json')).stdout) as Nodes;
	return {up, shoal, nodes, ports: nodes.map(({port}) => port)};
}

const idOf = (index: number): string => String(index).repeat(40);

test('chaos kill, start and restart from a second terminal, and what up prints of it', async (t) => {
	const {up, shoal, ports} = await running(t);
	const at = (index: number): string => `127.0.0.1:${ports[index]}`;
	t.deepEqual(await shoal('chaos', 'kill', 'node', '1', '0'), {
		code: 0,
		stdout: `Node ${at(0)} is killed: ${idOf(0)}\nNode ${at(1)} is killed: ${idOf(1)}\n`,
		stderr: '',
	});
	const status = await shoal('status');
	t.is(status.code, 1);
	t.regex(status.stdout, /killed {2}shoal chaos kill\n/);
	t.deepEqual(await shoal('chaos', 'start', at(1)), {
		code: 0,
		stdout: `Node ${at(1)} runs again: ${idOf(1)}\n`,
		stderr: '',
	});
	t.is((await shoal('chaos', 'restart', '2', '--after', '10ms', '--graceful')).code, 0);
	t.is((await shoal('chaos', 'kill', 'all')).code, 0);
	t.is((await shoal('chaos', 'start', 'all')).code, 0);
	t.is((await shoal('status')).code, 0);
	t.is((await shoal('down')).code, 0);
	t.is(await up.ended, 0);
	const lines = up.output.stdout.split('\n');
	t.true(lines.includes(`Node ${ports[1]} killed: shoal chaos kill`));
	t.true(lines.includes(`Node ${ports[1]} started: ${idOf(1)}`));
	t.true(lines.includes(`Node ${ports[2]} stopped: shoal chaos restart`));
	t.is(up.output.stderr, '');
});

test('node start, list and stop', async (t) => {
	const {shoal, ports} = await running(t, '--shards', '1');
	const [first = 0] = ports;
	const started = await shoal('node', 'start', '--json');
	t.is(started.code, 0);
	const report = JSON.parse(started.stdout) as Nodes;
	t.like(report, {action: 'add', ok: true});
	const {port = 0} = report.nodes[0] ?? {};
	t.true(port > first);
	t.is((await shoal('status')).code, 0);
	t.deepEqual(await shoal('node', 'list'), {
		code: 0,
		stdout: [
			`  0  ${idOf(0)}  127.0.0.1:${first}  running  cluster ok`,
			`  1  ${idOf(1)}  127.0.0.1:${port}  running  alone`,
			'',
		].join('\n'),
		stderr: '',
	});
	t.deepEqual(await shoal('node', 'stop', String(port)), {
		code: 0,
		stdout: `Node 127.0.0.1:${port} is stopped: ${idOf(1)}\n`,
		stderr: '',
	});
	t.deepEqual(await shoal('node', 'start', '--port', String(port)), {
		code: 2,
		stdout: '',
		stderr: `shoal: node ${port} is there and stopped; start it again with shoal node start ${port}\n`,
	});
	t.is((await shoal('node', 'start', String(port))).code, 0);
	const list = JSON.parse((await shoal('node', 'list', '--json')).stdout) as Nodes['nodes'];
	t.deepEqual(
		list.map(({phase}) => phase),
		['running', 'running'],
	);
});

test('what cannot be done is exit code 1, what means no node is 2', async (t) => {
	const {shoal, ports} = await running(t);
	t.deepEqual(await shoal('chaos', 'start', '0'), {
		code: 1,
		stdout: '',
		stderr: `shoal: node ${ports[0]} runs already\n`,
	});
	t.deepEqual(await shoal('chaos', 'kill', 'nobody'), {
		code: 2,
		stdout: '',
		stderr: `shoal: nobody: there is no such node; there are 0 to 2, on ports ${ports.join(', ')}\n`,
	});
	t.deepEqual(await shoal('chaos', 'restart', '0', '--after', '61m'), {
		code: 2,
		stdout: '',
		stderr: 'shoal: afterMs: must be milliseconds, an hour at most, not 3660000\n',
	});
	const both = await shoal('chaos', 'start', '0', '--json');
	t.is(both.code, 1);
	t.like(JSON.parse(both.stdout), {
		action: 'start',
		ok: false,
		nodes: [{error: `node ${ports[0]} runs already`}],
	});
});

test('status shows of whom a node is a replica, and whether it hears it', async (t) => {
	const {shoal, nodes} = await running(t, '--shards', '1', '--replicas', '1');
	const [primary, replica] = nodes;
	const lines = async (): Promise<string[]> => (await shoal('status')).stdout.split('\n').slice(1, 3);
	t.deepEqual(await lines(), [
		`  ${idOf(0)}  127.0.0.1:${primary?.port}  running  cluster ok`,
		`  ${idOf(1)}  127.0.0.1:${replica?.port}  running  replica of 127.0.0.1:${primary?.port}, link up  cluster ok`,
	]);
	await tellNode('127.0.0.1', primary?.port ?? 0, 'primary');
	await tellNode('127.0.0.1', replica?.port ?? 0, `replica ${idOf(7)} down`);
	t.is((await shoal('status')).code, 1);
	t.deepEqual(await lines(), [
		`  ${idOf(0)}  127.0.0.1:${primary?.port}  running  primary  cluster ok`,
		`  ${idOf(1)}  127.0.0.1:${replica?.port}  running  replica of ${idOf(7)}, link DOWN  cluster ok`,
	]);
});

test('--restart on-failure: up tells the crash, the delay and the new start; --json one object a line', async (t) => {
	const [plain, json] = await Promise.all([
		running(t, '--restart', 'on-failure'),
		running(t, '--restart', 'on-failure', '--json'),
	]);
	for (const {up, ports, shoal} of [plain, json]) {
		await tellNode('127.0.0.1', ports[1]!, 'crash');
		await new Promise<void>((resolve) => {
			const look = (): void => {
				if (/started/.test(up.output.stdout)) resolve();
			};
			up.child.stdout.on('data', look);
			look();
		});
		await shoal('down');
		t.is(await up.ended, 0);
	}
	t.regex(plain.up.output.stderr, /^Node \d+ crashed, the others live on: Error: scripted crash\n/);
	t.true(plain.up.output.stderr.includes(`Node ${plain.ports[1]} starts again in 0.1 s\n`));
	const events = json.up.output.stdout
		.trim()
		.split('\n')
		.map((line) => JSON.parse(line) as {event: string; delayMs?: number})
		.filter(({event}) => /^node-(?:crashed|restarting|started)$/.test(event));
	t.deepEqual(
		events.map(({event}) => event),
		['node-crashed', 'node-restarting', 'node-started'],
	);
	t.is(events[1]?.delayMs, 100);
});
