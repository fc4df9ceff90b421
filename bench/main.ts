/** `npm run bench [-- name ...]`: the comparisons with redis-server and the micro-benchmarks, one after the other. */
import {boot} from './versus/boot.ts';
import {failover} from './versus/failover.ts';
import {files} from './versus/files.ts';
import {memory} from './versus/memory.ts';
import {pause} from './versus/pause.ts';
import {reshard} from './versus/reshard.ts';
import {replicated, throughput} from './versus/throughput.ts';

const benchmarks: Readonly<Record<string, () => Promise<unknown>>> = {
	boot,
	throughput,
	replicated,
	failover,
	files,
	reshard,
	memory,
	pause,
	slots: async () => import('./slots.ts'),
	resp: async () => import('./resp.ts'),
	keyspace: async () => import('./keyspace.ts'),
	commands: async () => import('./commands.ts'),
	gossip: async () => import('./gossip.ts'),
	rdb: async () => import('./rdb.ts'),
};

const names = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(benchmarks);
for (const name of names) {
	const benchmark = benchmarks[name];
	if (benchmark === undefined) {
		console.error(`There is no benchmark ${name}. There are: ${Object.keys(benchmarks).join(', ')}.`);
		process.exit(2);
	}
	console.log(`\n── ${name} ──`);
	await benchmark();
}
