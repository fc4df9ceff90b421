import test from 'ava';
import {allCommands} from '../../src/commands/families.ts';
import {Settings} from '../../src/commands/settings.ts';
import {CommandTable} from '../../src/commands/table.ts';
import {NodeCommandStats} from '../../src/node/command-stats.ts';

const table = new CommandTable(allCommands);
const get = table.named('get')!;
const kill = table.named('client|kill')!;

test('calls and time add up, and a run of calls counts as so many', (t) => {
	const stats = new NodeCommandStats(new Settings());
	stats.called(get, 3.5, 1);
	stats.called(get, 64, 64);
	t.like(stats.of(get), {calls: 65, usec: 67.5, rejectedCalls: 0, failedCalls: 0});
	t.is(stats.of(get).histogram?.count, 65);
});

test('only commands that were called, refused or failed are told, by name', (t) => {
	const stats = new NodeCommandStats(new Settings());
	stats.of(kill).rejectedCalls++;
	stats.called(get, 1, 1);
	stats.of(table.named('set')!);
	t.deepEqual(
		stats.used().map(([{name}]) => name),
		['client|kill', 'get'],
	);
	stats.reset();
	t.deepEqual(stats.used(), []);
	t.is(stats.of(get).calls, 0);
});

test('without latency tracking there are no histograms', (t) => {
	const settings = new Settings();
	settings.latencyTracking = false;
	const stats = new NodeCommandStats(settings);
	stats.called(get, 1, 1);
	t.is(stats.of(get).histogram, null);
});

test('two nodes in one thread do not share their figures', (t) => {
	const one = new NodeCommandStats(new Settings());
	const other = new NodeCommandStats(new Settings());
	one.called(get, 1, 1);
	t.is(other.of(get).calls, 0);
});
