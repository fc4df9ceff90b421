/** What tests of replication with redis-server write: data of every string form, and a writer that uses every command that has an effect. */
import {RespError} from '../../src/resp/reply-parser.ts';
import type {RespClient} from '../helpers/resp-client.ts';

/** Databases with data that stays, apart from what `FLUSHDB` and `SWAPDB` get. */
const DATABASES = [0, 1, 5];
const SWAPPED = ['2', '3'];
const FLUSHED = '4';
const BATCH_KEYS = 500;

/** All 256 bytes. */
const BINARY = String.fromCharCode(...Array.from({length: 256}, (_, i) => i));
const INTEGERS = [
	'0',
	'-1',
	'127',
	'-128',
	'32767',
	'-32769',
	'2147483647',
	'-2147483649',
	'9223372036854775807',
];
/** Text that is an integer in no form that is kept as one. */
const NEARLY_INTEGERS = ['', '-0', '007', '+1', ' 1', '9223372036854775808', '1e3', '-'];

/** Sends commands in one write a batch, and gives the errors that they were answered with. */
async function carryOut(client: RespClient, commands: readonly (readonly string[])[]): Promise<string[]> {
	for (const words of commands) client.send(...words);
	const errors: string[] = [];
	for (const words of commands) {
		const reply = await client.next();
		if (reply instanceof RespError) errors.push(`${words.join(' ').slice(0, 100)}: ${reply.message}`);
	}
	return errors;
}

/** Some `count` keys that no `Writer` touches. */
export async function fill(client: RespClient, count: number): Promise<void> {
	const perDatabase = Math.ceil(count / DATABASES.length);
	for (const database of DATABASES) {
		await client.ask('SELECT', String(database));
		for (let first = 0; first < perDatabase; first += BATCH_KEYS) {
			const commands = [];
			for (let n = first; n < Math.min(perDatabase, first + BATCH_KEYS); n++) commands.push(stableWrite(n));
			const errors = await carryOut(client, commands);
			if (errors.length > 0) throw new Error(errors.join('\n'));
		}
	}
	await client.ask('SELECT', '0');
}

function stableWrite(n: number): readonly string[] {
	const key = n % 7 === 0 ? `stable:${BINARY}${n}` : `stable:${n}`;
	if (n % 500 === 1) return ['SET', key, unpackable(20_000, n)];
	if (n % 500 === 2) return ['SET', key, `text ${n} `.repeat(5000)];
	switch (n % 6) {
		case 0:
			return ['SET', key, INTEGERS[(n / 6) % INTEGERS.length]!];
		case 1:
			return ['SET', key, String(n * 7919)];
		case 2:
			return ['SET', key, BINARY.slice(n % 256), 'EX', String(10_000 + n)];
		case 3:
			return ['SET', key, NEARLY_INTEGERS[((n - 3) / 6) % NEARLY_INTEGERS.length]!];
		case 4:
			return ['SET', key, `value ${n}`.repeat(n % 20), 'PXAT', String(4_000_000_000_000 + n)];
		default:
			return ['SET', key, `a value of ${n}`];
	}
}

/** Bytes that LZF finds nothing in. */
function unpackable(length: number, seed: number): string {
	let state = seed * 2_654_435_761 + 1;
	let text = '';
	while (text.length < length) {
		state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
		text += String.fromCharCode(state >>> 24);
	}
	return text;
}

/** What the server that is written to can do. */
export interface WriterOptions {
	readonly hasTransactions?: boolean;
}

/** Commands that belong together; none is answered with an error. All numbers give all kinds. */
function writesOf(n: number, {hasTransactions = false}: WriterOptions): readonly (readonly string[])[] {
	const k = (n * 31) % 97;
	const text = `text:${k}`;
	const other = `text:${(k + 13) % 97}`;
	const value = `value ${n} `.repeat((n % 9) + 1);
	const number = `number:${k % 11}`;
	const bits = `bits:${k % 5}`;
	const brief = `brief:${n % 50}`;
	const nowMs = Date.now();
	const ofKind: readonly (() => readonly (readonly string[])[])[] = [
		() => [['SET', text, value]],
		() => [['SET', text, value, 'EX', '5000']],
		() => [['SET', brief, value, 'PX', String(1 + (n % 40))]],
		() => [['SET', text, value, 'GET', 'KEEPTTL']],
		() => [['SET', text, value, 'XX', 'GET', 'PXAT', String(nowMs + 9_000_000)]],
		() => [['SET', `new:${n % 300}`, value, 'NX']],
		() => [['SET', text, 'gone', 'EXAT', '1']],
		() => [['SETNX', `new:${n % 300}`, value]],
		() => [['SETEX', text, '6000', value]],
		() => [['PSETEX', brief, '15', value]],
		() => [['GETSET', text, value]],
		() => [['SETRANGE', text, String(n % 60), 'range']],
		() => [['APPEND', text, `+${n}`]],
		() => [
			['INCR', number],
			['DECRBY', number, '3'],
			['INCRBY', number, '1000000'],
			['DECR', number],
		],
		() => [['INCRBYFLOAT', `float:${k % 5}`, '0.1']],
		() => [['INCRBYFLOAT', number, '-5']],
		() => [['GETEX', text, 'EX', '700']],
		() => [['GETEX', text, 'PERSIST']],
		() => [['GETEX', text, 'PXAT', '1']],
		() => [['GETDEL', text]],
		() => [
			['EXPIRE', text, '900', 'NX'],
			['EXPIRE', text, '950', 'GT'],
			['PEXPIRE', text, '940000', 'LT'],
		],
		() => [['EXPIREAT', text, String(Math.floor(nowMs / 1000) + 5000), 'XX']],
		() => [['PEXPIREAT', text, String(nowMs + 20)]],
		() => [['EXPIRE', text, '-1']],
		() => [
			['SET', text, value, 'EX', '100'],
			['PERSIST', text],
		],
		() => [
			['SET', text, value],
			['RENAME', text, other],
		],
		() => [
			['SET', text, value, 'EX', '77'],
			['RENAMENX', text, `renamed:${n % 40}`],
		],
		() => [
			['SET', text, value, 'PX', '7777777'],
			['COPY', text, other, 'REPLACE'],
		],
		() => [['COPY', text, other, 'DB', SWAPPED[n % 2]!, 'REPLACE']],
		() => [
			['SET', `moved:${n % 60}`, value],
			['MOVE', `moved:${n % 60}`, SWAPPED[n % 2]!],
		],
		() => [['SWAPDB', ...SWAPPED]],
		() => [
			['SELECT', FLUSHED],
			['SET', text, value],
			n % 2 === 0 ? ['FLUSHDB'] : ['FLUSHDB', 'ASYNC'],
			['SET', other, '1'],
		],
		() => [['SETBIT', bits, String((n * 17) % 900), String(n % 2)]],
		() => [
			['BITFIELD', bits, 'SET', 'u8', '#3', String(n % 256), 'INCRBY', 'i5', '100', '1', 'GET', 'u4', '0'],
		],
		() => [['BITFIELD', bits, 'OVERFLOW', 'FAIL', 'INCRBY', 'u2', '102', '1']],
		() => [
			['BITOP', 'XOR', `bits:${n % 5}`, bits, text],
			['BITOP', 'NOT', `bits:not:${n % 5}`, bits],
		],
		() => [
			['BITOP', 'AND', `bits:and:${n % 3}`, bits, other],
			['BITOP', 'OR', bits, bits, 'no such key'],
		],
		() => [['MSET', text, value, other, '12', `binary:${BINARY.slice(n % 250)}`, BINARY]],
		() => [['MSETNX', `new:${n % 300}`, value, `new:${(n + 1) % 300}`, value]],
		() => [['DEL', text, other, 'no such key']],
		() => [['UNLINK', text, other]],
		() => [['SET', 'long', unpackable(17_000 + n, n)]],
		() => [
			['GET', brief],
			['EXISTS', `brief:${(n + 25) % 50}`],
		],
	];
	const inTransactions: typeof ofKind = [
		() => [
			['MULTI'],
			['SET', text, value],
			['INCR', number],
			['SELECT', '1'],
			['APPEND', text, 'in a transaction'],
			['GETEX', text, 'EX', '800'],
			['SET', brief, value, 'PX', '5'],
			['EXEC'],
		],
		() => [['MULTI'], ['GET', text], ['EXEC'], ['MULTI'], ['SET', text, 'never'], ['DISCARD']],
	];
	const kinds = hasTransactions ? [...ofKind, ...inTransactions] : ofKind;
	return kinds[n % kinds.length]!();
}

const BATCH_KINDS = 50;

/** Writes until it is stopped: batches, each in another database than the one before. */
export class Writer {
	readonly #client: RespClient;
	readonly #ended: Promise<void>;
	readonly #errors: string[] = [];
	readonly #options: WriterOptions;
	#count = 0;
	#isStopping = false;

	constructor(client: RespClient, options: WriterOptions = {}) {
		this.#client = client;
		this.#options = options;
		this.#ended = this.#run();
		this.#ended.catch(() => undefined);
	}

	async #run(): Promise<void> {
		for (let batch = 0; !this.#isStopping; batch++) {
			const commands: (readonly string[])[] = [['SELECT', String(DATABASES[batch % DATABASES.length])]];
			for (let i = 0; i < BATCH_KINDS; i++) commands.push(...writesOf(this.#count++, this.#options));
			this.#errors.push(...(await carryOut(this.#client, commands)));
		}
	}

	/** Ends it behind the batch under way. The errors that commands were answered with. */
	async stop(): Promise<readonly string[]> {
		this.#isStopping = true;
		await this.#ended;
		return this.#errors;
	}
}

/** Commands of every kind, a few times each. @param seed where it begins among them */
export async function writeAll(
	client: RespClient,
	seed: number,
	options: WriterOptions = {},
): Promise<readonly string[]> {
	const errors: string[] = [];
	for (let first = seed; first < seed + 400; first += BATCH_KINDS) {
		const commands: (readonly string[])[] = [
			['SELECT', String(DATABASES[(first / BATCH_KINDS) % DATABASES.length])],
		];
		for (let i = 0; i < BATCH_KINDS; i++) commands.push(...writesOf(first + i, options));
		errors.push(...(await carryOut(client, commands)));
	}
	return errors;
}

/** What the two hold of all keys that are not the same in both, for the message of a failure. */
export async function differences(a: RespClient, b: RespClient): Promise<string> {
	const lines: string[] = [];
	for (const database of [...DATABASES, ...SWAPPED, FLUSHED]) {
		const [ofA, ofB] = [await contentsOf(a, String(database)), await contentsOf(b, String(database))];
		for (const key of new Set([...ofA.keys(), ...ofB.keys()]))
			if (ofA.get(key) !== ofB.get(key))
				lines.push(`${database} ${key}: ${ofA.get(key) ?? 'nothing'} and ${ofB.get(key) ?? 'nothing'}`);
	}
	return lines.join('\n');
}

async function contentsOf(client: RespClient, database: string): Promise<ReadonlyMap<string, string>> {
	await client.ask('SELECT', database);
	const contents = new Map<string, string>();
	for (const key of (await client.ask('KEYS', '*')) as string[]) {
		const value = String(await client.ask('GET', key)).slice(0, SHOWN_CHARACTERS);
		contents.set(key, `${value} until ${String(await client.ask('PEXPIRETIME', key))}`);
	}
	await client.ask('SELECT', '0');
	return contents;
}

const SHOWN_CHARACTERS = 200;
