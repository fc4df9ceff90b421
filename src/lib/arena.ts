/**
 * Memory for millions of small blocks outside the JavaScript heap, so that the collector never sees them.
 *
 *   segment   4 MB, a SharedArrayBuffer of its own. Nobody shares it; but V8 counts a plain one as the isolate's, and
 *             collects garbage again and again for memory that grows by design (116 times for ten million keys)
 *   page      32 KB of a segment, cut into blocks of one size class while any of them is live
 *   block     16 bytes to 16 KB, aligned to 8
 *   ref       where a block starts, in units of 8 bytes over all segments: 31 bits, 16 GB; 0 is no block
 *
 *       31         19 18      12 11        0
 *        | segment  |   page   |  in page  |
 *
 * A page whose last block was freed serves any class again; a segment of such pages only gives its memory back.
 * Blocks are not cleared: they hold what the last user left.
 */

import {assert} from './assert.ts';
import {regionOf, type Region} from './region.ts';

const SEGMENT_BYTES = 4 << 20;
const SEGMENT_SHIFT = 19;
const SEGMENT_MASK = (1 << SEGMENT_SHIFT) - 1;
const SEGMENT_LIMIT = 1 << (31 - SEGMENT_SHIFT);
const PAGE_BYTES = 32 << 10;
const PAGE_SHIFT = 12;
const PAGES_OF_SEGMENT = SEGMENT_BYTES / PAGE_BYTES;
const PAGE_INDEX_SHIFT = SEGMENT_SHIFT - PAGE_SHIFT;

/** The longest block. */
export const MAX_BLOCK_BYTES = 16 << 10;

/** Up to here there is a class for every multiple of 8; above, a class for every whole number of blocks a page. */
const FINE_LIMIT_BYTES = 1024;
const FINE_CLASSES = FINE_LIMIT_BYTES / 8;
const CLASS_COUNT = FINE_CLASSES + 31;
const MIN_BLOCK_BYTES = 16;

// What is known of a page: eight int32 side by side, one half of a cache line.
const FIELDS_SHIFT = 3;
const SIZE_CLASS = 0; // 0 while the page is free
const LIVE = 1;
const FREE_LIST = 2; // first freed block of the page; each holds the ref of the next in its first word
const UNTOUCHED = 3; // ref of the first block that was never handed out; beyond the page when all were
const NEXT = 4; // neighbours in the ring of pages of the class that have room; or in the list of free pages
const PREVIOUS = 5;

/** One buffer under the views that its users need. */
export interface Segment {
	readonly region: Region;
	/** The same memory by words: a ref's word is `wordAt(ref)`. */
	readonly words: Int32Array;
}

/** The index of a ref's segment in `Arena.segments`. */
export function segmentOf(ref: number): number {
	return ref >>> SEGMENT_SHIFT;
}

/** Where the block stands in its segment, in bytes. */
export function byteAt(ref: number): number {
	return (ref & SEGMENT_MASK) << 3;
}

/** Where the block stands in its segment, in words of 4 bytes. */
export function wordAt(ref: number): number {
	return (ref & SEGMENT_MASK) << 1;
}

/** The length of the block that `bytes` bytes get. */
export function blockBytesFor(bytes: number): number {
	return BLOCK_BYTES[sizeClassOf(bytes)]!;
}

const BLOCK_BYTES = makeBlockBytes();
const BLOCKS_OF_PAGE = Int32Array.from(BLOCK_BYTES, (bytes) =>
	bytes === 0 ? 0 : Math.floor(PAGE_BYTES / bytes),
);

const NO_SEGMENT: Segment = {region: regionOf(new Uint8Array(0)), words: new Int32Array(0)};

export class Arena {
	/**
	 * Look a segment up anew after every allocation or release. There is always a first one, empty at the start, so
	 * that reading where ref 0 points needs no test for it.
	 */
	readonly segments: Segment[] = [NO_SEGMENT];
	/** Of each class, a page with room, or 0: page 0 is never handed out, so that no block has ref 0. */
	readonly #roomy = new Int32Array(CLASS_COUNT);
	#pages = new Int32Array(PAGES_OF_SEGMENT << FIELDS_SHIFT);
	/** Of each segment: first free page (-1 none) and number of free pages. */
	#freePages = new Int32Array(16).fill(-1);
	#freePageCounts = new Int32Array(16);
	/** No segment before this one has a free page. */
	#lowestFree = 0;
	#emptySegments = 0;
	/** In a typed array, since a number field over 2^31 would be boxed anew at each change: live bytes, pages in use. */
	readonly #totals = new Float64Array(2);

	/** Bytes of all live blocks. */
	get liveBytes(): number {
		return this.#totals[0]!;
	}

	/** Bytes of the pages that hold a live block: what fragmentation costs is the difference to `liveBytes`. */
	get pageBytes(): number {
		return this.#totals[1]! * PAGE_BYTES;
	}

	/** Bytes of the segments held; untouched ones of them are not yet resident. */
	get segmentBytes(): number {
		let count = 0;
		for (const segment of this.segments) {
			count += segment === NO_SEGMENT ? 0 : 1;
		}
		return count * SEGMENT_BYTES;
	}

	/** A block of at least `bytes` bytes (1 to MAX_BLOCK_BYTES). Never clears it. */
	allocate(bytes: number): number {
		const sizeClass = sizeClassOf(bytes);
		let page = this.#roomy[sizeClass]!;
		if (page === 0) {
			page = this.#addPage(sizeClass);
		}
		const pages = this.#pages;
		const at = page << FIELDS_SHIFT;
		const live = pages[at + LIVE]! + 1;
		pages[at + LIVE] = live;
		if (live === BLOCKS_OF_PAGE[sizeClass]!) {
			this.#unlink(page, sizeClass);
		}
		this.#totals[0]! += BLOCK_BYTES[sizeClass]!;
		const freed = pages[at + FREE_LIST]!;
		if (freed !== 0) {
			pages[at + FREE_LIST] = this.segments[freed >>> SEGMENT_SHIFT]!.words[wordAt(freed)]!;
			return freed;
		}
		const untouched = pages[at + UNTOUCHED]!;
		pages[at + UNTOUCHED] = untouched + (BLOCK_BYTES[sizeClass]! >>> 3);
		return untouched;
	}

	/** Gives a block back. Its ref must not be used again. */
	release(ref: number): void {
		const page = ref >>> PAGE_SHIFT;
		const pages = this.#pages;
		const at = page << FIELDS_SHIFT;
		const sizeClass = pages[at + SIZE_CLASS]!;
		const live = pages[at + LIVE]! - 1;
		assert(live >= 0, 'a released block is live');
		pages[at + LIVE] = live;
		this.#totals[0]! -= BLOCK_BYTES[sizeClass]!;
		if (live === 0) {
			this.#unlink(page, sizeClass);
			this.#returnPage(page);
			return;
		}
		this.segments[ref >>> SEGMENT_SHIFT]!.words[wordAt(ref)] = pages[at + FREE_LIST]!;
		pages[at + FREE_LIST] = ref;
		if (live === BLOCKS_OF_PAGE[sizeClass]! - 1) {
			this.#link(page, sizeClass);
		}
	}

	/** The bytes that the block at this ref has. */
	blockBytes(ref: number): number {
		return BLOCK_BYTES[this.#pages[((ref >>> PAGE_SHIFT) << FIELDS_SHIFT) + SIZE_CLASS]!]!;
	}

	/** Walks every page and list and asserts that they agree. For tests: slow. */
	check(): void {
		let live = 0;
		let inUse = 0;
		for (let page = 1; page < this.segments.length << PAGE_INDEX_SHIFT; page++) {
			const at = page << FIELDS_SHIFT;
			const sizeClass = this.#pages[at + SIZE_CLASS]!;
			if (sizeClass !== 0) {
				inUse++;
				live += this.#pages[at + LIVE]! * BLOCK_BYTES[sizeClass]!;
				this.#checkPage(page, sizeClass);
			}
		}
		assert(live === this.#totals[0], 'live bytes are the sum over all pages');
		assert(inUse === this.#totals[1], 'pages in use are counted');
		for (let sizeClass = 1; sizeClass < CLASS_COUNT; sizeClass++) {
			this.#checkRing(sizeClass);
		}
		for (let segment = 0; segment < this.segments.length; segment++) {
			let free = 0;
			for (
				let page = this.#freePages[segment]!;
				page >= 0;
				page = this.#pages[(page << FIELDS_SHIFT) + NEXT]!
			) {
				assert(this.#pages[(page << FIELDS_SHIFT) + SIZE_CLASS] === 0, 'a free page has no class');
				free++;
			}
			assert(free === this.#freePageCounts[segment], 'free pages of a segment are counted');
			assert(free === 0 || segment >= this.#lowestFree, 'no free page before the lowest');
		}
	}

	#checkPage(page: number, sizeClass: number): void {
		const at = page << FIELDS_SHIFT;
		const units = BLOCK_BYTES[sizeClass]! >>> 3;
		const first = page << PAGE_SHIFT;
		const handedOut = (this.#pages[at + UNTOUCHED]! - first) / units;
		const seen = new Set<number>();
		for (let ref = this.#pages[at + FREE_LIST]!; ref !== 0;) {
			const index = (ref - first) / units;
			assert(
				Number.isInteger(index) && index >= 0 && index < handedOut,
				'a freed block is a block of its page',
			);
			assert(!seen.has(ref), 'a block is freed once');
			seen.add(ref);
			ref = this.segments[segmentOf(ref)]!.words[wordAt(ref)]!;
		}
		assert(
			handedOut - seen.size === this.#pages[at + LIVE],
			'live blocks are those handed out and not freed',
		);
		assert(this.#pages[at + LIVE]! > 0, 'a page in use has a live block');
	}

	#checkRing(sizeClass: number): void {
		const start = this.#roomy[sizeClass]!;
		for (let page = start; page !== 0;) {
			const at = page << FIELDS_SHIFT;
			assert(this.#pages[at + SIZE_CLASS] === sizeClass, 'a ring holds pages of its class');
			assert(this.#pages[at + LIVE]! < BLOCKS_OF_PAGE[sizeClass]!, 'a page in the ring has room');
			const next = this.#pages[at + NEXT]!;
			assert(this.#pages[(next << FIELDS_SHIFT) + PREVIOUS] === page, 'neighbours know each other');
			page = next === start ? 0 : next;
		}
	}

	/** Dedicates a free page to the class and puts it first in its ring. */
	#addPage(sizeClass: number): number {
		const segment = this.#segmentWithFreePage();
		const page = this.#freePages[segment]!;
		const pages = this.#pages;
		const at = page << FIELDS_SHIFT;
		this.#freePages[segment] = pages[at + NEXT]!;
		if (this.#freePageCounts[segment] === pageCountOf(segment)) {
			this.#emptySegments--;
		}
		this.#freePageCounts[segment]!--;
		this.#totals[1]!++;
		pages[at + SIZE_CLASS] = sizeClass;
		pages[at + LIVE] = 0;
		pages[at + FREE_LIST] = 0;
		pages[at + UNTOUCHED] = page << PAGE_SHIFT;
		this.#link(page, sizeClass);
		return page;
	}

	/** Makes a page without live blocks free for any class; the second segment that is then empty is let go. */
	#returnPage(page: number): void {
		const segment = page >>> PAGE_INDEX_SHIFT;
		const at = page << FIELDS_SHIFT;
		this.#pages[at + SIZE_CLASS] = 0;
		this.#pages[at + NEXT] = this.#freePages[segment]!;
		this.#freePages[segment] = page;
		this.#freePageCounts[segment]!++;
		this.#totals[1]!--;
		if (segment < this.#lowestFree) {
			this.#lowestFree = segment;
		}
		if (this.#freePageCounts[segment] === pageCountOf(segment)) {
			// One empty segment is kept, so that a workload at its edge does not allocate 4 MB again and again.
			if (this.#emptySegments >= 1) {
				this.#dropSegment(segment);
			} else {
				this.#emptySegments++;
			}
		}
	}

	/** The lowest one: blocks gather there, and the upper segments get a chance to become empty. */
	#segmentWithFreePage(): number {
		for (let segment = this.#lowestFree; segment < this.segments.length; segment++) {
			if (this.#freePageCounts[segment]! > 0) {
				this.#lowestFree = segment;
				return segment;
			}
		}
		const dropped = this.segments.indexOf(NO_SEGMENT);
		const segment = dropped < 0 ? this.segments.length : dropped;
		this.#addSegment(segment);
		this.#lowestFree = segment;
		return segment;
	}

	#addSegment(segment: number): void {
		assert(segment < SEGMENT_LIMIT, 'an arena holds at most 16 GB');
		const bytes = new Uint8Array(new SharedArrayBuffer(SEGMENT_BYTES));
		this.segments[segment] = {region: regionOf(bytes), words: new Int32Array(bytes.buffer)};
		if (segment === this.#freePages.length) {
			this.#freePages = enlarged(this.#freePages);
			this.#freePageCounts = enlarged(this.#freePageCounts);
		}
		const firstPage = segment << PAGE_INDEX_SHIFT;
		if ((firstPage + PAGES_OF_SEGMENT) << FIELDS_SHIFT > this.#pages.length) {
			this.#pages = enlarged(this.#pages);
		}
		const pages = this.#pages;
		const first = Math.max(firstPage, 1);
		const last = firstPage + PAGES_OF_SEGMENT - 1;
		for (let page = first; page <= last; page++) {
			pages[(page << FIELDS_SHIFT) + SIZE_CLASS] = 0;
			pages[(page << FIELDS_SHIFT) + NEXT] = page === last ? -1 : page + 1;
		}
		this.#freePages[segment] = first;
		this.#freePageCounts[segment] = last - first + 1;
		this.#emptySegments++;
	}

	/** The collector frees the memory: nothing refers to it any more. The index is used again by `#addSegment`. */
	#dropSegment(segment: number): void {
		this.segments[segment] = NO_SEGMENT;
		this.#freePages[segment] = -1;
		this.#freePageCounts[segment] = 0;
	}

	#link(page: number, sizeClass: number): void {
		const pages = this.#pages;
		const at = page << FIELDS_SHIFT;
		const first = this.#roomy[sizeClass]!;
		if (first === 0) {
			pages[at + NEXT] = page;
			pages[at + PREVIOUS] = page;
			this.#roomy[sizeClass] = page;
			return;
		}
		// Last in the ring: the page in use is filled up before one that lost a single block.
		const last = pages[(first << FIELDS_SHIFT) + PREVIOUS]!;
		pages[at + NEXT] = first;
		pages[at + PREVIOUS] = last;
		pages[(last << FIELDS_SHIFT) + NEXT] = page;
		pages[(first << FIELDS_SHIFT) + PREVIOUS] = page;
	}

	#unlink(page: number, sizeClass: number): void {
		const pages = this.#pages;
		const at = page << FIELDS_SHIFT;
		const next = pages[at + NEXT]!;
		if (next === page) {
			this.#roomy[sizeClass] = 0;
			return;
		}
		const previous = pages[at + PREVIOUS]!;
		pages[(previous << FIELDS_SHIFT) + NEXT] = next;
		pages[(next << FIELDS_SHIFT) + PREVIOUS] = previous;
		if (this.#roomy[sizeClass] === page) {
			this.#roomy[sizeClass] = next;
		}
	}
}

/** Pages of a segment that may be handed out: all but page 0 of the arena. */
function pageCountOf(segment: number): number {
	return segment === 0 ? PAGES_OF_SEGMENT - 1 : PAGES_OF_SEGMENT;
}

/** The smallest class whose blocks have room for `bytes`. */
function sizeClassOf(bytes: number): number {
	if (bytes <= FINE_LIMIT_BYTES) {
		return bytes <= MIN_BLOCK_BYTES ? MIN_BLOCK_BYTES >>> 3 : (bytes + 7) >>> 3;
	}
	// As many blocks of this length as fit a page, from 31 down to 2, make the classes 129 to 158.
	return FINE_CLASSES + 32 - ((PAGE_BYTES / ((bytes + 7) & ~7)) | 0);
}

function makeBlockBytes(): Int32Array {
	const bytes = new Int32Array(CLASS_COUNT);
	for (let sizeClass = MIN_BLOCK_BYTES >>> 3; sizeClass < CLASS_COUNT; sizeClass++) {
		const blocks = FINE_CLASSES + 32 - sizeClass;
		bytes[sizeClass] = sizeClass <= FINE_CLASSES ? sizeClass << 3 : Math.floor(PAGE_BYTES / blocks) & ~7;
	}
	return bytes;
}

function enlarged(array: Int32Array): Int32Array<ArrayBuffer> {
	const larger = new Int32Array(array.length * 2);
	larger.set(array);
	return larger;
}
