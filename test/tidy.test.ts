/** What a person would have to look for in every review: the import rules of the house, the pure folders, forgotten things. */
import {readFileSync, readdirSync} from 'node:fs';
import {dirname, join, normalize} from 'node:path';
import test from 'ava';

/**
 * Who may import whom, types included: a folder, a file (`node/ports.ts`), or a folder's types only (`types:cluster`).
 * A folder may always import itself.
 */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
	lib: [],
	slots: ['lib'],
	resp: ['lib', 'slots'],
	data: ['lib', 'slots'],
	cluster: ['lib', 'slots'],
	replication: ['lib', 'slots'],
	// Of resp the parser: the commands of an append-only file are requests.
	persistence: ['lib', 'slots', 'resp', 'data', 'replication'],
	// Of persistence the form of a value: DUMP and RESTORE carry what an RDB file holds.
	commands: [
		'lib',
		'slots',
		'resp',
		'data',
		'persistence',
		'types:cluster',
		'cluster/describe.ts',
		'cluster/slot-migration.ts',
		'types:replication',
		'replication/primary.ts',
	],
	node: [
		'lib',
		'slots',
		'resp',
		'data',
		'cluster',
		'replication',
		'persistence',
		'commands',
		'types:launcher',
	],
	faults: ['lib', 'node/ports.ts'],
	sim: ['lib', 'slots', 'cluster', 'replication', 'faults'],
	// Works on servers that are not ours: it must know nothing of them.
	trib: ['lib', 'slots', 'resp'],
	// Of a node only what stands between them, and the table of directives to check cluster.yaml against.
	launcher: [
		'lib',
		'slots',
		'node/ports.ts',
		'node/slot-table.ts',
		'node/config-parameters.ts',
		'faults',
		'types:trib',
		// Nodes that are processes are asked as any server is.
		'resp',
		'trib/client.ts',
		'trib/nodes-text.ts',
		'types:index.ts',
	],
	load: ['lib', 'slots', 'resp'],
	dashboard: ['types:launcher', 'trib/view.ts'],
	cli: ['lib', 'launcher', 'trib', 'load', 'sim'],
	'cli.ts': ['cli', 'launcher'],
	'index.ts': ['launcher'],
};

/** Folders that must compute the same whenever and wherever they run. */
const PURE = new Set(['cluster', 'replication', 'persistence']);
const IMPURE =
	/\b(?:Buffer|Date|setTimeout|setInterval|setImmediate|queueMicrotask|process|performance|console|fetch|crypto|Atomics|Worker|MessageChannel)\b|Math\.random/;

/** What starts a thread or a process, or is imported from outside; and the simulator, which tests drive. */
const ENTRY_POINTS = ['cli.ts', 'index.ts', 'node/worker.ts', 'node/snapshot-job.ts', 'trib/worker.ts'];
const TEST_ENGINES = ['sim'];

interface Import {
	readonly specifier: string;
	readonly typesOnly: boolean;
}

const filesUnder = (directory: string): string[] =>
	readdirSync(directory, {recursive: true, encoding: 'utf8'})
		.filter((file) => file.endsWith('.ts'))
		.toSorted();

const sources = new Map(filesUnder('src').map((file) => [file, readFileSync(join('src', file), 'utf8')]));
const tests = new Map(filesUnder('test').map((file) => [file, readFileSync(join('test', file), 'utf8')]));

/** Without comments, strings and the fixed parts of templates: what is left is code. */
function codeOf(text: string): string {
	return text.replace(
		/\/\*[\s\S]*?\*\/|\/\/[^\n]*|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`/g,
		(found) => (found.startsWith('/') ? '' : "''"),
	);
}

function importsOf(text: string): Import[] {
	const found: Import[] = [];
	for (const [, kind = '', names = '', specifier = ''] of text.matchAll(
		/^(?:import|export)\s+(type\s)?([^;'"=()]*?)\s*\bfrom\s+['"]([^'"]+)['"]/gm,
	)) {
		const each =
			/\{([^}]*)\}/
				.exec(names)?.[1]
				?.split(',')
				.map((name) => name.trim())
				.filter((name) => name !== '') ?? [];
		const onlyTypes =
			each.length > 0 && each.every((name) => name.startsWith('type ')) && !/^[^{]*\w/.test(names);
		found.push({specifier, typesOnly: kind !== '' || onlyTypes});
	}
	for (const [, specifier = ''] of text.matchAll(/^import\s+['"]([^'"]+)['"]/gm))
		found.push({specifier, typesOnly: false});
	for (const [, specifier = ''] of text.matchAll(/(?<!typeof )\bimport\(\s*['"]([^'"]+)['"]\s*\)/g))
		found.push({specifier, typesOnly: false});
	return found;
}

/** The file in src that a relative specifier names. */
const targetOf = (file: string, specifier: string): string => normalize(join(dirname(file), specifier));

const folderOf = (file: string): string => (file.includes('/') ? file.slice(0, file.indexOf('/')) : file);

function isAllowed(file: string, {specifier, typesOnly}: Import): boolean {
	const [from, target] = [folderOf(file), targetOf(file, specifier)];
	if (folderOf(target) === from) return true;
	const allowed = MAY_IMPORT[from] ?? [];
	return (
		allowed.includes(folderOf(target)) ||
		allowed.includes(target) ||
		(typesOnly && (allowed.includes(`types:${folderOf(target)}`) || allowed.includes(`types:${target}`)))
	);
}

test('every folder of src has its import rule', (t) => {
	const folders = new Set([...sources.keys()].map(folderOf));
	t.deepEqual(
		[...folders].filter((folder) => !(folder in MAY_IMPORT)),
		[],
	);
});

test('folders import only what their rule allows', (t) => {
	const broken = [...sources].flatMap(([file, text]) =>
		importsOf(text)
			.filter(({specifier}) => specifier.startsWith('.'))
			.filter((each) => !isAllowed(file, each))
			.map(({specifier}) => `${file} must not import ${specifier}`),
	);
	t.deepEqual(broken, []);
});

test('relative imports name a file that is there', (t) => {
	const broken = [...sources].flatMap(([file, text]) =>
		importsOf(text)
			.filter(({specifier}) => specifier.startsWith('.') && !sources.has(targetOf(file, specifier)))
			.map(({specifier}) => `${file}: ${specifier}`),
	);
	t.deepEqual(broken, []);
});

test('lib, slots, resp, data, cluster, replication, persistence and commands do without Node', (t) => {
	const without = new Set([
		'lib',
		'slots',
		'resp',
		'data',
		'cluster',
		'replication',
		'persistence',
		'commands',
	]);
	const broken = [...sources]
		.filter(([file]) => without.has(folderOf(file)))
		.flatMap(([file, text]) =>
			importsOf(text)
				.filter(({specifier}) => !specifier.startsWith('.'))
				.map(({specifier}) => `${file}: ${specifier}`),
		);
	t.deepEqual(broken, []);
});

test('the pure folders know no clock, no chance and no machine', (t) => {
	const broken = [...sources]
		.filter(([file]) => PURE.has(folderOf(file)))
		.flatMap(([file, text]) =>
			codeOf(text)
				.split('\n')
				.map((line) => IMPURE.exec(line)?.[0])
				.filter((word) => word !== undefined)
				.map((word) => `${file}: ${word}`),
		);
	t.deepEqual(broken, []);
});

test('every file of src is reached from an entry point', (t) => {
	const engines = [...tests].flatMap(([file, text]) =>
		importsOf(text)
			.map(({specifier}) => normalize(join('test', dirname(file), specifier)))
			.filter((path) => TEST_ENGINES.some((engine) => path.startsWith(`src/${engine}/`)))
			.map((path) => path.slice('src/'.length)),
	);
	const reached = new Set([...ENTRY_POINTS, ...engines]);
	// Grows while it is walked.
	for (const file of reached) {
		for (const {specifier} of importsOf(sources.get(file) ?? ''))
			if (specifier.startsWith('.')) reached.add(targetOf(file, specifier));
	}
	t.deepEqual(
		[...sources.keys()].filter((file) => !reached.has(file)),
		[],
	);
});

test('no default export, no enum, no namespace, no any', (t) => {
	const broken = [...sources].flatMap(([file, text]) => {
		const [word] =
			/^export default|^(?:export )?(?:const )?enum |^(?:export )?namespace |(?::|\bas|<) ?any\b/m.exec(
				codeOf(text),
			) ?? [];
		return word === undefined ? [] : [`${file}: ${word}`];
	});
	t.deepEqual(broken, []);
});

test('no test is singled out or known to fail', (t) => {
	const broken = [...tests]
		.filter(
			([file, text]) =>
				file !== 'tidy.test.ts' && /\btest(?:\.\w+)*\.(?:only|failing|todo)\b/.test(codeOf(text)),
		)
		.map(([file]) => file);
	t.deepEqual(broken, []);
});
