/**
 * What a node that dies at any moment leaves behind. Its thread is ended from outside, in the middle of whatever it does;
 * the system lives on, so what was written counts, flushed or not. (That a flush comes before a reply with `always`, each
 * second with `everysec`, and that a write waits for a flush no longer than two, is tested in aof-file.test.ts.)
 */
import test, {type ExecutionContext} from 'ava';
import {Prng} from '../../src/lib/prng.ts';
import {RespClient} from '../helpers/resp-client.ts';
import {KeptDirectory, loaded} from './kept-directory.ts';
import {pipeline, Wire} from './wire.ts';

const SEED = 20_240_611;
const ROUNDS = 12;
const KEYS = 200;
const OK = '+OK\r\n';

/** Writes in pipelines of changing length, each key a number that grows, until the connection is gone. */
class Writer {
	readonly keys: readonly string[];
	/** Of each key, the values that were sent, in order. */
	readonly sent = new Map<string, number[]>();
	/** Of each key, the last value that was acknowledged. */
	readonly acknowledged = new Map<string, number>();
	readonly #wire: Wire;
	readonly #prng: Prng;
	acknowledgedCount = 0;

	constructor(wire: Wire, prng: Prng, name: string) {
		this.#wire = wire;
		this.#prng = prng;
		this.keys = Array.from({length: KEYS}, (_, i) => `${name}:${i}`);
	}

	/** @param onReply called after each acknowledged pipeline */
	async run(from: number, onReply: () => void): Promise<void> {
		let value = from;
		while (!this.#wire.isClosed) {
			const batch = Array.from({length: 1 + this.#prng.below(40)}, () => {
				const key = this.keys[this.#prng.below(KEYS)]!;
				return [key, ++value] as const;
			});
			for (const [key, each] of batch) this.sent.set(key, [...(this.sent.get(key) ?? []), each]);
			this.#wire.send(pipeline(...batch.map(([key, each]) => `SET ${key} ${each}`)));
			const replyCount = Math.floor((await this.#wire.read(OK.length * batch.length)).length / OK.length);
			for (const [key, each] of batch.slice(0, replyCount)) this.acknowledged.set(key, each);
			this.acknowledgedCount += replyCount;
			onReply();
		}
	}
}

/** What the node has now of the writer's keys. */
async function valuesOf(client: RespClient, {keys}: Writer): Promise<Map<string, number>> {
	const found = (await client.ask('MGET', ...keys)) as (string | null)[];
	return new Map(keys.map((key, i) => [key, Number(found[i])]));
}

/** The values are those after some of the writes, and none of a later one: `before` and a row of writes without gaps. */
function isPrefix(values: Map<string, number>, before: ReadonlyMap<string, number>, {sent}: Writer): boolean {
	const last = Math.max(...values.values());
	return [...values].every(
		([key, value]) =>
			value === ((sent.get(key) ?? []).findLast((each) => each <= last) ?? before.get(key) ?? 0),
	);
}

async function hold(
	t: ExecutionContext,
	policy: 'always' | 'everysec',
	/** Whether acknowledged writes may be missing at the end. */
	mayLackLast: boolean,
): Promise<void> {
	using directory = new KeptDirectory();
	const prng = new Prng(SEED);
	let total = 0;
	let writers: Writer[] = [];
	const known = [new Map<string, number>(), new Map<string, number>()];
	for (let round = 0; round < ROUNDS; round++) {
		await using thread = await directory.start({appendonly: 'yes', appendfsync: policy});
		using client = await RespClient.connect(thread.port);
		await loaded(client);
		for (const [i, writer] of writers.entries()) {
			const values = await valuesOf(client, writer);
			t.true(isPrefix(values, known[i]!, writer), `round ${round}: writes are there without gaps`);
			known[i] = values;
			if (mayLackLast) continue;
			for (const [key, value] of writer.acknowledged)
				t.true(
					values.get(key)! >= value,
					`round ${round}: ${key} is ${values.get(key)}, acknowledged was ${value}`,
				);
		}
		const wires = [await Wire.connect(thread.port), await Wire.connect(thread.port)];
		writers = wires.map((wire, i) => new Writer(wire, prng, `writer${i}`));
		// After so many pipelines, in the middle of the next ones.
		let left = 1 + prng.below(60);
		const rewritesAt = prng.below(2) === 0 ? 1 + prng.below(left) : 0;
		await Promise.all(
			writers.map(async (writer) =>
				writer.run((round + 1) * 1_000_000, () => {
					left--;
					if (left === rewritesAt) client.send('BGREWRITEAOF');
					if (left === 0) setImmediate(() => void thread[Symbol.asyncDispose]());
				}),
			),
		);
		for (const wire of wires) wire[Symbol.dispose]();
		total += writers.reduce((sum, {acknowledgedCount}) => sum + acknowledgedCount, 0);
	}
	t.log(`${total} acknowledged writes in ${ROUNDS} rounds`);
	t.true(total > ROUNDS);
}

test('appendfsync always: whenever the thread ends, every acknowledged write is there afterwards', async (t) => {
	await hold(t, 'always', false);
});

test('appendfsync everysec: whenever the thread ends, nothing but the last writes is missing', async (t) => {
	await hold(t, 'everysec', true);
});
