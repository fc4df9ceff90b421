/** A manager that is killed at any moment leaves a cluster that --resume completes and --abort closes, with every key. */

import test from 'ava';
import {mkdtemp, readdir, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {Worker} from 'node:worker_threads';
import {Prng} from '../../src/lib/prng.ts';
import {ConnectionError, NodeConnection} from '../../src/trib/client.ts';
import type {FromManager, ToManager, TribJob} from '../../src/trib/messages.ts';
import {hasRedisServer} from '../helpers/redis-server.ts';
import {runTrib} from './harness.ts';
import {RealCluster, waitUntil} from './real-cluster.ts';

const real = hasRedisServer() ? test.serial : test.serial.skip;

const SLOTS = 6;
const ROUNDS = 24;

/**
 * Lets the manager of this process send so many commands and then none: as if it had been killed there.
 * @param isSent whether the last command still leaves, and only its reply is lost
 */
async function killedAfter<T>(commandCount: number, isSent: boolean, work: () => Promise<T>): Promise<T> {
	const {call, callBinary} = NodeConnection.prototype;
	let count = 0;
	const cut = (send: (this: NodeConnection, ...words: never[]) => Promise<unknown>) =>
		async function (this: NodeConnection, ...words: never[]): Promise<unknown> {
			count++;
			if (count === commandCount && isSent) await send.apply(this, words);
			if (count >= commandCount) throw new ConnectionError(this.endpoint, 'killed');
			return send.apply(this, words);
		};
	NodeConnection.prototype.call = cut(call as never) as typeof call;
	NodeConnection.prototype.callBinary = cut(callBinary as never) as typeof callBinary;
	try {
		return await work();
	} finally {
		Object.assign(NodeConnection.prototype, {call, callBinary});
	}
}

async function journalDirectory(): Promise<{path: string} & AsyncDisposable> {
	const path = await mkdtemp(join(tmpdir(), 'shoal-journal-'));
	return {path, [Symbol.asyncDispose]: () => rm(path, {recursive: true, force: true})};
}

for (const recovery of ['resume', 'abort'] as const) {
	real(`a reshard that is killed at any command is ended by --${recovery} with all keys`, async (t) => {
		await using directory = await journalDirectory();
		await using cluster = await RealCluster.start(3);
		const keys = new Map([
			...(await cluster.fill(0, SLOTS, 5)),
			...(await cluster.fill(5461, SLOTS, 5)),
			...(await cluster.fill(10_923, SLOTS, 5)),
		]);
		const random = new Prng(recovery === 'resume' ? 1 : 2);
		const node = cluster.nodes[0]!;
		const options = {node, journalDir: directory.path};
		let interrupted = 0;
		for (let round = 0; round < ROUNDS; round++) {
			const target = round % 3;
			const source = (round + 1) % 3;
			const before = await cluster.slotCounts();
			const job: TribJob = {
				command: 'reshard',
				options: {
					...options,
					from: [cluster.ids[source]!],
					to: cluster.ids[target]!,
					slotCount: SLOTS,
					yes: true,
					pipeline: 2,
					parallel: 1 + random.below(3),
				},
			};
			// The view costs some 15 commands, each slot 8 or more.
			const commandCount = 12 + random.below(70);
			const isSent = random.below(2) === 1;
			const what = `round ${round}, killed at ${commandCount}, ${isSent ? 'sent' : 'not sent'}`;
			const run = await killedAfter(commandCount, isSent, () => runTrib(job));
			const isLeft = (await readdir(directory.path)).length > 0;
			if (isLeft) {
				interrupted++;
				t.not(run.exitCode, 0, what);
				const again = await runTrib({command: 'reshard', options: {...options, recovery}});
				t.is(again.exitCode, 0, `${what}\n${again.stdout}${again.stderr}`);
				t.deepEqual(await readdir(directory.path), [], what);
			}
			// One that was killed while it told the others what is done has left nothing to do: they hear it by gossip.
			const isInOrder = async (): Promise<boolean> =>
				(await runTrib({command: 'check', options: {node}})).exitCode === 0;
			if (isLeft) t.true(await isInOrder(), what);
			else await waitUntil(isInOrder);
			t.deepEqual(await cluster.wrong(keys), [], what);
			t.is(await cluster.keyCount(), keys.size, what);
			const after = await cluster.slotCounts();
			if (isLeft && recovery === 'resume') t.is(after[target]! - before[target]!, SLOTS, what);
		}
		t.true(interrupted > ROUNDS / 2, `${interrupted} of ${ROUNDS} rounds were interrupted at work`);
	});
}

real(
	'a manager whose thread ends in the midst of a reshard is followed by one that completes it',
	async (t) => {
		await using directory = await journalDirectory();
		await using cluster = await RealCluster.start(3);
		const keys = await cluster.fill(0, 20, 20);
		const options = {node: cluster.nodes[0]!, journalDir: directory.path};
		const job: TribJob = {
			command: 'reshard',
			options: {
				...options,
				from: [cluster.ids[0]!],
				to: cluster.ids[1]!,
				slotCount: 20,
				yes: true,
				pipeline: 1,
			},
		};
		const worker = new Worker(new URL('../../src/trib/worker.js', import.meta.url));
		await new Promise<void>((resolve, reject) => {
			let seen = 0;
			worker.once('error', reject);
			worker.once('exit', () => resolve());
			worker.on('message', (message: FromManager) => {
				if (message.kind === 'done') reject(new Error('it was done before it could be ended'));
				if (message.kind === 'progress' && ++seen === 50) void worker.terminate();
			});
			worker.postMessage({kind: 'job', id: 0, job} satisfies ToManager);
		});
		const dry = await runTrib({command: 'reshard', options: {...options, recovery: 'resume', dryRun: true}});
		t.regex(dry.stdout, />>> The reshard of \S+: \d+ of 20 slots are left to move\.\n/);
		const resumed = await runTrib({command: 'reshard', options: {...options, recovery: 'resume'}});
		t.is(resumed.exitCode, 0, resumed.stdout + resumed.stderr);
		t.deepEqual(await cluster.slotCounts(), [5441, 5482, 5461]);
		t.deepEqual(await cluster.wrong(keys), []);
		t.is(await cluster.keyCount(), keys.size);
	},
);

real('a journal that cannot be written stops the job before anything is changed', async (t) => {
	await using cluster = await RealCluster.start(3);
	const run = await runTrib({
		command: 'move-slot',
		options: {node: cluster.nodes[0]!, slots: [0, 0], to: cluster.ids[1]!, journalDir: '/dev/null/shoal'},
	});
	t.is(run.exitCode, 1);
	t.regex(run.stdout, /\[ERR\] The journal cannot be written, and nothing was changed: .*ENOTDIR/);
	t.deepEqual(await cluster.slotCounts(), [5461, 5462, 5461]);
});
