/** Micro-benchmarks of the protocol: a chunk as `redis-benchmark -P 16 -d 64` sends it, and the replies to it. */

import {Bench} from 'tinybench';
import {regionOf} from '../src/lib/region.ts';
import {ReplyParser} from '../src/resp/reply-parser.ts';
import {ReplyWriter} from '../src/resp/reply-writer.ts';
import {COMPLETE, RequestParser} from '../src/resp/request-parser.ts';
import {Request} from '../src/resp/request.ts';

const COMMANDS = 16;

function pipeline(...words: readonly string[]): Uint8Array {
	const one = `*${words.length}\r\n${words.map((word) => `$${word.length}\r\n${word}\r\n`).join('')}`;
	return new TextEncoder().encode(one.repeat(COMMANDS));
}

const parser = new RequestParser();
const request = new Request();
const parseAll = (chunk: Uint8Array): (() => void) => {
	const region = regionOf(chunk);
	const end = chunk.length;
	return () => {
		let count = 0;
		for (let at = 0; at < end; at = request.end) {
			if (parser.parse(request, region, at, end) === COMPLETE) count++;
		}
		if (count !== COMMANDS) throw new Error('a command is missing');
	};
};

const reply = new ReplyWriter();
const value = regionOf(new Uint8Array(64).fill(0x78));
const writeAll =
	(write: () => void): (() => void) =>
	() => {
		reply.clear();
		for (let i = 0; i < COMMANDS; i++) write();
	};

const replies = new TextEncoder().encode(`$64\r\n${'x'.repeat(64)}\r\n`.repeat(COMMANDS));
const replyParser = new ReplyParser();
const ignore = (): void => {};

const bench = new Bench({name: `protocol, ${COMMANDS} commands a task`, time: 300, warmupTime: 100})
	.add('parse GET key:000000000001', parseAll(pipeline('GET', 'key:000000000001')))
	.add(
		'parse SET key:000000000001 of 64 bytes',
		parseAll(pipeline('SET', 'key:000000000001', 'x'.repeat(64))),
	)
	.add(
		'parse MSET of 10 pairs',
		parseAll(pipeline('MSET', ...Array.from({length: 20}, () => 'key:000000000001'))),
	)
	.add(
		'write +OK',
		writeAll(() => reply.ok()),
	)
	.add(
		'write a bulk string of 64 bytes',
		writeAll(() => reply.bulkRegion(value, 0, 64)),
	)
	.add(
		'write integers up to 1023',
		writeAll(() => reply.integer(reply.length & 1023)),
	)
	.add(
		'write integers of 7 digits',
		writeAll(() => reply.integer(1_234_567 + reply.length)),
	)
	.add(
		'write doubles',
		writeAll(() => reply.double(3.3)),
	)
	.add('read replies of 64 bytes', () => replyParser.feed(replies, ignore));

await bench.run();
console.log(bench.name);
console.table(
	bench.tasks.map(({name, result}) => {
		const {latency} = result as {readonly latency?: {readonly mean: number}};
		return {task: name, 'ns a command': latency ? Math.round((latency.mean * 1e6) / COMMANDS) : 'failed'};
	}),
);
