import test from 'ava';
import {latin1, latin1ToBytes} from '../../src/lib/bytes.ts';
import {NO_REPLICATION_ID, ReplicationHistory} from '../../src/replication/history.ts';

const ID_A = 'a'.repeat(40);
const ID_B = 'b'.repeat(40);
const ID_C = 'c'.repeat(40);

function historyOf(text: string): ReplicationHistory {
	const history = new ReplicationHistory(ID_A, 16 * 1024);
	history.keep();
	append(history, text);
	return history;
}

function append(history: ReplicationHistory, text: string): void {
	const bytes = latin1ToBytes(text);
	history.append(bytes, 0, bytes.length);
}

test('a replica of the same history gets what it lacks', (t) => {
	const history = historyOf('0123456789');
	t.is(history.offset, 10);
	t.is(history.mismatch(ID_A, 4), null);
	t.is(latin1(history.since(4)), '3456789');
	t.is(history.mismatch(ID_A, 11), null);
	t.is(latin1(history.since(11)), '');
	t.is(history.mismatch(ID_A, 12), 'not-in-backlog');
	t.is(history.mismatch(ID_A, 0), 'not-in-backlog');
	t.is(history.mismatch(ID_B, 4), 'unknown-id');
});

test('nothing is held before anybody follows', (t) => {
	const history = new ReplicationHistory(ID_A, 16 * 1024);
	t.is(history.backlog, null);
	t.is(history.mismatch(ID_A, 1), 'not-in-backlog');
});

test('after a promotion the old id holds up to where the new history begins', (t) => {
	const history = historyOf('0123456789');
	history.continueAs(ID_B);
	append(history, 'abc');
	t.is(history.secondId, ID_A);
	t.is(history.secondOffset, 11);
	// Sibling replicas and the old primary, no further than this one was.
	t.is(history.mismatch(ID_A, 11), null);
	t.is(latin1(history.since(11)), 'abc');
	t.is(history.mismatch(ID_A, 5), null);
	// The old primary wrote something that was never replicated.
	t.is(history.mismatch(ID_A, 12), 'beyond-second-id');
	t.is(history.mismatch(ID_B, 12), null);
	t.is(history.mismatch(ID_C, 12), 'unknown-id');
});

test('of two promotions only the last is remembered', (t) => {
	const history = historyOf('0123');
	history.continueAs(ID_B);
	history.continueAs(ID_C);
	t.is(history.mismatch(ID_A, 5), 'unknown-id');
	t.is(history.mismatch(ID_B, 5), null);
});

test('the id that it has already is no new one', (t) => {
	const history = historyOf('0123');
	history.continueAs(ID_A);
	t.is(history.secondId, NO_REPLICATION_ID);
	t.is(history.secondOffset, -1);
});

test("a primary's history replaces one's own", (t) => {
	const history = historyOf('0123');
	history.continueAs(ID_B);
	history.adopt(ID_C, 100);
	t.is(history.offset, 100);
	t.is(history.secondId, NO_REPLICATION_ID);
	t.is(history.mismatch(ID_C, 101), null);
	t.is(history.mismatch(ID_C, 100), 'not-in-backlog');
	t.is(history.mismatch(ID_B, 101), 'unknown-id');
});

test('a history that was not kept for a while is another', (t) => {
	const history = historyOf('0123');
	history.drop(ID_B);
	t.is(history.backlog, null);
	t.is(history.mismatch(ID_A, 5), 'unknown-id');
	history.restart(ID_C);
	t.is(history.offset, 4);
	t.is(history.mismatch(ID_C, 5), null);
});

test('a backlog is never smaller than 16 KB', (t) => {
	const history = new ReplicationHistory(ID_A, 1);
	t.is(history.backlogBytes, 16 * 1024);
	history.keep();
	history.resize(100);
	t.is(history.backlog!.sizeBytes, 16 * 1024);
	history.resize(1024 * 1024);
	t.is(history.backlog!.sizeBytes, 1024 * 1024);
});
