import test from 'ava';
import {once} from 'node:events';
import {Worker} from 'node:worker_threads';
import type {FromManager, ToManager, TribJob} from '../../src/trib/messages.ts';
import {freePort, hasRedisServer, startRedisCluster} from '../helpers/redis-server.ts';
import {endpoints} from './harness.ts';

/** Gives the jobs to a manager's thread at once and gathers all that it says until the last is done. */
async function runJobs(jobs: readonly TribJob[], answer: string | null): Promise<FromManager[]> {
	const worker = new Worker(new URL('../../src/trib/worker.js', import.meta.url));
	const messages: FromManager[] = [];
	const tell = (message: ToManager): void => worker.postMessage(message);
	await new Promise<void>((resolve, reject) => {
		let doneCount = 0;
		worker.once('error', reject);
		worker.on('message', (message: FromManager) => {
			messages.push(message);
			if (message.kind === 'prompt') tell({kind: 'answer', id: message.id, text: answer});
			if (message.kind === 'done' && ++doneCount === jobs.length) resolve();
		});
		for (const [id, job] of jobs.entries()) tell({kind: 'job', id, job});
	});
	const exited = once(worker, 'exit');
	await worker.terminate();
	await exited;
	return messages;
}

test('jobs run one after the other, in the order they came, and each ends with done', async (t) => {
	const node = {host: '127.0.0.1', port: await freePort()};
	const messages = await runJobs(
		[
			{command: 'check', options: {node}},
			{command: 'info', options: {node}},
		],
		null,
	);
	const complaint = `Could not connect to Redis at 127.0.0.1:${node.port}: Connection refused\n`;
	t.deepEqual(messages, [
		{kind: 'ready'},
		{kind: 'output', id: 0, text: complaint, stream: 'stderr'},
		{kind: 'done', id: 0, exitCode: 1, report: null},
		{kind: 'output', id: 1, text: complaint, stream: 'stderr'},
		{kind: 'done', id: 1, exitCode: 1, report: null},
	]);
});

(hasRedisServer() ? test : test.skip)('a question goes to the asker and its answer comes back', async (t) => {
	await using servers = await startRedisCluster(3);
	const nodes = endpoints(servers.addresses);
	const messages = await runJobs([{command: 'create', options: {nodes}}], 'yes');
	const prompts = messages.filter(({kind}) => kind === 'prompt');
	t.deepEqual(prompts, [
		{kind: 'prompt', id: 0, text: "Can I set the above configuration? (type 'yes' to accept): "},
	]);
	const done = messages.at(-1);
	t.true(done?.kind === 'done' && done.exitCode === 0 && done.report?.ok === true);
	const progress = messages.filter((message) => message.kind === 'progress');
	t.deepEqual(progress.at(-1), {...progress.at(-1)!, done: progress.length, total: progress.length});
});
