/**
 * The manifest of a multi-part append-only file: a line of text for each file, as redis-server 7.0 writes it.
 *
 *     file appendonly.aof.1.base.rdb seq 1 type b
 *     file appendonly.aof.1.incr.aof seq 1 type i
 */

export interface AofPart {
	/** Without a directory. One character a byte. */
	readonly name: string;
	readonly sequence: number;
}

export interface AofManifest {
	readonly base: AofPart | null;
	/** In the order in which they were written. */
	readonly incremental: readonly AofPart[];
	/** Of no use any more, to be removed. */
	readonly history: readonly AofPart[];
}

export const EMPTY_MANIFEST: AofManifest = {base: null, incremental: [], history: []};

/** The text is no manifest. */
export class ManifestError extends Error {
	override readonly name = 'ManifestError';
	/** From 1. */
	readonly line: number;

	constructor(what: string, line: number) {
		super(`line ${line}: ${what}`);
		this.line = line;
	}
}

const MAX_LINE_LENGTH = 1024;
const TYPES = {b: 'base', i: 'incremental', h: 'history'} as const;

export function formatManifest({base, incremental, history}: AofManifest): string {
	const line = (type: keyof typeof TYPES, {name, sequence}: AofPart): string =>
		`file ${quoted(name)} seq ${sequence} type ${type}\n`;
	return [
		...(base === null ? [] : [line('b', base)]),
		...history.map((part) => line('h', part)),
		...incremental.map((part) => line('i', part)),
	].join('');
}

/** @param text one character a byte. @throws ManifestError */
export function parseManifest(text: string): AofManifest {
	let base: AofPart | null = null;
	const incremental: AofPart[] = [];
	const history: AofPart[] = [];
	const lines = text.split('\n');
	// A manifest is replaced as a whole: a line without end was not written like this.
	if (lines.pop() !== '') throw new ManifestError('the line has no end', lines.length + 1);
	if (lines.length === 0) throw new ManifestError('the manifest is empty', 1);
	for (const [index, line] of lines.entries()) {
		if (line.startsWith('#')) continue;
		const {type, ...part} = parseLine(line, index + 1);
		if (type === 'b') {
			if (base !== null) throw new ManifestError('a second base file', index + 1);
			base = part;
		} else if (type === 'h') {
			history.push(part);
		} else {
			if (part.sequence <= (incremental.at(-1)?.sequence ?? 0))
				throw new ManifestError('a sequence number that does not grow', index + 1);
			incremental.push(part);
		}
	}
	return {base, incremental, history};
}

function parseLine(line: string, number: number): AofPart & {readonly type: keyof typeof TYPES} {
	if (line.length > MAX_LINE_LENGTH) throw new ManifestError('the line is too long', number);
	const words = splitWords(line);
	if (words === null || words.length < 6 || words.length % 2 === 1)
		throw new ManifestError('not of the form `file <name> seq <number> type <b, i or h>`', number);
	const values = new Map<string, string>();
	for (let i = 0; i < words.length; i += 2) values.set(words[i]!.toLowerCase(), words[i + 1]!);
	const name = values.get('file') ?? '';
	const sequence = /^\d+$/.test(values.get('seq') ?? '') ? Number(values.get('seq')) : 0;
	const type = values.get('type') ?? '';
	if (name === '' || name.includes('\0') || /[\\/]/.test(name))
		throw new ManifestError(`'${name}' is not a file's name`, number);
	if (!Number.isSafeInteger(sequence) || sequence < 1) throw new ManifestError('no sequence number', number);
	if (!Object.hasOwn(TYPES, type)) throw new ManifestError(`'${type}' is no type of file`, number);
	return {name, sequence, type: type as keyof typeof TYPES};
}

/** Words apart by blanks; one in quotes may have blanks, and escapes. Null when the quotes do not match. */
function splitWords(line: string): string[] | null {
	const words: string[] = [];
	const pattern = /\s*(?:"((?:\\.|[^"\\])*)"|([^\s"]+))(?=\s|$)/y;
	let at = 0;
	while (line.slice(at).trim() !== '') {
		pattern.lastIndex = at;
		const found = pattern.exec(line);
		if (found === null) return null;
		words.push(found[1] === undefined ? found[2]! : unescaped(found[1]));
		at = pattern.lastIndex;
	}
	return words;
}

const unescaped = (text: string): string =>
	text.replace(/\\(?:x([0-9a-f]{2})|(.))/gi, (_, hex: string | undefined, letter: string) =>
		hex === undefined ? (ESCAPES[letter] ?? letter) : String.fromCharCode(Number.parseInt(hex, 16)),
	);
const ESCAPES: Readonly<Record<string, string>> = {n: '\n', r: '\r', t: '\t', a: '\u0007', b: '\b'};

/** Names with blanks, quotes, backslashes or what cannot be printed stand in quotes. */
function quoted(name: string): string {
	if (/^[\x21\x23-\x26\x28-\x5b\x5d-\x7e]+$/.test(name)) return name;
	const escaped = name.replace(/["\\]|[^\x20-\x7e]/g, (letter) =>
		letter === '"' || letter === '\\'
			? `\\${letter}`
			: `\\x${letter.charCodeAt(0).toString(16).padStart(2, '0')}`,
	);
	return `"${escaped}"`;
}
