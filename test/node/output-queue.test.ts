import test from 'ava';
import {latin1} from '../../src/lib/bytes.ts';
import {type OutputSink, OutputQueue} from '../../src/node/output-queue.ts';
import {ReplyWriter} from '../../src/resp/reply-writer.ts';

interface Sink extends OutputSink {
	readonly got: string[];
	finished: number;
	/** Bytes that it still reads where they stand. */
	retained: Uint8Array | null;
}

function sink(retains = false): Sink {
	return {
		got: [],
		finished: 0,
		retained: null,
		send(bytes, from, to) {
			this.got.push(latin1(bytes.subarray(from, to)));
			if (retains) this.retained = bytes.subarray(from, to);
			return !retains;
		},
		finish() {
			this.finished++;
		},
	};
}

function fixture(): {
	readonly writer: ReplyWriter;
	readonly queue: OutputQueue;
	readonly say: (to: Sink, text: string) => void;
} {
	const writer = new ReplyWriter();
	const queue = new OutputQueue(writer, () => undefined);
	return {
		writer,
		queue,
		say(to, text) {
			const from = writer.length;
			writer.simple(text);
			queue.add(to, from);
		},
	};
}

test('each sink gets its own bytes, one write where they stand together', (t) => {
	const {queue, say, writer} = fixture();
	const [a, b] = [sink(), sink()];
	say(a, 'a1');
	say(a, 'a2');
	say(b, 'b1');
	say(a, 'a3');
	queue.flush();
	t.deepEqual(a.got, ['+a1\r\n+a2\r\n', '+a3\r\n']);
	t.deepEqual(b.got, ['+b1\r\n']);
	t.is(writer.length, 0);
	queue.flush();
	t.is(a.got.length, 2);
});

test('nothing written is nothing sent', (t) => {
	const {queue, writer} = fixture();
	const a = sink();
	queue.add(a, writer.length);
	t.true(queue.isLone(a));
	queue.flush();
	t.deepEqual(a.got, []);
});

test('a sink is lone while nobody else waits', (t) => {
	const {queue, say} = fixture();
	const [a, b] = [sink(), sink()];
	t.true(queue.isLone(a));
	say(a, 'x');
	t.true(queue.isLone(a));
	t.false(queue.isLone(b));
	say(b, 'y');
	t.false(queue.isLone(a));
	queue.flush();
	say(a, 'z');
	queue.schedule();
	t.false(queue.isLone(a));
});

test('scheduled output leaves at the end of the turn, once', async (t) => {
	const {queue, say} = fixture();
	const a = sink();
	queue.schedule();
	say(a, 'x');
	queue.schedule();
	queue.schedule();
	t.deepEqual(a.got, []);
	await new Promise((resolve) => setImmediate(resolve));
	t.deepEqual(a.got, ['+x\r\n']);
});

test('who is finished is told after his last bytes, also when there are none', async (t) => {
	const {queue, say} = fixture();
	const a = sink();
	say(a, 'x');
	queue.finish(a);
	t.is(a.finished, 0);
	queue.flush();
	t.deepEqual(a.got, ['+x\r\n']);
	t.is(a.finished, 1);
	const b = sink();
	queue.finish(b);
	queue.schedule();
	await new Promise((resolve) => setImmediate(resolve));
	t.is(b.finished, 1);
	t.is(a.finished, 1);
});

test('bytes that a sink still reads are not written over', (t) => {
	const {queue, say} = fixture();
	const [slow, quick] = [sink(true), sink()];
	say(slow, 'to be kept');
	say(quick, 'gone');
	queue.flush();
	for (let i = 0; i < 100; i++) {
		say(quick, 'overwriting everything');
		queue.flush();
	}
	t.is(latin1(slow.retained!), '+to be kept\r\n');
});

test('much output does not wait for the end of the turn', (t) => {
	const {queue, say} = fixture();
	const a = sink();
	for (let i = 0; i < 1100; i++) say(a, 'x'.repeat(1000));
	t.true(a.got.length > 0);
	queue.flush();
	t.is(a.got.join('').length, 1100 * 1003);
});

test('hundreds of sinks in one turn keep their order', (t) => {
	const {queue, say} = fixture();
	const sinks = Array.from({length: 1000}, () => sink());
	for (const [i, each] of sinks.entries()) say(each, `for ${i}`);
	for (const [i, each] of sinks.entries()) say(each, `again ${i}`);
	queue.flush();
	t.true(sinks.every((each, i) => each.got.join('') === `+for ${i}\r\n+again ${i}\r\n`));
});
