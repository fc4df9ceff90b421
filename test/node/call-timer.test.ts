/** The timer batches runs of the same small command: calls and time must still be exact, on a clock that the test moves. */
import test from 'ava';
import {Client} from '../../src/commands/client.ts';
import type {Command} from '../../src/commands/command.ts';
import {allCommands} from '../../src/commands/families.ts';
import type {Services} from '../../src/commands/services.ts';
import {CommandTable} from '../../src/commands/table.ts';
import {CallTimer} from '../../src/node/call-timer.ts';
import {NodeCommandStats} from '../../src/node/command-stats.ts';
import {NodeConfig} from '../../src/node/config.ts';
import {NodeLatencyMonitor} from '../../src/node/latency.ts';
import {NodeSlowlog} from '../../src/node/slowlog.ts';
import {regionOf} from '../../src/lib/region.ts';
import {latin1ToBytes} from '../../src/lib/bytes.ts';
import {Request} from '../../src/resp/request.ts';
import {RequestParser} from '../../src/resp/request-parser.ts';
import {command} from './wire.ts';

const table = new CommandTable(allCommands);
const GET = table.named('get')!;
const SET = table.named('set')!;

function fixture(directives: readonly [string, string][] = []) {
	const config = new NodeConfig({directives});
	const clock = {
		us: 0,
		readings: 0,
		nowMs: 1_700_000_000_000,
		monotonicUs: () => (clock.readings++, clock.us),
		wallUs: () => 0,
	};
	const services = {
		config,
		clock,
		commandStats: new NodeCommandStats(config.settings),
		slowlog: new NodeSlowlog(config),
		latency: new NodeLatencyMonitor(config.settings),
	} as unknown as Services;
	const timer = new CallTimer(services);
	const client = new Client(1, {} as Client['connection'], 'a:1', 'b:2', 0);
	return {
		clock,
		timer,
		services,
		/** Runs a command that takes so long. */
		run(which: Command, us: number, {inPlace = true, words = [which.name, 'key'], replyBytes = 5} = {}) {
			const request = new Request();
			const bytes = latin1ToBytes(command(...words));
			new RequestParser().parse(request, regionOf(bytes), 0, bytes.length);
			timer.start(which);
			clock.us += us;
			timer.stop(which, request, client, inPlace, replyBytes);
		},
		figures(which: Command) {
			const {calls, usec} = services.commandStats.of(which);
			return [calls, usec];
		},
	};
}

test('a run is counted exactly, with few readings of the clock', (t) => {
	const {run, timer, figures, clock} = fixture();
	for (let i = 0; i < 1000; i++) run(GET, 2);
	timer.finish();
	t.deepEqual(figures(GET), [1000, 2000]);
	t.true(clock.readings < 50);
});

test('a run ends with another command, which is counted for itself', (t) => {
	const {run, timer, figures} = fixture();
	for (let i = 0; i < 10; i++) run(GET, 2);
	for (let i = 0; i < 5; i++) run(SET, 3);
	run(GET, 7);
	timer.finish();
	timer.finish();
	t.deepEqual(figures(GET), [11, 27]);
	t.deepEqual(figures(SET), [5, 15]);
});

test('a command that took the long way within a run is not lost', (t) => {
	const {run, timer, figures} = fixture();
	run(GET, 2);
	run(GET, 50, {inPlace: false});
	run(GET, 2);
	timer.finish();
	t.deepEqual(figures(GET), [3, 54]);
});

test('time between two chunks is nobody’s', (t) => {
	const {run, timer, figures, clock} = fixture();
	run(GET, 2);
	timer.finish();
	clock.us += 1_000_000;
	run(GET, 2);
	timer.finish();
	t.deepEqual(figures(GET), [2, 4]);
});

test('a slow log that wants microseconds times everything alone', (t) => {
	const {run, services} = fixture([['slowlog-log-slower-than', '5']]);
	for (const us of [1, 9, 2, 5]) run(GET, us);
	t.deepEqual(
		services.slowlog.entries(-1).map(({durationUs}) => durationUs),
		[5, 9],
	);
});

test('a large argument or reply is timed alone: it may be slow however plain the command', (t) => {
	for (const large of [{words: ['SET', 'key', 'x'.repeat(20_000)]}, {replyBytes: 20_000}]) {
		const {run, services, timer, figures} = fixture([['slowlog-log-slower-than', '10000']]);
		run(SET, 2);
		run(SET, 30_000, large);
		run(SET, 2);
		timer.finish();
		t.is(services.slowlog.length, 1);
		t.deepEqual(figures(SET), [3, 30_004]);
	}
});

test('a slow command is in the history of its kind when the monitor is on', (t) => {
	const {run, services} = fixture([['latency-monitor-threshold', '10']]);
	run(GET, 20_000, {inPlace: false});
	run(SET, 20_000, {inPlace: false});
	run(SET, 2000, {inPlace: false});
	t.deepEqual(
		services.latency
			.events()
			.map(({name, maxMs}) => [name, maxMs])
			.toSorted(),
		[
			['command', 20],
			['fast-command', 20],
		],
	);
});
