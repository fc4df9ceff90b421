import {Worker} from 'node:worker_threads';
import test from 'ava';
import {SLOT_COUNT} from '../../src/slots/key-slot.ts';
import {
	createSlotTable,
	FOREIGN_OWNER,
	SlotTableReader,
	slotTableNodeCount,
	SlotTableWriter,
} from '../../src/node/slot-table.ts';

const A = 'a'.repeat(40);
const B = '0123456789abcdef0123456789abcdef01234567';

test('a fresh table says that nobody has published', (t) => {
	const reader = new SlotTableReader(createSlotTable(3));
	t.is(reader.nodeCount, 3);
	t.is(reader.version(2), 0);
	t.false(reader.isOk(0));
	const view = reader.read(1);
	t.like(view, {version: 0, state: 'unknown', currentEpoch: 0, nodeId: '0'.repeat(40), assignedCount: 0});
	t.true(view?.owners.every((owner) => owner === 0));
});

test('a published view is read as it was written', (t) => {
	const table = createSlotTable(2);
	const first = new SlotTableWriter(table, 0);
	const second = new SlotTableWriter(table, 1);
	first.identify(A);
	second.identify(B);
	const owners = new Uint16Array(SLOT_COUNT);
	owners.fill(second.ownerNumber(A), 0, 100);
	owners.fill(second.ownerNumber(B), 100, 200);
	second.publish(true, 2 ** 40 + 1, 200, owners);

	const reader = new SlotTableReader(table);
	const view = reader.read(1);
	t.like(view, {state: 'ok', currentEpoch: 2 ** 40 + 1, nodeId: B, assignedCount: 200});
	t.deepEqual([view?.owners[99], view?.owners[100], view?.owners[200]], [1, 2, 0]);
	t.true(reader.isOk(1));
	t.false(reader.isOk(0), 'a node writes its own region only');
});

test('a node that the launcher did not start is a foreign owner until its id is published', (t) => {
	const table = createSlotTable(2);
	const first = new SlotTableWriter(table, 0);
	first.identify(A);
	t.is(first.ownerNumber(B), FOREIGN_OWNER);
	new SlotTableWriter(table, 1).identify(B);
	t.is(first.ownerNumber(B), 2);
});

test('a new id after a hard reset is found, the old one is not', (t) => {
	const table = createSlotTable(1);
	const writer = new SlotTableWriter(table, 0);
	writer.identify(A);
	t.is(writer.ownerNumber(A), 1);
	writer.identify(B);
	t.is(writer.ownerNumber(B), 1);
	t.is(writer.ownerNumber(A), FOREIGN_OWNER);
});

test('the version changes with each publication and stays even', (t) => {
	const table = createSlotTable(1);
	const writer = new SlotTableWriter(table, 0);
	const reader = new SlotTableReader(table);
	writer.publish(false, 1, 0, new Uint16Array(SLOT_COUNT));
	const before = reader.version(0);
	writer.publish(true, 1, 0, new Uint16Array(SLOT_COUNT));
	t.is(before % 2, 0);
	t.is(reader.version(0), before + 2);
});

test('what a writer left half-written is not read, and the next writer repairs it', (t) => {
	const table = createSlotTable(1);
	const reader = new SlotTableReader(table);
	Atomics.store(new Int32Array(table, 64), 0, 7);
	t.is(reader.read(0), null);
	new SlotTableWriter(table, 0).publish(true, 3, 0, new Uint16Array(SLOT_COUNT));
	t.is(reader.read(0)?.version, 8);
});

test('a reader in another thread never sees two publications mixed', async (t) => {
	const table = createSlotTable(1);
	const writer = new SlotTableWriter(table, 0);
	const owners = new Uint16Array(SLOT_COUNT);
	writer.publish(true, 0, 0, owners);
	const source = `
		import {parentPort, workerData} from 'node:worker_threads';
		import {SlotTableReader} from ${JSON.stringify(new URL('../../src/node/slot-table.js', import.meta.url).href)};
		const reader = new SlotTableReader(workerData.table);
		const seen = new Set();
		let mixed = 0;
		while (Atomics.load(workerData.done, 0) === 0) {
			const view = reader.read(0);
			if (view === null) continue;
			seen.add(view.currentEpoch);
			if (view.owners.some((owner) => owner !== view.currentEpoch)) mixed++;
			Atomics.store(workerData.seen, 0, seen.size);
		}
		parentPort.postMessage(mixed);
	`;
	const done = new Int32Array(new SharedArrayBuffer(4));
	const seen = new Int32Array(new SharedArrayBuffer(4));
	const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(source)}`), {
		workerData: {table, done, seen},
	});
	const result = new Promise<number>((resolve, reject) => {
		worker.once('message', resolve);
		worker.once('error', reject);
	});
	for (let round = 1; Atomics.load(seen, 0) < 50; round = (round % 60_000) + 1) {
		writer.publish(true, round, 0, owners.fill(round));
		if (round % 64 === 0) await new Promise(setImmediate);
	}
	Atomics.store(done, 0, 1);
	t.is(await result, 0);
	await worker.terminate();
});

test('a region of no node is refused', (t) => {
	const table = createSlotTable(2);
	t.is(slotTableNodeCount(table), 2);
	t.throws(() => new SlotTableWriter(table, 2));
	t.throws(() => new SlotTableReader(table).read(2));
});
