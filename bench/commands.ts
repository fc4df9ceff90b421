/**
 * Micro-benchmarks of the command layer, as the executor goes through it: parse, look up, check the arity,
 * run, reply. `parse` and `look up` are the first one and two of these alone.
 */

import {Bench} from 'tinybench';

import {Client, type ClientConnection} from '../src/commands/client.ts';
import {allCommands} from '../src/commands/families.ts';
import type {Context} from '../src/commands/context.ts';
import type {Services} from '../src/commands/services.ts';
import {CommandTable} from '../src/commands/table.ts';
import {Keyspace} from '../src/data/keyspace.ts';
import {type Region, regionOf} from '../src/lib/region.ts';
import {ReplyWriter} from '../src/resp/reply-writer.ts';
import {COMPLETE, RequestParser} from '../src/resp/request-parser.ts';
import {Request} from '../src/resp/request.ts';

/** Commands a task: one alone is shorter than the benchmark's clock. */
const COMMANDS = 1000;
/** Different keys, so that none stays in the first cache. */
const KEYS = 10_000;

const table = new CommandTable(allCommands);
const db = new Keyspace();
db.now = Date.now();
const reply = new ReplyWriter();
const request = new Request();
const connection: ClientConnection = {
	fd: 0,
	pendingInputBytes: 0,
	inputBufferBytes: 0,
	pendingOutputBytes: 0,
	pendingOutputBuffers: 0,
	close() {},
	closeAfterReplies() {},
	push() {},
	resume() {},
	feed() {},
	setNoDelay() {},
	setHeldBytes() {},
};
const context: Context = {
	reply,
	request,
	db,
	client: new Client(1, connection, '', '', 0),
	// The handlers measured here need no other service.
	services: {table, databases: [db], cluster: null} as unknown as Services,
};

const parser = new RequestParser();

/** So many commands as a client sends them, with the number of the key in place of `#`. */
function chunk(line: string): Region {
	const commands = Array.from({length: KEYS}, (_, i) => {
		const words = line
			.split(' ')
			.map((word) => word.replaceAll('#', String((i * 7919) % KEYS).padStart(8, '0')));
		return `*${words.length}\r\n${words.map((word) => `$${word.length}\r\n${word}\r\n`).join('')}`;
	});
	return regionOf(new TextEncoder().encode(commands.join('')));
}

/** Goes through the chunk, `COMMANDS` at a time, and begins anew at its end. */
function walk(line: string, each: () => void): () => void {
	const region = chunk(line);
	let at = 0;
	return () => {
		reply.clear();
		for (let i = 0; i < COMMANDS; i++) {
			if (at === region.bytes.length) at = 0;
			if (parser.parse(request, region, at, region.bytes.length) !== COMPLETE)
				throw new Error('not complete');
			at = request.end;
			each();
		}
	};
}

const parse = (line: string): (() => void) => walk(line, () => {});

const lookUp = (line: string): (() => void) =>
	walk(line, () => {
		if (table.find(request) === null) throw new Error(`${line} is no command`);
	});

const run = (line: string): (() => void) =>
	walk(line, () => {
		const command = table.find(request);
		if (command === null || !command.acceptsCount(request.count)) throw new Error(`${line} is no command`);
		command.execute(context);
	});

const value = 'x'.repeat(64);
const fill = run(`SET key:# ${value}`);
for (let i = 0; i < KEYS / COMMANDS; i++) fill();

const bench = new Bench({name: `commands, ${COMMANDS} a task, ${KEYS} keys`, time: 300, warmupTime: 100})
	.add('parse get', parse('get key:#'))
	.add('look up get', lookUp('get key:#'))
	.add('look up PEXPIREAT', lookUp('PEXPIREAT key:# 1'))
	.add('look up client no-evict', lookUp('client no-evict on'))
	.add('PING', run('PING'))
	.add('GET', run('GET key:#'))
	.add('SET', run(`SET key:# ${value}`))
	.add('SET with EX', run(`SET key:# ${value} EX 100`))
	.add('SET with NX and GET (grammar)', run(`SET key:# ${value} NX GET`))
	.add('EXISTS', run('EXISTS key:#'))
	.add('EXISTS of 4', run('EXISTS key:# key:# key:# key:#'))
	.add('TTL', run('TTL key:#'))
	.add('EXPIRE', run('EXPIRE key:# 100'))
	.add('EXPIRE with GT (grammar)', run('EXPIRE key:# 100 GT'))
	.add('DEL of nothing', run('DEL nosuch:#'))
	.add('TYPE', run('TYPE key:#'));

await bench.run();
console.log(bench.name);
console.table(
	bench.tasks.map(({name, result}) => {
		const {latency} = result as {readonly latency?: {readonly mean: number}};
		return {task: name, 'ns a command': latency ? Math.round((latency.mean * 1e6) / COMMANDS) : 'failed'};
	}),
);
