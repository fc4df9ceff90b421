/** Loads keys as fast as one connection takes them. Run as a worker thread, it leaves the thread that measures alone. */
import {connect} from 'node:net';
import {isMainThread, parentPort, Worker, workerData} from 'node:worker_threads';

const BATCH = 10_000;

interface Range {
	readonly port: number;
	readonly from: number;
	readonly to: number;
}

/** SETs `key:000000000000` and on, a batch at a time. */
export async function fill(port: number, from: number, to: number): Promise<void> {
	const socket = connect(port, '127.0.0.1');
	const value = 'v'.repeat(64);
	let replies = 0;
	let wake: () => void = () => undefined;
	socket.on('data', (chunk) => {
		replies += chunk.length / '+OK\r\n'.length;
		wake();
	});
	for (let at = from; at < to; at += BATCH) {
		const end = Math.min(to, at + BATCH);
		let batch = '';
		for (let i = at; i < end; i++) {
			batch += `*3\r\n$3\r\nSET\r\n$16\r\nkey:${String(i).padStart(12, '0')}\r\n$64\r\n${value}\r\n`;
		}
		socket.write(batch);
		while (replies < end - from - 0.5) await new Promise<void>((resolve) => (wake = resolve));
	}
	socket.destroy();
}

/** The same from a thread of its own. */
export async function fillBeside(port: number, from: number, to: number): Promise<void> {
	const worker = new Worker(new URL(import.meta.url), {workerData: {port, from, to} satisfies Range});
	return new Promise((resolve, reject) => {
		worker.once('message', () => {
			resolve();
		});
		worker.once('error', reject);
	});
}

if (!isMainThread) {
	const {port, from, to} = workerData as Range;
	await fill(port, from, to);
	parentPort?.postMessage('filled');
}
