/** Entry of a node's worker thread: what the launcher says goes in, what the node says goes out. Nothing else. */
import {parentPort, workerData} from 'node:worker_threads';
import type {FromNode, NodeStart, ToNode} from '../launcher/messages.ts';
import {assert} from '../lib/assert.ts';
import {startNode} from './node.ts';

assert(parentPort !== null, 'a node runs in a worker thread');
const launcher = parentPort;

const post = (message: FromNode): void => {
	launcher.postMessage(message);
};

startNode(workerData as NodeStart, post).then(
	(node) => {
		launcher.on('message', (message: ToNode) => {
			node.receive(message);
		});
	},
	(error: unknown) => {
		const {code, message} = error as {code?: unknown; message?: unknown};
		post({
			kind: 'failed',
			code: typeof code === 'string' ? code : 'ERR_SHOAL_START',
			message: typeof message === 'string' ? message : String(error),
		});
		launcher.close();
	},
);
