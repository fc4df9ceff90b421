import test from 'ava';
import {Client, NO_CONNECTION} from '../../src/commands/client.ts';
import {EXPECTED_LIMIT} from '../../src/data/expected-keys.ts';
import {Keyspace} from '../../src/data/keyspace.ts';
import {latin1ToBytes} from '../../src/lib/bytes.ts';
import {allocateRegion} from '../../src/lib/region.ts';
import {CommandReader} from '../../src/node/command-reader.ts';
import {InputBuffers} from '../../src/node/input-buffers.ts';
import {COMPLETE} from '../../src/resp/request-parser.ts';
import {pipeline} from './wire.ts';

test('no key of an earlier chunk is expected in the next one, also where the database changed in between', (t) => {
	const databases = [new Keyspace(), new Keyspace()];
	const reader = new CommandReader(new InputBuffers(), databases);
	const client = new Client(1, NO_CONNECTION, '127.0.0.1:1', '127.0.0.1:2', 0);
	const region = allocateRegion(4096);
	const run = (chunk: string, each: (index: number) => void): void => {
		region.bytes.set(latin1ToBytes(chunk));
		let index = 0;
		for (let at = 0; at < chunk.length; at = reader.request.end) {
			t.is(reader.read(client, region, at, chunk.length), COMPLETE);
			each(index++);
		}
		reader.forget();
	};
	// As many as are read ahead at once in database 0, and some in database 1.
	const keys = Array.from({length: EXPECTED_LIMIT + 4}, (_, i) => `GET old:${i + 10}`);
	run(pipeline(...keys), (index) => {
		client.databaseIndex = index >= EXPECTED_LIMIT - 1 ? 1 : 0;
	});
	client.databaseIndex = 0;
	// Other keys, at the same places of the same buffer.
	const db = databases[0]!;
	run(pipeline('SET new:10 1'), () => {
		const {request} = reader;
		const [, at, from] = request.offsets;
		db.setString(request.keySlot(1), region, at!, request.lengths[1]!, region, from!, 1, false);
	});
	t.not(db.findKey(latin1ToBytes('new:10')), 0);
	db.check();
});
