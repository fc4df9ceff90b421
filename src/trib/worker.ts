/** The built-in manager: a thread beside the nodes that takes jobs by messages and speaks RESP to the nodes, as anybody. */

import {parentPort} from 'node:worker_threads';
import {assert, unreachable} from '../lib/assert.ts';
import type {FromManager, ToManager, TribJob} from './messages.ts';
import {runJob} from './run-job.ts';

assert(parentPort !== null, 'the manager runs as a worker');
const port = parentPort;

const waiting: {readonly id: number; readonly job: TribJob}[] = [];
const cancelled = new Set<number>();
const askers = new Map<number, (answer: string | null) => void>();
let isRunning = false;

port.on('message', (message: ToManager) => {
	switch (message.kind) {
		case 'job':
			waiting.push(message);
			void runWaiting();
			return;
		case 'answer':
			answer(message.id, message.text);
			return;
		case 'cancel':
			cancelled.add(message.id);
			answer(message.id, null);
			return;
		default:
			unreachable(message);
	}
});
tell({kind: 'ready'});

function answer(id: number, text: string | null): void {
	const resolve = askers.get(id);
	askers.delete(id);
	resolve?.(text);
}

/** One job after the other: two plans for the same nodes must never mix. */
async function runWaiting(): Promise<void> {
	if (isRunning) return;
	isRunning = true;
	for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
		await run(next.id, next.job);
	}
	isRunning = false;
}

async function run(id: number, job: TribJob): Promise<void> {
	const {exitCode, report} = await runJob(job, {
		output: (text, stream) => tell({kind: 'output', id, text, stream}),
		isCancelled: () => cancelled.has(id),
		ask: (text) =>
			new Promise((resolve) => {
				askers.set(id, resolve);
				tell({kind: 'prompt', id, text});
			}),
		progress: (done, total, what) => tell({kind: 'progress', id, done, total, what}),
	});
	cancelled.delete(id);
	tell({kind: 'done', id, exitCode, report});
}

function tell(message: FromManager): void {
	port.postMessage(message);
}
