import test from 'ava';
import {readSavedFields, savedFields} from '../../src/replication/saved-history.ts';

const SAVED = {id: 'a'.repeat(40), offset: 1234, database: 3};

test('what is written to the head of a file is read from it', (t) => {
	t.deepEqual(readSavedFields(savedFields(SAVED)), SAVED);
});

test('a head that does not tell the whole story tells none', (t) => {
	t.is(readSavedFields(new Map()), null);
	for (const [name, value] of [
		['repl-id', 'short'],
		['repl-offset', '0'],
		['repl-offset', '-5'],
		['repl-offset', 'x'],
		['repl-stream-db', '-1'],
	] as const) {
		t.is(readSavedFields(savedFields(SAVED).set(name, value)), null, name);
	}
	for (const name of savedFields(SAVED).keys()) {
		const fields = savedFields(SAVED);
		fields.delete(name);
		t.is(readSavedFields(fields), null, name);
	}
});
