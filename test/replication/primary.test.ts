import test from 'ava';
import {latin1, latin1ToBytes} from '../../src/lib/bytes.ts';
import {ReplicationHistory} from '../../src/replication/history.ts';
import {
	answerPsync,
	countAcknowledged,
	countDurable,
	countGood,
	isOverdue,
	lagSeconds,
	newReplica,
	type ReplicaRecord,
} from '../../src/replication/primary.ts';

const ID = 'a'.repeat(40);

function history(): ReplicationHistory {
	const made = new ReplicationHistory(ID, 16 * 1024);
	made.keep();
	const bytes = latin1ToBytes('0123456789');
	made.append(bytes, 0, bytes.length);
	return made;
}

const replica = (facts: Partial<ReplicaRecord>): ReplicaRecord => ({...newReplica(), ...facts});

test('PSYNC of a known history is answered with +CONTINUE and the missing bytes', (t) => {
	const answer = answerPsync(history(), replica({takesNewId: true}), ID, 8);
	t.is(answer.kind, 'continue');
	if (answer.kind !== 'continue') return;
	t.is(answer.line, `+CONTINUE ${ID}\r\n`);
	t.is(latin1(answer.bytes), '789');
});

test('a replica without psync2 is told no id', (t) => {
	const answer = answerPsync(history(), replica({}), ID, 8);
	t.is(answer.kind === 'continue' ? answer.line : '', '+CONTINUE\r\n');
});

test('PSYNC of no history asks for all data, and of an unknown one gets all', (t) => {
	t.deepEqual(answerPsync(history(), replica({}), '?', -1), {kind: 'full', mismatch: null});
	t.deepEqual(answerPsync(history(), replica({}), 'b'.repeat(40), 8), {kind: 'full', mismatch: 'unknown-id'});
	t.deepEqual(answerPsync(history(), replica({}), ID, 99), {kind: 'full', mismatch: 'not-in-backlog'});
});

test('good replicas are online and acknowledged lately', (t) => {
	const replicas = [
		replica({phase: 'online', ackAtMs: 10_000}),
		replica({phase: 'online', ackAtMs: 5000}),
		replica({phase: 'receiving', ackAtMs: 10_000}),
	];
	t.is(countGood(replicas, 10, 10_000), 2);
	t.is(countGood(replicas, 4, 10_000), 1);
	t.is(lagSeconds(replicas[1]!, 10_999), 5);
});

test('WAIT counts replicas that are online and have come far enough', (t) => {
	const replicas = [
		replica({phase: 'online', ackOffset: 10}),
		replica({phase: 'online', ackOffset: 9}),
		replica({phase: 'awaiting-ack', ackOffset: 10}),
	];
	t.is(countAcknowledged(replicas, 10), 1);
	t.is(countAcknowledged(replicas, 0), 2);
});

test('WAITAOF counts replicas that are online and told of their disks', (t) => {
	const replicas = [
		replica({phase: 'online', ackOffset: 10, durableOffset: 10}),
		replica({phase: 'online', ackOffset: 10, durableOffset: 9}),
		replica({phase: 'online', ackOffset: 10}),
		replica({phase: 'awaiting-ack', durableOffset: 10}),
	];
	t.is(countDurable(replicas, 10), 1);
	t.is(countDurable(replicas, 0), 2);
});

test('who owes acknowledgements and is silent is overdue', (t) => {
	t.true(isOverdue(replica({phase: 'online', ackAtMs: 0}), 60_001, 60_000));
	t.true(isOverdue(replica({phase: 'awaiting-ack', ackAtMs: 0}), 60_001, 60_000));
	t.false(isOverdue(replica({phase: 'online', ackAtMs: 2}), 60_001, 60_000));
	t.false(isOverdue(replica({phase: 'receiving', ackAtMs: 0}), 60_001, 60_000));
	t.false(isOverdue(replica({phase: 'online', ackAtMs: 0, neverAcks: true}), 60_001, 60_000));
});
