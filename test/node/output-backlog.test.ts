import test from 'ava';
import {Prng} from '../../src/lib/prng.ts';
import {OutputBacklog} from '../../src/node/output-backlog.ts';

test('bytes come out in the order they went in, however they were cut', (t) => {
	const prng = new Prng(11);
	const backlog = new OutputBacklog();
	const appended: number[] = [];
	const taken: number[] = [];
	for (let round = 0; round < 2000; round++) {
		const bytes = new Uint8Array(prng.below(round % 50 === 0 ? 300_000 : 500)).map(() => prng.below(256));
		const from = prng.below(bytes.length + 1);
		backlog.append(bytes, from, bytes.length);
		for (const byte of bytes.subarray(from)) appended.push(byte);
		if (prng.below(3) === 0) taken.push(...(backlog.take() ?? []));
		t.is(backlog.length, appended.length - taken.length);
	}
	for (let block = backlog.take(); block !== null; block = backlog.take())
		for (const byte of block) taken.push(byte);
	t.is(backlog.length, 0);
	t.is(backlog.blockCount, 0);
	t.deepEqual(Buffer.from(taken), Buffer.from(appended));
});

test('small replies share blocks, and what was taken is not written again', (t) => {
	const backlog = new OutputBacklog();
	const line = Buffer.from('a line of 16 by.');
	for (let i = 0; i < 1000; i++) backlog.append(line, 0, line.length);
	t.is(backlog.blockCount, 1);
	const taken = backlog.take()!;
	t.is(taken.length, 16_000);
	backlog.append(Buffer.from('later'), 0, 5);
	t.is(Buffer.from(taken.subarray(0, 16)).toString(), 'a line of 16 by.');
	t.is(Buffer.from(backlog.take()!).toString(), 'later');
	t.is(backlog.take(), null);
});

test('a cleared backlog is empty', (t) => {
	const backlog = new OutputBacklog();
	backlog.append(new Uint8Array(200_000), 0, 200_000);
	backlog.clear();
	t.is(backlog.length, 0);
	t.is(backlog.take(), null);
	backlog.append(Uint8Array.of(1), 0, 1);
	t.deepEqual(backlog.take(), Uint8Array.of(1));
});
