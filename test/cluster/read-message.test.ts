import test from 'ava';
import fc from 'fast-check';
import type {BusMessage, GossipEntry, Header} from '../../src/cluster/messages.ts';
import type {NodeId} from '../../src/cluster/node-id.ts';
import {readBusMessage} from '../../src/cluster/read-message.ts';

const id = (digit: string): NodeId => digit.repeat(40) as NodeId;

const header: Header = {
	sender: id('a'),
	flags: 2,
	currentEpoch: 3,
	configEpoch: 2,
	replicationOffset: 0,
	slots: new Uint8Array(2048),
	primary: null,
	host: '',
	port: 7000,
	busPort: 17_000,
	hostname: '',
	shardId: id('b'),
	ok: true,
	pausedFor: null,
};

const entry: GossipEntry = {
	node: id('c'),
	host: '127.0.0.1',
	port: 7001,
	busPort: 17_001,
	flags: 2,
	pingSentAt: 0,
	pongReceivedAt: 1_700_000_000_000,
};

const messages: readonly BusMessage[] = [
	{type: 'ping', header, gossip: [entry]},
	{type: 'pong', header: {...header, primary: id('d')}, gossip: []},
	{type: 'meet', header, gossip: []},
	{type: 'fail', header, about: id('c')},
	{type: 'update', header, node: id('c'), configEpoch: 7, slots: new Uint8Array(2048)},
	{type: 'auth-req', header: {...header, primary: id('d')}, isForced: false},
	{type: 'auth-ack', header},
	{type: 'mfstart', header: {...header, primary: id('d')}},
	{type: 'ping', header: {...header, pausedFor: id('d')}, gossip: []},
];

for (const [index, message] of messages.entries()) {
	test(`${index + 1}: a ${message.type} is a message`, (t) => {
		t.is(readBusMessage(message), message);
	});

	test(`${index + 1}: a ${message.type} without one of its fields, or with a wrong one, is none`, (t) => {
		for (const field of Object.keys(message)) {
			for (const wrong of [undefined, null, 'x y', -1, Number.NaN, {}, new Uint8Array(1), [1]]) {
				t.is(readBusMessage({...message, [field]: wrong}), null, `${field}: ${String(wrong)}`);
			}
		}
		for (const field of Object.keys(header)) {
			t.is(readBusMessage({...message, header: {...header, [field]: undefined}}), null, field);
		}
	});
}

test('a gossip entry with a wrong field makes the packet none', (t) => {
	for (const field of Object.keys(entry)) {
		t.is(readBusMessage({type: 'ping', header, gossip: [entry, {...entry, [field]: {}}]}), null, field);
	}
});

test('names that would break a line of text are refused', (t) => {
	for (const hostname of ['a b', 'a\nb', 'a,b', 'a\0', 'x'.repeat(256)]) {
		t.is(readBusMessage({type: 'fail', header: {...header, hostname}, about: id('c')}), null);
	}
});

test('types that do not travel are none', (t) => {
	for (const type of ['publish', 'module', '', 7]) t.is(readBusMessage({type, header, gossip: []}), null);
});

test('whatever a frame decodes to, reading it does not throw', (t) => {
	fc.assert(
		fc.property(
			fc.anything({withTypedArray: true, withBigInt: true}),
			(value) => readBusMessage(value) === null,
		),
	);
	t.pass();
});
