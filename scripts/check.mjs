/** `npm run check`: everything that must hold before a commit; CI runs the same. Goes on after a failure, to report all. */
import {ensureBundled, ensureCompiled, ensureInstalled, requireNode, tryTool} from './setup.mjs';
import {declarations} from './declarations.mjs';

requireNode();
ensureInstalled();

/** @type {[string, () => number | Promise<number>][]} */
const checks = [
	['format', () => tryTool('oxfmt', 'oxfmt', ['--check'])],
	['lint', () => tryTool('oxlint', 'oxlint', ['--type-aware', '--deny-warnings'])],
	['types', () => tryTool('typescript', 'tsc', ['-p', '.', '--noEmit'])],
	['unused files, exports and packages', () => tryTool('knip', 'knip', [])],
	[
		'package',
		async () => {
			await ensureBundled();
			declarations();
			return tryTool('publint', 'publint', ['--strict']);
		},
	],
	[
		'tests',
		async () => {
			await ensureCompiled();
			return tryTool('ava', 'ava', []);
		},
	],
];

const failed = [];
for (const [name, run] of checks) {
	console.error(`\n--- ${name}`);
	if ((await run()) !== 0) failed.push(name);
}
console.error(failed.length === 0 ? '\nAll checks passed' : `\nFailed: ${failed.join(', ')}`);
process.exitCode = failed.length === 0 ? 0 : 1;
