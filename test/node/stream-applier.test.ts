import test from 'ava';
import fc from 'fast-check';
import {NO_CONNECTION} from '../../src/commands/client.ts';
import {latin1, latin1ToBytes} from '../../src/lib/bytes.ts';
import {StreamApplier} from '../../src/node/stream-applier.ts';
import {openDoor} from './door.ts';
import {pipeline} from './wire.ts';

function applier() {
	const door = openDoor();
	const client = door.clients.add(NO_CONNECTION, '127.0.0.1:1', '127.0.0.1:2', 0);
	client.isPrimary = true;
	let applied = '';
	const askedAt: number[] = [];
	const errors: string[] = [];
	const failures: string[] = [];
	const skipped: string[] = [];
	const made: StreamApplier = new StreamApplier({
		frontend: door.frontend,
		client,
		onApplied: (bytes, from, to) => void (applied += latin1(bytes, from, to)),
		onAsked: () => void askedAt.push(applied.length),
		onError: (command, error) => void errors.push(`${command}: ${error}`),
		onSkipped: (command) => void skipped.push(command),
		onFailed: (reason) => void failures.push(reason),
	});
	const db = door.services.databases[0]!;
	return {
		applier: made,
		client,
		db,
		errors,
		failures,
		skipped,
		askedAt,
		applied: () => applied,
		push: (text: string) => made.push(latin1ToBytes(text)),
		get(key: string): string | null {
			const ref = db.findKey(latin1ToBytes(key));
			return ref === 0 ? null : latin1(db.value(ref));
		},
	};
}

const STREAM =
	pipeline('SELECT 0', 'SET a 1', 'PING', 'INCR a', 'MULTI', 'INCR a', 'SET b x', 'EXEC', 'APPEND b yz') +
	pipeline('SELECT 1', 'SET c 1', 'SELECT 0', `SET big ${'v'.repeat(300)}`, 'DEL nosuch');

test('a stream that is cut anywhere is applied as one that is not, and told byte for byte', (t) => {
	fc.assert(
		fc.property(fc.array(fc.integer({min: 1, max: 200}), {maxLength: 40}), (lengths) => {
			const {applied, client, errors, get, push} = applier();
			let at = 0;
			for (const length of lengths) {
				if (at < STREAM.length) push(STREAM.slice(at, at + length));
				at += length;
			}
			if (at < STREAM.length) push(STREAM.slice(at));
			t.is(applied(), STREAM);
			t.is(get('a'), '3');
			t.is(get('b'), 'xyz');
			t.is(get('c'), null);
			t.is(get('big'), 'v'.repeat(300));
			t.is(client.databaseIndex, 0);
			t.deepEqual(errors, []);
		}),
		{numRuns: 50},
	);
});

test('what writes to no keys and is not known here is left out, and told byte for byte', (t) => {
	const {applied, errors, get, push, skipped} = applier();
	const stream = pipeline('SET a 1', 'PUBLISH news hello', 'spublish news hello', 'INCR a', 'SCRIPT FLUSH');
	push(stream);
	t.deepEqual(skipped, ['PUBLISH', 'SPUBLISH', 'SCRIPT']);
	t.deepEqual(errors, []);
	t.is(get('a'), '2');
	t.is(applied(), stream);
	push(pipeline('NOSUCH a'));
	t.is(errors.length, 1);
});

test('a transaction is applied when its end is there, not before', (t) => {
	const {applied, applier: made, get, push} = applier();
	push(pipeline('SET a 1', 'MULTI', 'INCR a'));
	t.is(get('a'), '1');
	t.is(applied(), pipeline('SET a 1'));
	push(pipeline('INCR a'));
	t.is(get('a'), '1');
	t.is(made.pendingBytes, pipeline('MULTI', 'INCR a', 'INCR a').length);
	push(pipeline('EXEC', 'INCR a'));
	t.is(get('a'), '4');
	t.is(applied(), pipeline('SET a 1', 'MULTI', 'INCR a', 'INCR a', 'EXEC', 'INCR a'));
	t.is(made.pendingBytes, 0);
});

test('a primary that asks how far the replica is hears of all before its question', (t) => {
	const {askedAt, push} = applier();
	push(pipeline('SET a 1', 'REPLCONF GETACK *', 'SET a 2'));
	t.deepEqual(askedAt, [pipeline('SET a 1').length]);
});

test('nothing of what the primary did is refused, and what fails is told', (t) => {
	const {errors, get, push} = applier();
	push(pipeline('LPUSH list x', 'SET a 1'));
	t.deepEqual(errors, ["LPUSH: ERR unknown command 'LPUSH', with args beginning with: 'list' 'x' "]);
	t.is(get('a'), '1');
});

test("the primary's commands find keys that have expired here", (t) => {
	const {db, get, push} = applier();
	push(pipeline('SET a 1', 'PEXPIREAT a 1', 'INCR a'));
	db.expiredKeys = 'ignore';
	t.is(get('a'), '2');
	push(pipeline('DEL a'));
	t.is(db.size, 0);
});

test('what is not the protocol ends it', (t) => {
	const {failures, push} = applier();
	push(`${pipeline('SET a 1')}*x\r\n`);
	t.deepEqual(failures, ['Protocol error in the stream of the master: invalid multibulk length']);
});

test('a stopped applier runs nothing more', (t) => {
	const {applied, applier: made, get, push} = applier();
	made.stop();
	push(pipeline('SET a 1'));
	t.is(get('a'), null);
	t.is(applied(), '');
});
