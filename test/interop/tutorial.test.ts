/**
 * Sections 4 to 6 of the Redis Cluster tutorial as a person goes through them: `shoal` in place of redis-server and
 * redis-trib.rb in one terminal, redis-cli in another. One session, each step on what the one before left.
 */
import anyTest from 'ava';
import {spawn} from 'node:child_process';
import {mkdtempSync, readdirSync, readFileSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {hasRedisServer} from '../helpers/redis-server.ts';

const CLI = fileURLToPath(new URL('../../src/cli.js', import.meta.url));
const DEADLINE_MS = 40_000;
const PAUSE_MS = 100;

interface Output {
	readonly code: number | null;
	readonly text: string;
}

const test = anyTest.serial;
const step = hasRedisServer() ? test : test.skip;
const directory = mkdtempSync(join(tmpdir(), 'shoal-tutorial-'));
/** Ports and ids in the order of the start: three primaries, then their replicas. */
const session: {ports: number[]; ids: string[]; up: ReturnType<typeof spawn> | null} = {
	ports: [],
	ids: [],
	up: null,
};

anyTest.after.always(() => {
	session.up?.kill('SIGKILL');
	rmSync(directory, {recursive: true, force: true});
});

function run(program: string, args: readonly string[], input = ''): Promise<Output> {
	return new Promise((resolve, reject) => {
		const child = spawn(program, args, {cwd: directory, env: {...process.env, NO_COLOR: '1', TERM: 'dumb'}});
		let text = '';
		for (const stream of [child.stdout, child.stderr])
			stream.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
		child.once('error', reject);
		child.once('close', (code) => resolve({code, text}));
		child.stdin.on('error', () => undefined).end(input);
	});
}

const shoal = (...args: readonly string[]): Promise<Output> => run(process.execPath, [CLI, ...args]);

/** The lines that redis-cli -c prints for the lines that are typed. */
async function type(port: number, ...lines: readonly string[]): Promise<string[]> {
	const {text} = await run('redis-cli', ['-c', '--no-raw', '-p', String(port)], `${lines.join('\n')}\n`);
	return text.trim().split('\n');
}

const redirected = (slot: number, port: number): string =>
	`-> Redirected to slot [${slot}] located at 127.0.0.1:${port}`;

/** Does it again until what it gives is right, as a person does who waits for a cluster. */
async function until<T>(give: () => Promise<T> | T, isRight: (given: T) => boolean): Promise<T> {
	for (const deadline = Date.now() + DEADLINE_MS; ;) {
		const given = await give();
		if (isRight(given)) return given;
		if (Date.now() > deadline) throw new Error(`still not so:\n${JSON.stringify(given, null, '\t')}`);
		await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
	}
}

const check = (port: number): Promise<Output> => shoal('trib', 'check', `127.0.0.1:${port}`);

/** The lines of `trib check` that are about the node. */
function linesAbout({text}: Output, port: number): string[] {
	const lines = text.split('\n').map((line) => line.trim());
	const at = lines.findIndex((line) => /^[MS]: /.test(line) && line.endsWith(`127.0.0.1:${port}`));
	const rest = lines.slice(at + 1);
	const end = rest.findIndex((line) => /^(?:[MS]: |\[)/.test(line));
	return at < 0 ? [] : [lines[at]!, ...rest.slice(0, end)];
}

step('4. six nodes are started and become a cluster of three primaries with a replica each', async (t) => {
	const options = [
		'--replicas',
		'1',
		'--base-port',
		'0',
		'--node-timeout',
		'1000',
		'--config',
		'appendonly=yes',
	];
	const up = spawn(process.execPath, [CLI, 'up', ...options], {
		cwd: directory,
		stdio: ['ignore', 'pipe', 'inherit'],
	});
	session.up = up;
	let text = '';
	up.stdout.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
	await until(
		() => text,
		(so) => so.includes('\n'),
	);
	t.regex(text, /^Cluster ready: 6 nodes, 16384 slots covered, /);
	const status = await shoal('status', '--json');
	const {nodes} = JSON.parse(status.text) as {nodes: {port: number; nodeId: string}[]};
	session.ports = nodes.map(({port}) => port);
	session.ids = nodes.map(({nodeId}) => nodeId);

	const checked = await check(session.ports[0]!);
	t.is(checked.code, 0, checked.text);
	t.true(checked.text.includes('[OK] All nodes agree about slots configuration.'));
	t.true(checked.text.includes('[OK] All 16384 slots covered.'));
	for (const [index, slots] of ['0-5460] (5461', '5461-10922] (5462', '10923-16383] (5461'].entries()) {
		t.deepEqual(linesAbout(checked, session.ports[index]!), [
			`M: ${session.ids[index]} 127.0.0.1:${session.ports[index]}`,
			`slots:[${slots} slots) master`,
			'1 additional replica(s)',
		]);
	}
	const replicated = session.ports.slice(3).map((port) => linesAbout(checked, port).at(-1));
	t.deepEqual(
		replicated.toSorted(),
		session.ids
			.slice(0, 3)
			.map((id) => `replicates ${id}`)
			.toSorted(),
	);
});

step('5. any node takes any command, also a replica, and redis-cli follows the redirections', async (t) => {
	const [first = 0, second = 0, third = 0] = session.ports;
	t.deepEqual(await type(first, 'set my_name yangyi', 'get my_name'), [
		redirected(12_803, third),
		'OK',
		'"yangyi"',
	]);
	t.deepEqual(await type(session.ports[5]!, 'get my_name'), [redirected(12_803, third), '"yangyi"']);
	t.deepEqual(
		await type(
			third,
			'set age 123',
			'set height 565',
			'set sex 1',
			'set home china',
			'set city shanghai',
			'set citylocate shanghaipudong',
			'set wsdwxzx hhh',
		),
		[
			redirected(741, first),
			'OK',
			redirected(8223, second),
			'OK',
			redirected(2584, first),
			'OK',
			redirected(10_814, second),
			'OK',
			redirected(11_479, third),
			'OK',
			'OK',
			'OK',
		],
	);
});

/** The replica of the node of that id, as the cluster says now. */
async function replicaOf(id: string): Promise<number> {
	const {text} = await run('redis-cli', ['-p', String(session.ports[1]), 'cluster', 'replicas', id]);
	return Number(/127\.0\.0\.1:(\d+)@/.exec(text)?.[1]);
}

step('6. the append-only file of a replica holds the commands of its primary', async (t) => {
	const files = join(directory, '.shoal', String(await replicaOf(session.ids[0]!)), 'appendonlydir');
	const read = (): string =>
		readdirSync(files)
			.filter((name) => name.endsWith('.incr.aof'))
			.map((name) => readFileSync(join(files, name), 'latin1'))
			.join('');
	const text = await until(read, (so) => so.includes('sex'));
	t.true(text.includes('*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n'));
	t.true(text.includes('*3\r\n$3\r\nset\r\n$3\r\nage\r\n$3\r\n123\r\n'));
	t.true(text.includes('*3\r\n$3\r\nset\r\n$3\r\nsex\r\n$1\r\n1\r\n'));
	t.false(text.includes('my_name'));
});

step('6. a killed primary is replaced by its replica, with all data', async (t) => {
	const [first = 0, second = 0] = session.ports;
	const replica = await replicaOf(session.ids[0]!);
	const killed = await shoal('chaos', 'kill', String(first));
	t.is(killed.code, 0, killed.text);
	const gone = await check(first);
	t.is(gone.code, 1);
	t.regex(gone.text, /Could not connect to Redis at 127\.0\.0\.1:\d+: Connection refused/);
	const checked = await until(
		() => check(second),
		({code}) => code === 0,
	);
	t.deepEqual(linesAbout(checked, replica), [
		`M: ${session.ids[session.ports.indexOf(replica)]} 127.0.0.1:${replica}`,
		'slots:[0-5460] (5461 slots) master',
	]);
	t.deepEqual(await type(second, 'get sex', 'get age'), [redirected(2584, replica), '"1"', '"123"']);
});

step('6. the node that comes back is a replica of the one that took its place', async (t) => {
	const [first = 0, second = 0] = session.ports;
	const checkedBefore = await check(second);
	const promoted = /^M: (\S+) 127\.0\.0\.1:(\d+)\n\s+slots:\[0-5460\]/m.exec(checkedBefore.text);
	await type(Number(promoted?.[2]), 'set sex 2');
	const started = await shoal('chaos', 'start', String(first));
	t.is(started.code, 0, started.text);
	const checked = await until(
		() => check(second),
		(so) => linesAbout(so, first).includes(`replicates ${promoted?.[1]}`),
	);
	t.deepEqual(linesAbout(checked, first), [
		`S: ${session.ids[0]} 127.0.0.1:${first}`,
		'slots: (0 slots) slave',
		`replicates ${promoted?.[1]}`,
	]);
	t.true(linesAbout(checked, Number(promoted?.[2])).includes('1 additional replica(s)'));
	// It has what was written while it was away.
	const read = (): Promise<string[]> =>
		run('redis-cli', ['-p', String(first)], 'readonly\nget sex\n').then(({text}) => text.trim().split('\n'));
	t.deepEqual(await until(read, ([, value]) => value === '2'), ['OK', '2']);
});

step('everything ends cleanly', async (t) => {
	const ended = new Promise((resolve) => session.up?.once('close', resolve));
	const down = await shoal('down');
	t.is(down.code, 0, down.text);
	t.is(await ended, 0);
	session.up = null;
});
