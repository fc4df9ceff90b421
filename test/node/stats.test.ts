import test from 'ava';
import {NodeStats} from '../../src/node/stats.ts';

const START_MS = 1_700_000_000_000;

test('operations per second are the mean of the last 16 samples', (t) => {
	const stats = new NodeStats(START_MS);
	for (let i = 1; i <= 16; i++) {
		stats.totalCommands += 100;
		stats.netInputBytes += 1024;
		stats.sample(START_MS + i * 100);
	}
	t.is(stats.opsPerSecond, 1000);
	t.is(stats.inputKbps, 10);
	t.is(stats.outputKbps, 0);
	for (let i = 17; i <= 24; i++) stats.sample(START_MS + i * 100);
	t.is(stats.opsPerSecond, 500);
});

test('a sample that came late counts by the time that really passed', (t) => {
	const stats = new NodeStats(START_MS);
	stats.totalCommands = 1600;
	stats.sample(START_MS + 1000);
	t.is(stats.opsPerSecond, 100);
	stats.sample(START_MS + 1000);
	t.is(stats.opsPerSecond, 100);
});

test('errors are counted by their first word, in alphabetic order', (t) => {
	const stats = new NodeStats(START_MS);
	for (const line of ['WRONGTYPE x y', 'ERR a', 'ERR b', 'MOVED 1 a:1', 'LONE']) stats.errorReplied(line);
	t.is(stats.totalErrorReplies, 5);
	t.deepEqual(stats.errors(), [
		['ERR', 2],
		['LONE', 1],
		['MOVED', 1],
		['WRONGTYPE', 1],
	]);
});

test('a reset forgets counters and errors, and no rate jumps by it', (t) => {
	const stats = new NodeStats(START_MS);
	stats.totalCommands = 500;
	stats.errorReplied('ERR x');
	stats.sample(START_MS + 100);
	stats.reset();
	t.is(stats.totalCommands, 0);
	t.is(stats.totalErrorReplies, 0);
	t.deepEqual(stats.errors(), []);
	const before = stats.opsPerSecond;
	stats.sample(START_MS + 200);
	t.is(stats.opsPerSecond, before);
});
