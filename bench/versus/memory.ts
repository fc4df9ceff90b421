/** Memory a key, with a million keys of 16 bytes and values of 64: by the server's own figure, and resident. */
import {fill} from './fill.ts';
import {redisCli, residentBytes, type Server, startRedis, startShoal} from './peers.ts';

const KEYS = 1_000_000;

interface Footprint {
	readonly used: number;
	readonly resident: number;
}

const footprint = (server: Server): Footprint => ({
	used: Number(/used_memory:(\d+)/.exec(redisCli(server.ports[0]!, 'info', 'memory'))![1]),
	resident: residentBytes(server.pids),
});

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
