/** A stream of JSON values, one a line: how both ends of the control endpoint talk while something goes on. */
import type {Readable} from 'node:stream';

const LONGEST_LINE = 16 << 20;

/** Each value as it comes. Throws on a line that is no JSON. */
export async function* jsonLines(stream: Readable): AsyncGenerator<unknown, undefined> {
	let pending = '';
	for await (const chunk of stream.setEncoding('utf8')) {
		const lines = (pending + String(chunk)).split('\n');
		pending = lines.pop() ?? '';
		if (pending.length > LONGEST_LINE) throw new Error('a line of the stream is too long');
		for (const line of lines) if (line.trim() !== '') yield JSON.parse(line) as unknown;
	}
	if (pending.trim() !== '') yield JSON.parse(pending) as unknown;
	return undefined;
}
