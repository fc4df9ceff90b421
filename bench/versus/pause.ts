/** The longest time for which a node answers nobody while it grows to ten million keys: PINGs on a connection of their own. */
import {connect} from 'node:net';
import {fillBeside} from './fill.ts';
import {type Server, startRedis, startShoal} from './peers.ts';

const KEYS = 10_000_000;

async function longestPauseMs(server: Server): Promise<{readonly worst: number; readonly p999: number}> {
	const port = server.ports[0]!;
	const socket = connect(port, '127.0.0.1').setNoDelay(true);
	const times: number[] = [];
	let sentAt = 0;
	const ping = (): void => {
		sentAt = performance.now();
		socket.write('PING\r\n');
	};
	socket.on('data', () => {
		times.push(performance.now() - sentAt);
		ping();
	});
	ping();
	await fillBeside(port, 0, KEYS);
	socket.destroy();
	times.sort((a, b) => a - b);
	return {worst: times.at(-1)!, p999: times[Math.floor(times.length * 0.999)]!};
}

export async function pause(): Promise<void> {
	console.log(`Longest wait of a PING while ${KEYS} keys are loaded in pipelines of 10,000\n`);
	for (const start of [async () => startRedis(1), async () => startShoal({shards: 1})]) {
		const server = await start();
		const {worst, p999} = await longestPauseMs(server);
		console.log(`${server.name.padEnd(6)} worst ${worst.toFixed(1)} ms   p99.9 ${p999.toFixed(1)} ms`);
		await server.stop();
	}
}
