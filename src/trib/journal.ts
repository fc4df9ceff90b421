/**
 * The journal of a job that moves slots: what it set out to do, on disk before the first command, so that `reshard --resume`
 * and `--abort` can end what a killed manager left. How far it came is asked of the cluster itself; the journal's own count
 * is for people. One file a cluster, for its owner's eyes, always replaced whole.
 */

import {createHash} from 'node:crypto';
import {mkdir, open, readdir, readFile, rename, unlink} from 'node:fs/promises';
import {join} from 'node:path';
import {formatSlotRanges} from '../slots/slot-ranges.ts';
import {formatSlots, groupMoves, parseSlots, ungroupMoves, type SlotMove} from './moves.ts';

/** How slots move: one after the other by MIGRATE, or by one of the two kinds of atomic migration. */
export type MoveMethod = 'classic' | 'import' | 'migrateslots';

export interface JournalContent {
	readonly command: string;
	/** ISO 8601. */
	readonly startedAt: string;
	readonly method: MoveMethod;
	/** Ids of all nodes of the cluster: a cluster is found again by any of them. */
	readonly nodes: readonly string[];
	readonly moves: readonly SlotMove[];
}

const VERSION = 1;
const PREFIX = 'slot-moves-';
const FILE_NAME = /^slot-moves-[0-9a-f]{12}\.json$/;

export class Journal {
	readonly path: string;
	readonly content: JournalContent;
	readonly #done = new Set<number>();
	#writing: Promise<void> = Promise.resolve();
	#isStale = false;

	/** Creates the directory where it is missing. Rejects with the system's error when the disk does not take it. */
	static async create(directory: string, content: JournalContent): Promise<Journal> {
		await mkdir(directory, {recursive: true, mode: 0o700});
		const name = createHash('sha1').update(content.nodes.toSorted().join()).digest('hex').slice(0, 12);
		const journal = new Journal(join(directory, `${PREFIX}${name}.json`), content);
		await journal.#write(true);
		return journal;
	}

	/** The journal in `directory` of a cluster with any of these nodes; null without one. */
	static async find(directory: string, nodeIds: ReadonlySet<string>): Promise<Journal | null> {
		const names = await readdir(directory).catch(() => []);
		for (const name of names.filter((each) => FILE_NAME.test(each)).toSorted()) {
			const path = join(directory, name);
			const content = parseJournal(await readFile(path, 'utf8').catch(() => ''));
			if (content?.nodes.some((id) => nodeIds.has(id)) === true) return new Journal(path, content);
		}
		return null;
	}

	private constructor(path: string, content: JournalContent) {
		this.path = path;
		this.content = content;
	}

	/** Writes are gathered while one is under way: the file may be a moment behind. */
	slotsDone(slots: Iterable<number>): void {
		for (const slot of slots) this.#done.add(slot);
		if (this.#isStale) return;
		this.#isStale = true;
		this.#writing = this.#writing.then(async () => {
			this.#isStale = false;
			// What is lost here is a count for people; the next write tells it again.
			await this.#write(false).catch(() => undefined);
		});
	}

	/** Resolves when nothing is being written any more. */
	async settle(): Promise<void> {
		await this.#writing;
	}

	async remove(): Promise<void> {
		await this.settle();
		await unlink(this.path).catch(() => undefined);
	}

	async #write(durable: boolean): Promise<void> {
		const {moves, ...rest} = this.content;
		const groups = groupMoves(moves).map((group) => ({...group, slots: formatSlotRanges(group.slots)}));
		const text = JSON.stringify(
			{version: VERSION, ...rest, moves: groups, done: formatSlots(this.#done)},
			null,
			'\t',
		);
		const temporary = `${this.path}.new`;
		const file = await open(temporary, 'w', 0o600);
		try {
			await file.writeFile(`${text}\n`);
			if (durable) await file.sync();
		} finally {
			await file.close();
		}
		await rename(temporary, this.path);
	}
}

/** null when the text is no journal that this version wrote. */
export function parseJournal(text: string): JournalContent | null {
	let value: unknown;
	try {
		value = JSON.parse(text);
	} catch {
		return null;
	}
	if (!isRecord(value) || value['version'] !== VERSION) return null;
	const {command, startedAt, method, nodes, moves} = value;
	if (typeof command !== 'string' || typeof startedAt !== 'string') return null;
	if (method !== 'classic' && method !== 'import' && method !== 'migrateslots') return null;
	if (!Array.isArray(nodes) || !nodes.every((id) => typeof id === 'string')) return null;
	if (!Array.isArray(moves)) return null;
	const groups = moves.map((group: unknown) => {
		if (!isRecord(group)) return null;
		const {source, target, slots} = group;
		if (typeof source !== 'string' || typeof target !== 'string' || typeof slots !== 'string') return null;
		const ranges = parseSlots(slots);
		return ranges === null ? null : {source, target, slots: ranges};
	});
	if (!groups.every((group) => group !== null)) return null;
	return {command, startedAt, method, nodes, moves: ungroupMoves(groups)};
}

function isRecord(value: unknown): value is Record<string, unknown> {
	return typeof value === 'object' && value !== null;
}
