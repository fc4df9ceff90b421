/**
 * A node's worker that does what a test tells it by directives of its config: enough of a node for the launcher, nothing of
 * Redis. A line sent to its port makes it act: `ok`, `crash`, `exhaust`, `exit`, `shutdown`, `dial <host> <busPort>`,
 * `replica <id of its primary> <up or down>`, `primary`. What it was told to be it still is when it is started again.
 */
import {existsSync, readFileSync, writeFileSync} from 'node:fs';
import {createServer} from 'node:net';
import {join} from 'node:path';
import {parentPort, workerData, type MessagePort} from 'node:worker_threads';
import type {FromNode, NodeStart, ToNode} from '../../../src/launcher/messages.ts';

const start = workerData as NodeStart;
const says = (message: FromNode): void => parentPort?.postMessage(message);
const links: MessagePort[] = [];
let requests = 0;
/** More than any test asks for. */
const REPLICAS = 1000;

if (start.config['test-start'] === 'crash') throw new Error('scripted crash at the start');

// What it was told to be: nothing yet, `member`, or the line that made it a replica.
const confFile = join(start.directory, 'nodes.conf');
const conf = existsSync(confFile) ? readFileSync(confFile, 'utf8') : '';
if (!existsSync(confFile)) writeFileSync(confFile, '');
console.log('a line on standard output');

const server = createServer((socket) => {
	socket.setEncoding('utf8').on('data', (text: string) => {
		for (const line of text.trim().split('\n')) socket.write(`${act(line)}\n`);
	});
	socket.on('error', () => {});
});
server.on('error', (error: NodeJS.ErrnoException) => {
	says({kind: 'failed', code: error.code ?? '', message: error.message});
	parentPort?.close();
});
// As real nodes do that do not understand their files; `crash` stands for those that break on them.
if (conf === 'crash') throw new Error('scripted crash of a file');
if (conf === 'corrupt') {
	says({kind: 'failed', code: 'ERR_SHOAL_START', message: `${confFile}: corrupt at offset 0`});
	parentPort?.close();
} else
	server.listen(start.port, start.host, () => {
		says({
			kind: 'listening',
			host: start.host,
			port: start.port,
			nodeId: String(start.index).repeat(40).slice(0, 40),
		});
		const knownNodeCount = Number(start.config['test-known'] ?? (conf === '' ? 1 : start.nodeCount));
		const ok = knownNodeCount > 1 || conf !== '';
		if (conf.startsWith('replica')) act(conf);
		says({kind: 'cluster-state', ok, assignedCount: ok ? 16_384 : 0, knownNodeCount, replicaCount: REPLICAS});
	});

parentPort?.on('message', (message: ToNode) => {
	switch (message.kind) {
		case 'bus-accept':
		case 'bus-connected':
			links.push(message.port);
			message.port.on('message', (text: string) =>
				says({kind: 'log', level: 'notice', text: `heard ${text}`}),
			);
			message.port.postMessage(`hello from ${start.port}`);
			break;
		case 'stream-accept':
		case 'stream-connected':
			message.port.close();
			break;
		case 'bus-refused':
		case 'stream-refused':
			says({kind: 'log', level: 'notice', text: `refused ${message.request}`});
			break;
		case 'stop':
			if (start.config['test-stop'] === 'never') return;
			for (const link of links) link.close();
			says({kind: 'stopped'});
			break;
	}
});

function act(line: string): string {
	const [word, host = '', busPort = ''] = line.split(' ');
	switch (word) {
		case 'ok':
			if (readFileSync(confFile, 'utf8') === '') writeFileSync(confFile, 'member');
			says({
				kind: 'cluster-state',
				ok: true,
				assignedCount: 16_384,
				knownNodeCount: start.nodeCount,
				replicaCount: REPLICAS,
			});
			return 'done';
		case 'crash':
			setImmediate(() => {
				throw new Error('scripted crash');
			});
			return 'done';
		case 'exhaust': {
			const hoard: unknown[] = [];
			for (;;) hoard.push(Array.from({length: 10_000}, (_, i) => ({i})));
		}
		case 'exit':
			process.exit(7);
		// eslint-disable-next-line no-fallthrough -- the line above ends the thread
		case 'shutdown':
			says({kind: 'shutting-down', by: 'SHUTDOWN by a client'});
			says({kind: 'stopped'});
			return 'done';
		case 'replica':
			writeFileSync(confFile, line);
			says({kind: 'role', role: 'replica', primaryId: host, linkUp: busPort === 'up'});
			return 'done';
		case 'primary':
			says({kind: 'role', role: 'primary', linkUp: false});
			return 'done';
		case 'dial':
			says({kind: 'bus-connect', request: ++requests, host, busPort: Number(busPort)});
			return 'done';
		case 'config':
			return JSON.stringify(start.config);
		default:
			return 'what?';
	}
}
