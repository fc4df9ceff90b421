/**
 * Makes dist/: what `npm start` runs and what is published. The packages that we use are inside the files: a thread that
 * loads one file boots in half the time of one that loads eighty, and yaml alone is seventy.
 */
import {build} from 'esbuild';
import {createHash} from 'node:crypto';
import {readFileSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {root} from './setup.mjs';

const THREADS = ['node-worker', 'manager-worker'];
/** Made by piscina, not by us: no code cache. */
const JOBS = {'snapshot-job': 'src/node/snapshot-job.ts'};

/** @type {import('esbuild').BuildOptions} */
const common = {
	absWorkingDir: root,
	bundle: true,
	platform: 'node',
	target: 'node20.19',
	sourcemap: 'linked',
	sourcesContent: false,
	// Keeps names: they stand in stack traces and in what an assertion says.
	minifySyntax: true,
	minifyWhitespace: true,
	legalComments: 'none',
	// msgpackr without its native part, which takes longer to load than our frames to pack.
	alias: {msgpackr: join(root, 'node_modules', 'msgpackr', 'index.js')},
	logLevel: 'warning',
};

/** A script that is compiled from a code cache has no import(): the launcher hands one in (src/launcher/threads.ts). */
const handedInImport = {
	name: 'handed-in import',
	/** @param {import('esbuild').PluginBuild} build */
	setup(build) {
		build.onLoad({filter: /[\\/]snapshot-pool\.ts$/}, ({path}) => ({
			contents: readFileSync(path, 'utf8').replace("await import('piscina')", "await $import('piscina')"),
			loader: 'ts',
		}));
	},
};

export async function bundle(outdir = join(root, 'dist')) {
	await Promise.all([
		// Splitting makes a chunk of each dynamic import: `shoal --help` loads no cluster.
		build({
			...common,
			entryPoints: {cli: 'src/cli.ts', index: 'src/index.ts'},
			outdir,
			format: 'esm',
			splitting: true,
			chunkNames: 'chunks/[name]-[hash]',
			// CommonJS packages call it for what Node has built in.
			banner: {
				js: "import {createRequire as $createRequire} from 'node:module';const require = $createRequire(import.meta.url);",
			},
		}),
		// CommonJS: only a classic script can be compiled from a code cache.
		build({
			...common,
			entryPoints: {'node-worker': 'src/node/worker.ts', 'manager-worker': 'src/trib/worker.ts', ...JOBS},
			outdir,
			format: 'cjs',
			outExtension: {'.js': '.cjs'},
			// Loaded when the first large snapshot is made, from where the bundle is; it starts threads from files of its own.
			external: ['piscina'],
			define: {'import.meta.url': '$url'},
			plugins: [handedInImport],
			banner: {js: "const $url = require('node:url').pathToFileURL(__filename).href;"},
		}),
	]);
	for (const name of THREADS) stamp(join(outdir, `${name}.cjs`));
}

/** The last line of a thread's file names its content: the launcher tells by it which code cache is of this file. */
function stamp(file) {
	const code = readFileSync(file);
	const hash = createHash('sha256').update(code).digest('hex').slice(0, 32);
	writeFileSync(file, Buffer.concat([code, Buffer.from(`//# build=${hash}\n`)]));
}
