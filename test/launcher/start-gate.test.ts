import test from 'ava';
import {LaunchError} from '../../src/launcher/errors.ts';
import {StartGate} from '../../src/launcher/start-gate.ts';

test('opens when it is so, and looks only when told to', async (t) => {
	const gate = new StartGate();
	let count = 0;
	const opened = gate.until(() => ++count === 2);
	t.is(count, 1);
	gate.look();
	await opened;
	t.is(count, 2);
});

test('the first failure counts, for who waits and for who comes later', async (t) => {
	const gate = new StartGate();
	const waiting = gate.until(() => false);
	gate.fail(new LaunchError('first'));
	gate.fail(new LaunchError('second'));
	await t.throwsAsync(waiting, {message: 'first'});
	await t.throwsAsync(
		gate.until(() => true),
		{message: 'first'},
	);
	t.true(gate.hasFailed);
});

test('at the deadline it fails with what is missing', async (t) => {
	const late = new StartGate().until(() => false, {ms: 1, tooLate: () => 'nobody came'});
	await t.throwsAsync(late, {instanceOf: LaunchError, message: 'nobody came'});
});

test('at the deadline it opens where what is missing can be done without', async (t) => {
	const gate = new StartGate();
	await gate.until(() => false, {ms: 1, tooLate: () => null});
	t.false(gate.hasFailed);
});
