import test from 'ava';
import fc from 'fast-check';
import {latin1, latin1ToBytes} from '../../src/lib/bytes.ts';
import {ReplicaMachine, type ReplicaOptions} from '../../src/replication/replica.ts';

const ID = 'a'.repeat(40);
const NEW_ID = 'b'.repeat(40);
const MARK = 'f'.repeat(40);

const options: ReplicaOptions = {
	listeningPort: 7001,
	announcedHost: '',
	user: '',
	password: '',
	known: null,
	isHandingOver: false,
	timeoutMs: () => 60_000,
};

/** A machine and all that it said, snapshots and stream joined. */
function machineOf(changes: Partial<ReplicaOptions> = {}) {
	const sent: string[] = [];
	const told: string[] = [];
	let snapshot = '';
	let stream = '';
	const machine = new ReplicaMachine(
		{...options, ...changes},
		{
			send: (bytes) => void sent.push(commandOf(bytes)),
			fullResync: (known) => void told.push(known === null ? 'full' : `full ${known.id} ${known.offset}`),
			snapshotBegins: (length) => void told.push(`begins ${length}`),
			snapshot: (bytes) => void (snapshot += latin1(bytes)),
			snapshotEnds: () => void told.push('ends'),
			resumed: (id) => void told.push(`resumed ${id}`),
			stream: (bytes) => void (stream += latin1(bytes)),
			handedOver: (isAccepted) => void told.push(`handed over ${isAccepted}`),
			failed: (reason) => void told.push(`failed: ${reason}`),
			log: () => undefined,
		},
		0,
	);
	machine.start();
	return {
		machine,
		sent,
		told,
		receive: (text: string) => machine.receive(latin1ToBytes(text), 1000),
		snapshot: () => snapshot,
		stream: () => stream,
	};
}

/** The words of a command, apart by blanks. */
const commandOf = (bytes: Uint8Array): string =>
	latin1(bytes)
		.split('\r\n')
		.filter((_, i) => i > 0 && i % 2 === 0)
		.join(' ');

test('a new replica introduces itself and asks for all data', (t) => {
	const {machine, sent, receive, told} = machineOf();
	t.deepEqual(sent.splice(0), ['PING']);
	receive('+PONG\r\n');
	t.deepEqual(sent.splice(0), ['REPLCONF listening-port 7001', 'REPLCONF capa eof capa psync2']);
	receive('+OK\r\n+OK\r\n');
	t.deepEqual(sent.splice(0), ['PSYNC ? -1']);
	t.is(machine.phase, 'handshake');
	receive(`+FULLRESYNC ${ID} 100\r\n`);
	t.is(machine.phase, 'receiving');
	t.deepEqual(told, [`full ${ID} 100`]);
});

test('a password is sent where there is one, and an address where one is announced', (t) => {
	const {sent, receive} = machineOf({user: 'joe', password: 'secret', announcedHost: '10.1.1.1'});
	receive('-NOAUTH Authentication required.\r\n');
	t.deepEqual(sent.splice(1), [
		'AUTH joe secret',
		'REPLCONF listening-port 7001',
		'REPLCONF ip-address 10.1.1.1',
		'REPLCONF capa eof capa psync2',
	]);
	const other = machineOf({password: 'secret'});
	other.receive('+PONG\r\n');
	t.is(other.sent[1], 'AUTH secret');
});

test('a wrong password ends the attempt, an unknown REPLCONF does not', (t) => {
	const {receive, told} = machineOf({password: 'secret'});
	receive('+PONG\r\n-WRONGPASS invalid\r\n');
	t.deepEqual(told, ['failed: Unable to AUTH to MASTER: -WRONGPASS invalid']);
	const other = machineOf();
	other.receive('+PONG\r\n-ERR unknown\r\n-ERR unknown\r\n');
	t.is(other.sent.at(-1), 'PSYNC ? -1');
	t.deepEqual(other.told, []);
});

test('what a primary may answer in place of PONG', (t) => {
	for (const line of ['-LOADING Redis is loading', '-MASTERDOWN Link', '-ERR whatever']) {
		const {receive, told} = machineOf();
		receive(`${line}\r\n`);
		t.deepEqual(told, [`failed: Error reply to PING from master: '${line}'`]);
	}
});

const introduce = '+PONG\r\n+OK\r\n+OK\r\n';

test('a replica that knows a history asks for the next byte and goes on', (t) => {
	const {machine, receive, sent, stream, told} = machineOf({known: {id: ID, offset: 41}});
	receive(introduce);
	t.is(sent.at(-1), `PSYNC ${ID} 42`);
	receive(`+CONTINUE ${NEW_ID}\r\n*1\r\n`);
	t.is(machine.phase, 'online');
	t.deepEqual(told, [`resumed ${NEW_ID}`]);
	t.is(stream(), '*1\r\n');
});

test('a primary without psync2 tells no id: the history is the same', (t) => {
	const {receive, told} = machineOf({known: {id: ID, offset: 41}});
	receive(`${introduce}+CONTINUE\r\n`);
	t.deepEqual(told, [`resumed ${ID}`]);
});

test('a primary that cannot serve now ends the attempt', (t) => {
	for (const line of ["-NOMASTERLINK Can't SYNC", '-LOADING Redis', '+FULLRESYNC x 1']) {
		const {machine, receive, told} = machineOf();
		receive(`${introduce}${line}\r\n`);
		t.is(machine.phase, 'failed', line);
		t.is(told.length, 1);
	}
});

const conversations = {
	marked: `${introduce}\n\n+FULLRESYNC ${ID} 100\r\n\n$EOF:${MARK}\r\nREDIS0010 and so on${MARK}`,
	counted: `${introduce}+FULLRESYNC ${ID} 100\r\n\n\n$19\r\nREDIS0010 and so on*1\r\n$4\r\nPING\r\n`,
};

for (const [form, text] of Object.entries(conversations)) {
	test(`a snapshot that is ${form} arrives whole, however the bytes are cut`, (t) => {
		fc.assert(
			fc.property(fc.array(fc.integer({min: 1, max: 60}), {maxLength: 60}), (lengths) => {
				const {machine, receive, snapshot, stream, told} = machineOf();
				let at = 0;
				for (const length of lengths) {
					if (at < text.length) receive(text.slice(at, at + length));
					at += length;
				}
				if (at < text.length) receive(text.slice(at));
				t.is(machine.phase, 'online');
				t.is(snapshot(), 'REDIS0010 and so on');
				t.is(stream(), form === 'counted' ? '*1\r\n$4\r\nPING\r\n' : '');
				t.deepEqual(told, [`full ${ID} 100`, `begins ${form === 'counted' ? 19 : -1}`, 'ends']);
			}),
		);
	});
}

test('a snapshot shorter than the mark is not taken for it', (t) => {
	const {receive, snapshot, told} = machineOf();
	receive(`${introduce}+FULLRESYNC ${ID} 0\r\n$EOF:${MARK}\r\nab`);
	t.is(snapshot(), '');
	receive(MARK);
	t.is(snapshot(), 'ab');
	t.is(told.at(-1), 'ends');
});

test('a primary that gives up in the middle of a full resynchronisation', (t) => {
	const {receive, told} = machineOf();
	receive(`${introduce}+FULLRESYNC ${ID} 0\r\n-ERR no memory\r\n`);
	t.is(told.at(-1), 'failed: MASTER aborted replication with an error: ERR no memory');
	const other = machineOf();
	other.receive(`${introduce}+FULLRESYNC ${ID} 0\r\nnonsense\r\n`);
	t.true(other.told.at(-1)!.startsWith('failed: Bad protocol from MASTER'));
});

test('an online replica acknowledges once a second, and when it is asked to', (t) => {
	const {machine, receive, sent} = machineOf({known: {id: ID, offset: 7}});
	machine.tick(0, 7, -1);
	receive(`${introduce}+CONTINUE\r\n`);
	sent.length = 0;
	machine.tick(1000, 7, -1);
	machine.tick(1100, 8, -1);
	machine.tick(1900, 9, -1);
	t.deepEqual(sent.splice(0), ['REPLCONF ACK 7']);
	machine.tick(2000, 9, -1);
	t.deepEqual(sent.splice(0), ['REPLCONF ACK 9']);
	machine.acknowledge(2100, 10, -1);
	t.deepEqual(sent.splice(0), ['REPLCONF ACK 10']);
	// One that keeps a file also tells how far it is on the disk.
	machine.acknowledge(2200, 11, 9);
	machine.tick(3200, 12, 0);
	t.deepEqual(sent.splice(0), ['REPLCONF ACK 11 FACK 9', 'REPLCONF ACK 12 FACK 0']);
});

test('who hands over says so, and hears whether the other leads', (t) => {
	const known = {id: ID, offset: 7};
	const accepted = machineOf({known, isHandingOver: true});
	accepted.receive(`${introduce}+CONTINUE ${NEW_ID}\r\n`);
	t.is(accepted.sent.at(-1), `PSYNC ${ID} 8 FAILOVER`);
	t.deepEqual(accepted.told, ['handed over true', `resumed ${NEW_ID}`]);
	const refused = machineOf({known, isHandingOver: true});
	refused.receive(`${introduce}-ERR PSYNC FAILOVER replid must match my replid.\r\n`);
	t.is(refused.told[0], 'handed over false');
});

test('a primary that does not know PSYNC is asked by SYNC, and acknowledged to by nobody', (t) => {
	const {machine, receive, sent, told, snapshot, stream} = machineOf({known: {id: ID, offset: 7}});
	receive(`${introduce}-ERR unknown command 'PSYNC'\r\n`);
	t.is(sent.at(-1), 'SYNC');
	receive('\n\n$5\r\nimageSET a');
	t.deepEqual(told, ['full', 'begins 5', 'ends']);
	t.is(snapshot(), 'image');
	t.is(stream(), 'SET a');
	sent.length = 0;
	machine.acknowledge(2000, 5, -1);
	machine.tick(9000, 5, -1);
	t.deepEqual(sent, []);
});

test('silence for longer than the timeout ends it, in any phase', (t) => {
	const silent = machineOf();
	silent.machine.tick(60_000, 0, -1);
	t.deepEqual(silent.told, []);
	silent.machine.tick(60_001, 0, -1);
	t.deepEqual(silent.told, ['failed: Timeout connecting to the MASTER...']);
	const online = machineOf({known: {id: ID, offset: 7}});
	online.receive(`${introduce}+CONTINUE\r\n`);
	online.machine.tick(61_001, 7, -1);
	t.deepEqual(online.told.slice(1), ['failed: MASTER timeout: no data nor PING received...']);
	// It failed once, and does nothing any more.
	online.machine.tick(99_000, 7, -1);
	online.receive('*1\r\n');
	t.is(online.told.length, 2);
	t.is(online.stream(), '');
});
