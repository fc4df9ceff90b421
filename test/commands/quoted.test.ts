import test from 'ava';
import fc from 'fast-check';
import {quoted} from '../../src/commands/quoted.ts';
import {latin1ToBytes} from '../../src/lib/bytes.ts';
import {splitArguments} from '../../src/node/config-file.ts';

test('printable ASCII stands for itself, the rest is escaped', (t) => {
	t.is(quoted(latin1ToBytes('plain ~text')), '"plain ~text"');
	t.is(quoted(latin1ToBytes('"\\\n\r\t\b\x07')), '"\\"\\\\\\n\\r\\t\\b\\a"');
	t.is(quoted(latin1ToBytes('\0\x7f\xff')), '"\\x00\\x7f\\xff"');
	t.is(quoted(new Uint8Array()), '""');
});

test('what was quoted is read back as the same bytes', (t) => {
	fc.assert(
		fc.property(fc.uint8Array({maxLength: 40}), (bytes) => {
			t.deepEqual(latin1ToBytes(splitArguments(quoted(bytes))![0]!), bytes);
		}),
	);
});
