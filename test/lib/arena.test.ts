import test from 'ava';
import fc from 'fast-check';
import {Arena, blockBytesFor, byteAt, MAX_BLOCK_BYTES, segmentOf, wordAt} from '../../src/lib/arena.ts';

const PAGE_BYTES = 32 << 10;

test('a block has room for what was asked, and wastes at most 7 bytes up to 1 KB', (t) => {
	for (let bytes = 1; bytes <= MAX_BLOCK_BYTES; bytes++) {
		const block = blockBytesFor(bytes);
		if (block < bytes || block % 8 !== 0 || (bytes > 8 && bytes <= 1024 && block - bytes > 7)) {
			t.fail(`${bytes} bytes got a block of ${block}`);
		}
	}
	t.is(blockBytesFor(MAX_BLOCK_BYTES), MAX_BLOCK_BYTES);
	t.pass();
});

test('no ref is 0, and the first read of an empty arena needs no test', (t) => {
	const arena = new Arena();
	t.is(arena.segments[segmentOf(0)]!.words.length, 0);
	t.not(arena.allocate(64), 0);
});

test('live blocks never overlap and keep what was written, whatever is allocated and released between', (t) => {
	const size = fc.oneof(fc.integer({min: 1, max: 200}), fc.integer({min: 1, max: MAX_BLOCK_BYTES}));
	const step = fc.record({size, release: fc.boolean(), which: fc.nat()});
	fc.assert(
		fc.property(fc.array(step, {minLength: 1, maxLength: 300}), (steps) => {
			const arena = new Arena();
			const live: {ref: number; bytes: number; fill: number}[] = [];
			steps.forEach(({size: bytes, release, which}, i) => {
				if (release && live.length > 0) {
					const [block] = live.splice(which % live.length, 1);
					checkFill(arena, block!);
					arena.release(block!.ref);
				} else {
					const ref = arena.allocate(bytes);
					const whole = arena.blockBytes(ref);
					const fill = i & 0xff;
					arena.segments[segmentOf(ref)]!.region.bytes.fill(fill, byteAt(ref), byteAt(ref) + whole);
					live.push({ref, bytes: whole, fill});
				}
			});
			for (const block of live) {
				checkFill(arena, block);
			}
			arena.check();
			const sum = live.reduce((total, {bytes}) => total + bytes, 0);
			if (arena.liveBytes !== sum) {
				throw new Error(`${arena.liveBytes} bytes live, not ${sum}`);
			}
			for (const {ref} of live) {
				arena.release(ref);
			}
			arena.check();
			return arena.liveBytes === 0 && arena.pageBytes === 0;
		}),
		{numRuns: 150},
	);
	t.pass();
});

test('a page whose last block is released serves another size', (t) => {
	const arena = new Arena();
	const small = Array.from({length: PAGE_BYTES / 64}, () => arena.allocate(64));
	t.is(arena.pageBytes, PAGE_BYTES);
	for (const ref of small) {
		arena.release(ref);
	}
	t.is(arena.pageBytes, 0);
	const large = [arena.allocate(MAX_BLOCK_BYTES), arena.allocate(MAX_BLOCK_BYTES)];
	t.is(arena.pageBytes, PAGE_BYTES);
	t.is(large[0]! >>> 12, small[0]! >>> 12, 'the same page');
	arena.check();
});

test('empty segments but one give their memory back, and their place is taken again', (t) => {
	const arena = new Arena();
	const blocks = Array.from({length: 2000}, () => arena.allocate(MAX_BLOCK_BYTES));
	const full = arena.segmentBytes;
	t.true(full >= 2000 * MAX_BLOCK_BYTES);
	for (const ref of blocks) {
		arena.release(ref);
	}
	t.is(arena.segmentBytes, 4 << 20);
	arena.check();
	for (let i = 0; i < 2000; i++) {
		arena.allocate(MAX_BLOCK_BYTES);
	}
	t.is(arena.segmentBytes, full);
	t.is(arena.segments.length, full / (4 << 20));
	arena.check();
});

test('new pages come from the lowest segment that has one', (t) => {
	const arena = new Arena();
	const blocks = Array.from({length: 1000}, () => arena.allocate(MAX_BLOCK_BYTES));
	arena.release(blocks[2]!);
	arena.release(blocks[3]!);
	t.is(segmentOf(arena.allocate(8 << 10)), 0);
	arena.check();
});

test('releasing a block twice is caught when its page is gone', (t) => {
	const arena = new Arena();
	const ref = arena.allocate(100);
	arena.release(ref);
	t.throws(() => arena.release(ref), {message: 'a released block is live'});
});

function checkFill(arena: Arena, {ref, bytes, fill}: {ref: number; bytes: number; fill: number}): void {
	const segment = arena.segments[segmentOf(ref)]!;
	if (wordAt(ref) * 4 !== byteAt(ref)) {
		throw new Error('words and bytes tell the same place');
	}
	const block = segment.region.bytes.subarray(byteAt(ref), byteAt(ref) + bytes);
	if (!block.every((byte) => byte === fill)) {
		throw new Error('a live block was written to');
	}
}
