/** Memory a key, with a million keys of 16 bytes and values of 64: by the server's own figure, and resident. */
import {connect} from 'node:net';
import {redisCli, residentBytes, type Server, startRedis, startShoal} from './peers.ts';

const KEYS = 1_000_000;
const BATCH = 10_000;

interface Footprint {
	readonly used: number;
	readonly resident: number;
}

const footprint = (server: Server): Footprint => ({
	used: Number(/used_memory:(\d+)/.exec(redisCli(server.ports[0]!, 'info', 'memory'))![1]),
	resident: residentBytes(server.pids),
});

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

export async function memory(): Promise<void> {
	console.log(`Memory a key, ${KEYS} keys of 16 bytes with values of 64 bytes\n`);
	for (const start of [async () => startRedis(1), async () => startShoal({shards: 1})]) {
		const server = await start();
		const before = footprint(server);
		await fill(server.ports[0]!, 0, KEYS);
		const after = footprint(server);
		const used = (after.used - before.used) / KEYS;
		const resident = (after.resident - before.resident) / KEYS;
		console.log(
			`${server.name.padEnd(6)} used_memory ${used.toFixed(0).padStart(4)} bytes   resident ${resident.toFixed(0).padStart(4)} bytes`,
		);
		await server.stop();
	}
}
