import test from 'ava';
import {Supervisor} from '../../src/launcher/supervisor.ts';

/** A supervisor under a clock that a test moves, and what it did. */
function supervised() {
	let nowMs = 0;
	const timers = new Map<symbol, {readonly atMs: number; readonly run: () => void}>();
	const log: string[] = [];
	const supervisor = new Supervisor({
		clock: {
			monotonicMs: () => nowMs,
			after(delayMs, run) {
				const key = Symbol('timer');
				timers.set(key, {atMs: nowMs + delayMs, run});
				return () => timers.delete(key);
			},
		},
		onPlanned: (index, delayMs, crashes) => log.push(`${index} in ${delayMs} (${crashes})`),
		restart: (index) => log.push(`${index} now`),
	});
	const pass = (ms: number): void => {
		nowMs += ms;
		for (const [key, {atMs, run}] of timers) {
			if (atMs > nowMs) continue;
			timers.delete(key);
			run();
		}
	};
	return {supervisor, log, pass};
}

test('a crash is followed by a restart when its delay has passed', (t) => {
	const {supervisor, log, pass} = supervised();
	supervisor.listening(3);
	supervisor.crashed(3);
	t.true(supervisor.isWaiting);
	pass(60);
	t.is(supervisor.restartsInMs(3), 40);
	pass(40);
	t.deepEqual(log, ['3 in 100 (1)', '3 now']);
	t.false(supervisor.isWaiting);
	t.is(supervisor.restartsInMs(3), null);
});

test('crashes in a row wait longer, each node for itself, until one was well for a while', (t) => {
	const {supervisor, log, pass} = supervised();
	supervisor.crashed(0);
	pass(100);
	supervisor.crashed(0);
	supervisor.crashed(1);
	pass(200);
	supervisor.listening(0);
	pass(10_000);
	supervisor.crashed(0);
	t.deepEqual(log, [
		'0 in 100 (1)',
		'0 now',
		'0 in 200 (2)',
		'1 in 100 (1)',
		'0 now',
		'1 now',
		'0 in 100 (1)',
	]);
});

test('whoever takes a node over cancels its restart and its history', (t) => {
	const {supervisor, log, pass} = supervised();
	supervisor.crashed(0);
	pass(100);
	supervisor.crashed(0);
	t.true(supervisor.leave(0));
	t.false(supervisor.leave(0));
	pass(10_000);
	supervisor.crashed(0);
	t.deepEqual(log, ['0 in 100 (1)', '0 now', '0 in 200 (2)', '0 in 100 (1)']);
});

test('a stopped supervisor starts nothing, now or later', (t) => {
	const {supervisor, log, pass} = supervised();
	supervisor.crashed(0);
	supervisor.stop();
	supervisor.crashed(1);
	pass(10_000);
	t.deepEqual(log, ['0 in 100 (1)']);
	t.false(supervisor.isWaiting);
});
