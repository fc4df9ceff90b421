/** The two machines of an atomic slot migration, one case a sentence of what they promise. */
import test from 'ava';
import {ExportMachine} from '../../src/cluster/slot-export.ts';
import {ImportMachine, RETRY_AFTER_MS} from '../../src/cluster/slot-import.ts';
import {doOverlap, joinRanges, type MigrationTask, newTask} from '../../src/cluster/slot-migration.ts';

const taskOf = (
	operation: MigrationTask['operation'],
	door: MigrationTask['door'] = 'import',
): MigrationTask =>
	newTask({id: 'f'.repeat(40), ranges: [[0, 9]], source: 's', destination: 'd', operation, door}, 1000);

/** At `wait-stream-eof`, a hand-over of 10 seconds granted at 2000. */
function granted(door: MigrationTask['door'] = 'import'): ImportMachine {
	const machine = new ImportMachine(taskOf('import', door));
	for (const kind of ['begin', 'connected', 'accepted', 'snapshot-end'] as const) machine.step({kind}, 1500);
	machine.step({kind: 'handoff-asked', pauseTimeoutMs: 10_000}, 2000);
	return machine;
}

test('an import goes from its turn to its end', (t) => {
	const machine = new ImportMachine(taskOf('import'));
	const {task} = machine;
	t.true(machine.isDue(1000));
	t.deepEqual(machine.step({kind: 'begin'}, 1100), ['dial']);
	t.is(task.startedAtMs, 1100);
	t.false(machine.isDue(1100));
	t.deepEqual(machine.step({kind: 'connected'}, 1101), ['ask']);
	t.deepEqual(machine.step({kind: 'accepted'}, 1102), []);
	t.is(task.state, 'accumulate-buffer');
	t.deepEqual(machine.step({kind: 'snapshot-end'}, 1200), ['acknowledge']);
	t.is(task.state, 'wait-stream-eof');
	t.deepEqual(machine.step({kind: 'handoff-asked', pauseTimeoutMs: 10_000}, 1201), ['grant']);
	t.deepEqual(machine.step({kind: 'stream-end'}, 1202), ['take']);
	t.is(task.state, 'takeover');
	t.deepEqual(machine.step({kind: 'taken'}, 1203), ['show', 'tell-taken']);
	t.is(task.state, 'completed');
	t.is(task.endedAtMs, 1203);
});

test('slots are taken within the first half of the time for which the source waits, and not after it', (t) => {
	t.deepEqual(granted().step({kind: 'stream-end'}, 6999), ['take']);
	const late = granted();
	t.deepEqual(late.step({kind: 'stream-end'}, 7000), ['close', 'drop']);
	t.is(late.task.retries, 1);
});

test('slots are not taken when no hand-over was granted in this attempt', (t) => {
	const never = new ImportMachine(taskOf('import'));
	for (const kind of ['begin', 'connected', 'accepted', 'snapshot-end'] as const) never.step({kind}, 1500);
	t.deepEqual(never.step({kind: 'stream-end'}, 1600), ['close', 'drop']);
	const again = granted();
	again.step({kind: 'failed', reason: 'x', isFinal: false}, 2100);
	for (const kind of ['begin', 'connected', 'accepted', 'snapshot-end'] as const) again.step({kind}, 3200);
	t.deepEqual(again.step({kind: 'stream-end'}, 3300), ['close', 'drop']);
});

test('slots are not taken before the snapshot is there', (t) => {
	const machine = new ImportMachine(taskOf('import'));
	for (const kind of ['begin', 'connected', 'accepted'] as const) machine.step({kind}, 1500);
	machine.step({kind: 'handoff-asked', pauseTimeoutMs: 10_000}, 1500);
	t.deepEqual(machine.step({kind: 'stream-end'}, 1600), ['close', 'drop']);
});

test('an import that failed for now comes again a second later, and counts it', (t) => {
	const machine = granted();
	t.deepEqual(machine.step({kind: 'failed', reason: 'lost', isFinal: false}, 3000), ['close', 'drop']);
	const {task} = machine;
	t.is(`${task.state} ${task.lastError} ${task.retries}`, 'none lost 1');
	t.false(machine.isDue(3000 + RETRY_AFTER_MS - 1));
	t.true(machine.isDue(3000 + RETRY_AFTER_MS));
});

test('an import that the source’s operator began, or that can never succeed, fails once and for all', (t) => {
	const byTheSource = granted('migrateslots');
	byTheSource.step({kind: 'failed', reason: 'lost', isFinal: false}, 3000);
	t.is(byTheSource.task.state, 'failed');
	const final = granted();
	final.step({kind: 'failed', reason: 'flushed', isFinal: true}, 3000);
	t.is(final.task.state, 'failed');
	t.deepEqual(final.step({kind: 'begin'}, 9000), []);
});

test('a cancelled import removes what came, one that waits for its turn has nothing to remove', (t) => {
	t.deepEqual(granted().step({kind: 'cancelled'}, 3000), ['close', 'drop']);
	const waiting = new ImportMachine(taskOf('import'));
	t.deepEqual(waiting.step({kind: 'cancelled'}, 3000), []);
	t.is(waiting.task.state, 'canceled');
});

const LIMITS = {handoffMaxLagBytes: 1000, writePauseTimeoutMs: 10_000, silenceMs: 60_000};

/** Writes are held up since 2000. */
function paused(): ExportMachine {
	const machine = new ExportMachine(taskOf('migrate'), () => LIMITS);
	machine.step({kind: 'asked'}, 1500);
	machine.step({kind: 'walked'}, 1600);
	machine.step({kind: 'lag', bytes: 0}, 1700);
	machine.step({kind: 'granted'}, 2000);
	return machine;
}

test('an export goes from the request to the end, and counts how long writes were held up', (t) => {
	const machine = new ExportMachine(taskOf('migrate'), () => LIMITS);
	t.deepEqual(machine.step({kind: 'asked'}, 1500), ['walk']);
	t.deepEqual(machine.step({kind: 'lag', bytes: 0}, 1550), []);
	t.deepEqual(machine.step({kind: 'walked'}, 1600), ['say-snapshot-end']);
	t.deepEqual(machine.step({kind: 'granted'}, 1650), []);
	t.deepEqual(machine.step({kind: 'lag', bytes: 1001}, 1700), []);
	t.deepEqual(machine.step({kind: 'lag', bytes: 1000}, 1800), ['ask-handoff']);
	t.deepEqual(machine.step({kind: 'lag', bytes: 0}, 1900), []);
	t.deepEqual(machine.step({kind: 'granted'}, 2000), ['pause', 'say-stream-end']);
	t.true(machine.isPaused);
	t.deepEqual(machine.step({kind: 'slots-gone'}, 2007), ['unpause', 'close']);
	t.is(`${machine.task.state} ${machine.task.writePauseMs}`, 'completed 7');
});

test('while the destination may have the slots, no lost link and no operator ends an export', (t) => {
	const machine = paused();
	for (const kind of ['link-lost', 'cancelled'] as const) t.deepEqual(machine.step({kind}, 2100), []);
	t.deepEqual(machine.step({kind: 'failed', reason: 'x'}, 2100), []);
	t.is(machine.task.state, 'stream-eof');
	t.deepEqual(machine.step({kind: 'slots-gone'}, 2200), ['unpause', 'close']);
});

test('writes are held up no longer than the limit', (t) => {
	const machine = paused();
	t.deepEqual(machine.step({kind: 'tick'}, 11_999), []);
	t.deepEqual(machine.step({kind: 'tick'}, 12_000), ['unpause', 'tell-failed', 'close']);
	t.is(`${machine.task.state} ${machine.task.writePauseMs}`, 'failed 10000');
});

test('a node that is a primary no more holds nothing up', (t) => {
	t.deepEqual(paused().abandon('a replica', 2500), ['unpause', 'tell-failed', 'close']);
});

test('before the hand-over a lost link, an operator, silence and slots that go elsewhere end an export', (t) => {
	for (const kind of ['link-lost', 'cancelled', 'slots-gone'] as const) {
		const machine = new ExportMachine(taskOf('migrate'), () => LIMITS);
		machine.step({kind: 'asked'}, 1500);
		t.true(machine.step({kind}, 1600).includes('close'), kind);
		t.is(machine.task.state, kind === 'cancelled' ? 'canceled' : 'failed');
	}
	const silent = new ExportMachine(taskOf('migrate'), () => LIMITS);
	silent.step({kind: 'asked'}, 1500);
	t.deepEqual(silent.step({kind: 'tick'}, 61_499), []);
	t.true(silent.step({kind: 'tick'}, 61_500).includes('close'));
});

test('ranges are sorted and those that touch are joined; a slot in two of them is refused', (t) => {
	t.deepEqual(
		joinRanges([
			[10, 12],
			[1, 3],
			[4, 4],
			[13, 13],
		]),
		[
			[1, 4],
			[10, 13],
		],
	);
	t.is(
		joinRanges([
			[1, 3],
			[3, 5],
		]),
		'ERR Slot 3 specified multiple times',
	);
	t.true(doOverlap([[1, 3]], [[3, 9]]));
	t.false(doOverlap([[1, 3]], [[4, 9]]));
});
