/** Makes a stack trace from a bundled thread readable: places in the bundle become places in the sources. */
import {readFileSync} from 'node:fs';
import {SourceMap, type SourceMapPayload} from 'node:module';
import * as path from 'node:path';

/** `/some/where/dist/node-worker.cjs:3:8071`, as it stands in a stack. */
const BUNDLED_PLACE = /((?:\/|[A-Za-z]:\\)[^\s():]*\.cjs):(\d+):(\d+)/g;

/** The stack as it is where it names no bundle, or where a bundle has no map. */
export function readableStack(stack: string): string {
	const maps = new Map<string, SourceMap | null>();
	return stack.replace(BUNDLED_PLACE, (place, file: string, line: string, column: string) => {
		if (!maps.has(file)) maps.set(file, readMap(`${file}.map`));
		const entry = maps.get(file)?.findEntry(Number(line) - 1, Number(column) - 1);
		if (entry === undefined || !('originalSource' in entry)) return place;
		return `${path.resolve(path.dirname(file), entry.originalSource)}:${entry.originalLine + 1}:${entry.originalColumn + 1}`;
	});
}

function readMap(file: string): SourceMap | null {
	try {
		return new SourceMap(JSON.parse(readFileSync(file, 'utf8')) as SourceMapPayload);
	} catch {
		return null;
	}
}
