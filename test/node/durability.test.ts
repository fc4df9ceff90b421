/**
 * What a node that dies at any moment leaves behind. Its thread is ended from outside, in the middle of whatever it does;
 * the system lives on, so what was written counts, flushed or not. (That a flush comes before a reply with `always`, and
 * each second otherwise, is tested in aof-file.test.ts.)
 */
import test from 'ava';
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
	/** Of each key, the last value that was sent and the last that was acknowledged. */
	readonly sent = new Map<string, number>();
	readonly acknowledged = new Map<string, number>();
	readonly #wire: Wire;
	readonly #prng: Prng;
	readonly #name: string;
	acknowledgedCount = 0;

	constructor(wire: Wire, prng: Prng, name: string) {
		this.#wire = wire;
		this.#prng = prng;
		this.#name = name;
	}

	/** @param onReply called after each acknowledged pipeline */
	async run(from: number, onReply: () => void): Promise<void> {
		let value = from;
		while (!this.#wire.isClosed) {
			const batch = Array.from({length: 1 + this.#prng.below(40)}, () => {
				const key = `${this.#name}:${this.#prng.below(KEYS)}`;
				return [key, ++value] as const;
			});
			for (const [key, each] of batch) this.sent.set(key, each);
			this.#wire.send(pipeline(...batch.map(([key, each]) => `SET ${key} ${each}`)));
			const replies = (await this.#wire.read(OK.length * batch.length)).length / OK.length;
			for (const [key, each] of batch.slice(0, Math.floor(replies))) this.acknowledged.set(key, each);
			this.acknowledgedCount += Math.floor(replies);
			onReply();
		}
	}
}

for (const policy of ['always', 'everysec'] as const) {
	test(`appendfsync ${policy}: whenever the thread ends, every write that was acknowledged is there afterwards`, async (t) => {
		using directory = new KeptDirectory();
		const prng = new Prng(SEED);
		const config = {appendonly: 'yes', appendfsync: policy, 'aof-load-truncated': 'yes'};
		let value = 0;
		let total = 0;
		let known = new Map<string, number>();
		for (let round = 0; round < ROUNDS; round++) {
			await using thread = await directory.start(config);
			using client = await RespClient.connect(thread.port);
			await loaded(client);
			for (const [key, least] of known) {
				const found = Number(await client.ask('GET', key));
				t.true(found >= least, `round ${round}: ${key} is ${found}, and ${least} was acknowledged`);
			}
			const wires = [await Wire.connect(thread.port), await Wire.connect(thread.port)];
			const writers = wires.map((wire, i) => new Writer(wire, prng, `writer${i}`));
			// After so many pipelines, in the middle of the next ones.
			let left = 1 + prng.below(60);
			const rewritesAt = prng.below(2) === 0 ? 1 + prng.below(left) : 0;
			const start = value;
			await Promise.all(
				writers.map(async (writer) =>
					writer.run(start, () => {
						left--;
						if (left === rewritesAt) client.send('BGREWRITEAOF');
						if (left === 0) setImmediate(() => void thread[Symbol.asyncDispose]());
					}),
				),
			);
			for (const wire of wires) wire[Symbol.dispose]();
			value += 100_000;
			known = new Map([...known, ...writers.flatMap((writer) => [...writer.acknowledged])]);
			total += writers.reduce((sum, {acknowledgedCount}) => sum + acknowledgedCount, 0);
		}
		t.log(`${total} acknowledged writes in ${ROUNDS} rounds`);
		t.true(total > ROUNDS);
	});
}
