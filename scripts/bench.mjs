/** `npm run bench [-- name ...]`: the benchmarks whose file name holds one of the names, or all of them, one after the other. */
import {ensureBundled, ensureCompiled, ensureInstalled, requireNode, root} from './setup.mjs';
import {spawnSync} from 'node:child_process';
import {readdirSync} from 'node:fs';
import {join} from 'node:path';

requireNode();
ensureInstalled();
await ensureCompiled();
await ensureBundled();
const names = process.argv.slice(2);
const directory = join(root, 'build', 'bench');
const files = readdirSync(directory)
	.filter((file) => file.endsWith('.bench.js'))
	.filter((file) => names.length === 0 || names.some((name) => file.includes(name)));
if (files.length === 0) {
	console.error(`shoal: no benchmark is called ${names.join(' or ')}; see bench/*.bench.ts`);
	process.exitCode = 2;
}
for (const file of files) {
	console.log(`\n--- ${file.replace('.bench.js', '')}`);
	// A process each: what one leaves in the heap must not slow the next.
	const {status} = spawnSync(process.execPath, ['--expose-gc', join(directory, file)], {cwd: root, stdio: 'inherit'});
	if (status !== 0) process.exitCode = 1;
}
