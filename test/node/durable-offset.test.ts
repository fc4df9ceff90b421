import test from 'ava';
import {DurableOffset, NOT_DURABLE} from '../../src/node/durable-offset.ts';

function bench(position: number) {
	const disk = {position, nowMs: 0};
	const durable = new DurableOffset(
		() => disk.position,
		() => disk.nowMs,
	);
	return {disk, durable};
}

test('an offset is on the disk when the file is flushed behind what it brought', (t) => {
	const {disk, durable} = bench(0);
	durable.restart(1000, 0);
	t.is(durable.value, 1000);
	durable.applied(1100, 50);
	disk.nowMs = 20;
	durable.applied(1200, 90);
	t.is(durable.value, 1000);
	disk.position = 60;
	t.is(durable.value, 1100);
	disk.position = 90;
	t.is(durable.value, 1200);
});

test('what changes no data is on the disk with what came before it', (t) => {
	const {disk, durable} = bench(0);
	durable.restart(0, 0);
	durable.applied(10, 5);
	disk.nowMs = 1000;
	durable.applied(24, 5);
	disk.position = 5;
	t.is(durable.value, 24);
});

test('pairs of the same ten milliseconds count when the last of them is on the disk', (t) => {
	const {disk, durable} = bench(0);
	durable.restart(0, 0);
	disk.nowMs = 100;
	durable.applied(10, 10);
	disk.nowMs = 109;
	durable.applied(20, 20);
	disk.position = 19;
	t.is(durable.value, 0);
	disk.position = 20;
	t.is(durable.value, 20);
});

test('without a file nothing is on the disk; with a new one what it began with is', (t) => {
	const {disk, durable} = bench(-1);
	durable.restart(5, 0);
	durable.applied(50, 30);
	t.is(durable.value, NOT_DURABLE);
	disk.position = 30;
	t.is(durable.value, 50);
});

test('another history begins without anything on the disk', (t) => {
	const {disk, durable} = bench(10);
	durable.restart(700, 10);
	t.is(durable.value, 700);
	durable.restart(20, 11);
	t.is(durable.value, NOT_DURABLE);
	disk.position = 11;
	t.is(durable.value, 20);
});
