import test from 'ava';
import {Settings} from '../../src/commands/settings.ts';
import {NodeLatencyMonitor} from '../../src/node/latency.ts';

function monitor(thresholdMs: number): NodeLatencyMonitor {
	const settings = new Settings();
	settings.latencyMonitorThresholdMs = thresholdMs;
	return new NodeLatencyMonitor(settings);
}

test('nothing is recorded while the threshold is 0', (t) => {
	const latency = monitor(0);
	latency.add('command', 5000, 1000);
	t.deepEqual(latency.events(), []);
});

test('events that took as long as the threshold are recorded, shorter ones are not', (t) => {
	const latency = monitor(100);
	latency.add('command', 99.9, 1000);
	latency.add('command', 100, 2000);
	latency.add('expire-cycle', 250.7, 3000);
	t.deepEqual(latency.event('command')?.samples, [{atSeconds: 2, ms: 100}]);
	t.deepEqual(latency.event('expire-cycle')?.samples, [{atSeconds: 3, ms: 250}]);
	t.is(latency.event('nosuch'), undefined);
});

test('of one second the worst sample is kept', (t) => {
	const latency = monitor(1);
	for (const ms of [10, 30, 20]) latency.add('command', ms, 5000);
	t.deepEqual(latency.event('command')?.samples, [{atSeconds: 5, ms: 30}]);
});

test('the last 160 samples are kept, and the highest of all', (t) => {
	const latency = monitor(1);
	latency.add('command', 999, 0);
	for (let second = 1; second <= 200; second++) latency.add('command', 2, second * 1000);
	const event = latency.event('command')!;
	t.is(event.samples.length, 160);
	t.is(event.samples[0]!.atSeconds, 41);
	t.is(event.maxMs, 999);
});

test('a reset tells how many of the named events there were', (t) => {
	const latency = monitor(1);
	for (const name of ['a', 'b', 'c']) latency.add(name, 5, 1000);
	t.is(latency.reset(['a', 'nosuch']), 1);
	t.is(latency.reset(), 2);
	t.deepEqual(latency.events(), []);
});
