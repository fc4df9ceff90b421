/** A manager's worker that "creates" a cluster of scripted nodes, asks a question on `check`, and searches until it is cancelled. */
import {parentPort} from 'node:worker_threads';
import type {FromManager, ToManager} from '../../../src/trib/messages.ts';
import {tellNode} from './tell-node.ts';

const says = (message: FromManager): void => parentPort?.postMessage(message);

parentPort?.on('message', async (message: ToManager) => {
	if (message.kind === 'answer') {
		says({kind: 'output', id: message.id, text: `you said ${message.text}\n`, stream: 'stdout'});
		says({kind: 'done', id: message.id, exitCode: message.text === 'yes' ? 0 : 1, report: null});
	}
	if (message.kind === 'cancel') says({kind: 'done', id: message.id, exitCode: 3, report: null});
	if (message.kind !== 'job') return;
	const {id, job} = message;
	switch (job.command) {
		case 'create':
			says({kind: 'output', id, text: `>>> creating ${job.options.nodes.length}\n`, stream: 'stdout'});
			for (const [index, {host, port}] of job.options.nodes.entries()) {
				await tellNode(host, port, 'ok');
				const {primaries = 0} = job.options;
				// Ids of scripted nodes are made of their indexes.
				if (index >= primaries)
					await tellNode(host, port, `replica ${String(index % primaries).repeat(40)} up`);
			}
			says({kind: 'done', id, exitCode: 0, report: null});
			break;
		case 'check':
			// A search is endless: until it is cancelled.
			if (job.options.searchMultipleOwners === true)
				says({kind: 'progress', id, done: 1, total: 9, what: 'slots'});
			else says({kind: 'prompt', id, text: 'sure? '});
			break;
		case 'info':
			says({kind: 'output', id, text: `password ${job.options.credentials?.password}\n`, stream: 'stdout'});
			says({kind: 'progress', id, done: 1, total: 2, what: 'nodes'});
			says({kind: 'done', id, exitCode: 0, report: null});
			break;
		default:
			throw new Error(`no test asks for ${job.command}`);
	}
});
says({kind: 'ready'});
