/** Writes dist/index.d.ts and the declarations that it refers to, and no others. */
import {mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {dirname, join, relative} from 'node:path';
import {root, runTool} from './setup.mjs';

export function declarations() {
	const all = mkdtempSync(join(tmpdir(), 'shoal-declarations-'));
	try {
		runTool('typescript', 'tsc', [
			'-p',
			'.',
			'--declaration',
			'--emitDeclarationOnly',
			'--sourceMap',
			'false',
			'--outDir',
			all,
		]);
		const wanted = ['index.d.ts'];
		// Grows while it is walked: what a declaration imports is wanted too.
		for (const file of wanted) {
			const text = readFileSync(join(all, 'src', file), 'utf8').replaceAll(
				/(from |import\()(['"])(\.[^'"]+)\.(?:ts|js)\2/g,
				(_, word, quote, path) => {
					const target = relative('.', join(dirname(file), `${path}.d.ts`));
					if (!wanted.includes(target)) wanted.push(target);
					return `${word}${quote}${path}.js${quote}`;
				},
			);
			const place = join(root, 'dist', file);
			mkdirSync(dirname(place), {recursive: true});
			writeFileSync(place, text);
		}
	} finally {
		rmSync(all, {recursive: true, force: true});
	}
}
