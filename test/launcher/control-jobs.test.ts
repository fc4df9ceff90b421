/** Jobs over the control endpoint, with a scripted manager: `info` ends at once, `check` asks, a search goes on until it is cancelled. */
import test, {type ExecutionContext} from 'ava';
import {ControlClient, Detached} from '../../src/launcher/control-client.ts';
import {ControlServer} from '../../src/launcher/control-server.ts';
import {LaunchError, UsageError} from '../../src/launcher/errors.ts';
import type {LauncherEvent} from '../../src/launcher/events.ts';
import type {Launcher} from '../../src/launcher/launcher.ts';
import type {JobConsole} from '../../src/launcher/manager-thread.ts';
import type {TribJob} from '../../src/trib/messages.ts';
import {eventually, launchScripted} from './helpers/scratch.ts';

interface Setup {
	readonly launcher: Launcher;
	readonly events: readonly LauncherEvent[];
	readonly client: ControlClient;
	readonly asks: TribJob;
	readonly searches: TribJob;
	readonly ends: TribJob;
}

async function setUp(t: ExecutionContext): Promise<Setup> {
	const {launcher, events} = await launchScripted(t, {shards: 1});
	const server = await ControlServer.open(launcher);
	t.teardown(() => server.close());
	const {host, port} = launcher.nodes[0]!.start;
	const node = {host, port};
	return {
		launcher,
		events,
		client: new ControlClient(server.address),
		asks: {command: 'check', options: {node}},
		searches: {command: 'check', options: {node, searchMultipleOwners: true}},
		ends: {command: 'info', options: {node}},
	};
}

class Listener implements JobConsole {
	heard = '';
	id = 0;
	readonly asked: Promise<void>;
	readonly progressed: Promise<void>;
	#onAsk: () => void = () => {};
	#onProgress: () => void = () => {};

	constructor() {
		this.asked = new Promise((resolve) => (this.#onAsk = resolve));
		this.progressed = new Promise((resolve) => (this.#onProgress = resolve));
	}

	began(id: number): void {
		this.id = id;
	}

	output(text: string): void {
		this.heard += text;
	}

	/** Never answers: it thinks until it is gone. */
	ask(question: string): Promise<string | null> {
		this.heard += question;
		this.#onAsk();
		return new Promise(() => {});
	}

	progress(done: number, total: number, what: string): void {
		this.heard += `${what} ${done}/${total}\n`;
		this.#onProgress();
	}
}

test('a job goes on when who asked for it is gone, and others can look on and cancel it', async (t) => {
	const {client, events, launcher, searches} = await setUp(t);
	const [leaving, asker] = [new AbortController(), new Listener()];
	const running = client.run(searches, asker, leaving.signal);
	await asker.progressed;
	leaving.abort();
	await t.throwsAsync(running, {instanceOf: Detached});
	t.like((await client.jobs())[0], {id: 1, command: 'check', state: 'running', exitCode: null});

	const onlooker = new Listener();
	const followed = client.follow(undefined, onlooker);
	await onlooker.progressed;
	t.is(onlooker.heard, 'slots 1/9\n');
	t.like(await client.cancel(1), {id: 1, state: 'running', isCancelling: true});
	t.deepEqual(await followed, {exitCode: 3, report: null});
	t.like((await client.jobs())[0], {
		state: 'cancelled',
		exitCode: 3,
		progress: {done: 1, total: 9, what: 'slots'},
	});
	await t.throwsAsync(client.cancel(1), {
		instanceOf: LaunchError,
		message: 'job 1 has ended: it is cancelled',
	});
	t.like(await eventually(launcher, events, 'job-ended'), {
		id: 1,
		command: 'check',
		state: 'cancelled',
		exitCode: 3,
	});
	t.like(await eventually(launcher, events, 'job-progress'), {id: 1, done: 1, total: 9});
});

test('a question whose asker is gone is one that nobody is there to answer', async (t) => {
	const {client, asks} = await setUp(t);
	const [leaving, asker] = [new AbortController(), new Listener()];
	const running = client.run(asks, asker, leaving.signal);
	await asker.asked;
	leaving.abort();
	await t.throwsAsync(running, {instanceOf: Detached});
	const onlooker = new Listener();
	t.is((await client.follow(asker.id, onlooker)).exitCode, 1);
	t.is(onlooker.heard, 'you said null\n');
});

test('jobs of two askers run one after the other, in the order in which they came', async (t) => {
	const {client, searches, ends} = await setUp(t);
	const [first, second] = [new Listener(), new Listener()];
	const [one, two] = [client.run(searches, first), client.run(ends, second)];
	await first.progressed;
	while ((await client.jobs()).length < 2);
	t.deepEqual(
		(await client.jobs()).map(({id, command, state}) => [id, command, state]),
		[
			[1, 'check', 'running'],
			[2, 'info', 'waiting'],
		],
	);
	t.is(second.heard, '');
	await client.cancel(1);
	t.is((await one).exitCode, 3);
	t.is((await two).exitCode, 0);
	t.is(second.heard, 'password undefined\nnodes 1/2\n');
});

test('a job that waits is cancelled without ever beginning', async (t) => {
	const {client, searches, ends} = await setUp(t);
	const [first, second] = [new Listener(), new Listener()];
	const [one, two] = [client.run(searches, first), client.run(ends, second)];
	while ((await client.jobs()).length < 2);
	const {id} = (await client.jobs()).find(({state}) => state === 'waiting')!;
	t.like(await client.cancel(id), {state: 'cancelled', exitCode: 1});
	const cancelled = id === 1 ? one : two;
	t.is((await cancelled).exitCode, 1);
	await client.cancel(3 - id);
	t.is((await (id === 1 ? two : one)).exitCode, 3);
});

test('a job that is not there is refused, and what is kept of jobs is bounded', async (t) => {
	const {client, ends} = await setUp(t);
	await t.throwsAsync(client.follow(undefined, new Listener()), {
		instanceOf: UsageError,
		message: 'the manager has had no job yet',
	});
	for (let i = 0; i < 22; i++) await client.run(ends, new Listener());
	t.deepEqual(
		(await client.jobs()).map(({id}) => id),
		Array.from({length: 20}, (_, i) => i + 3),
	);
	await t.throwsAsync(client.cancel(2), {
		instanceOf: UsageError,
		message: 'there is no job 2; shoal trib jobs lists them (the oldest are forgotten)',
	});
	await t.throwsAsync(client.follow(23, new Listener()), {
		instanceOf: UsageError,
		message: 'there is no job 23; shoal trib jobs lists them',
	});
});
