/** OBJECT: how a value is held. */

import {parseInt64} from '../lib/integers.ts';
import {type Keyspace, STRING} from '../data/keyspace.ts';
import {key} from './args.ts';
import {type Command, command} from './command.ts';
import type {Context} from './context.ts';
import {CommandError} from './errors.ts';
import {replyHelp} from './help.ts';
import {peek} from './key-lookup.ts';
import type {ObjectValue} from './value-types.ts';

const facts = {
	group: 'generic',
	flags: ['readonly'],
	complexity: 'O(1)',
	tips: ['nondeterministic_output'],
	args: [key(['RO'])],
} as const;

export const object = command({
	name: 'object',
	since: '2.2.3',
	group: 'generic',
	flags: [],
	summary: 'A container for object introspection commands',
	complexity: 'Depends on subcommand.',
});

export const objectEncoding = command({
	...facts,
	name: 'object|encoding',
	since: '2.2.3',
	summary: 'Inspect the internal encoding of a Redis object',
	run(context) {
		const ref = refOrNull(context);
		if (ref !== 0) context.reply.bulkText(encodingOf(context.db, ref));
	},
});

const NOT_LFU = new CommandError(
	'ERR An LFU maxmemory policy is not selected, access frequency not tracked. ' +
		'Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust.',
);
const IS_LFU = new CommandError(
	'ERR An LFU maxmemory policy is selected, idle time not tracked. ' +
		'Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust.',
);

export const objectFreq = command({
	...facts,
	name: 'object|freq',
	since: '4.0.0',
	summary: 'Get the logarithmic access frequency counter of a Redis object',
	run(context) {
		const ref = refOrNull(context);
		if (ref === 0) return;
		if (context.db.access.policy !== 'lfu') throw NOT_LFU;
		context.reply.integer(context.db.frequency(ref));
	},
});

export const objectIdleTime = command({
	...facts,
	name: 'object|idletime',
	since: '2.2.3',
	summary: 'Get the time since a Redis object was last accessed',
	run(context) {
		const ref = refOrNull(context);
		if (ref === 0) return;
		if (context.db.access.policy === 'lfu') throw IS_LFU;
		context.reply.integer(context.db.idleSeconds(ref));
	},
});

/** What Redis says of the integers it shares. */
const SHARED_REFERENCES = 2 ** 31 - 1;
const SHARED_INTEGERS = 10_000;

export const objectRefCount = command({
	...facts,
	name: 'object|refcount',
	since: '2.2.3',
	summary: 'Get the number of references to the value of the key',
	run(context) {
		const ref = refOrNull(context);
		if (ref === 0) return;
		const value = context.db.type(ref) === STRING ? integerOf(context.db, ref) : null;
		const isShared = value !== null && value >= 0 && value < SHARED_INTEGERS;
		context.reply.integer(isShared ? SHARED_REFERENCES : 1);
	},
});

export const objectHelp = command({
	name: 'object|help',
	since: '6.2.0',
	group: 'generic',
	flags: ['loading', 'stale'],
	summary: 'Show helpful text about the different subcommands',
	complexity: 'O(1)',
	run({reply}) {
		replyHelp(reply, 'OBJECT', [
			'ENCODING <key>',
			'    Return the kind of internal representation used in order to store the value',
			'    associated with a <key>.',
			'FREQ <key>',
			'    Return the access frequency index of the <key>. The returned integer is',
			'    proportional to the logarithm of the recent access frequency of the key.',
			'IDLETIME <key>',
			'    Return the idle time of the <key>, that is the approximated number of',
			'    seconds elapsed since the last access to the key.',
			'REFCOUNT <key>',
			'    Return the number of references of the value associated with the specified',
			'    <key>.',
		]);
	},
});

export const objectCommands: readonly Command[] = [
	object,
	objectEncoding,
	objectFreq,
	objectHelp,
	objectIdleTime,
	objectRefCount,
];

/** The record of the request's key, without touching it; replies null and gives 0 when there is none. */
function refOrNull({db, reply, request}: Context): number {
	const ref = peek(db, request, 2);
	if (ref === 0) reply.null();
	return ref;
}

/** Strings of at most so many bytes stand in one block with their header. */
const EMBEDDED_BYTES = 44;

/** The name that Redis gives to the form in which it would hold the value. */
export function encodingOf(db: Keyspace, ref: number): string {
	if (db.type(ref) !== STRING) return (db.object(ref) as ObjectValue).encoding;
	if (db.isRaw(ref)) return 'raw';
	if (integerOf(db, ref) !== null) return 'int';
	return db.valueLength(ref) <= EMBEDDED_BYTES ? 'embstr' : 'raw';
}

/** The integer that a string is held as, null where it is held as bytes. */
function integerOf(db: Keyspace, ref: number): number | bigint | null {
	if (db.isRaw(ref)) return null;
	return parseInt64(db.valueRegion(ref).bytes, db.valueAt(ref), db.valueLength(ref));
}
