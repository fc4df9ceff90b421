/** Where the code of the threads is. Entry points find it beside themselves and pass it down. */
import {existsSync} from 'node:fs';

/** The entry files of our threads; bundled ones are CommonJS and end in `.cjs`. */
export interface ThreadFiles {
	readonly node: URL;
	readonly manager: URL;
}

/** The threads that stand beside an entry point, given by its `import.meta.url`: bundles in dist/, modules in build/. */
export function threadFilesBeside(entryPoint: string): ThreadFiles {
	const bundle = new URL('./node-worker.cjs', entryPoint);
	return existsSync(bundle)
		? {node: bundle, manager: new URL('./manager-worker.cjs', entryPoint)}
		: {node: new URL('./node/worker.js', entryPoint), manager: new URL('./trib/worker.js', entryPoint)};
}
