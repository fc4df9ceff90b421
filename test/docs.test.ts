/**
 * The documentation against the code, where it would go stale unnoticed: the page of commands, counts, paths, links, settings.
 * UPDATE=1 writes docs/commands.md anew.
 */
import {existsSync, readdirSync, readFileSync, statSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import test from 'ava';
import type {Command} from '../src/commands/command.ts';
import {allCommands} from '../src/commands/families.ts';
import {FIELDS} from '../src/launcher/settings.ts';

const COMMANDS_PAGE = 'docs/commands.md';
const pages = [
	...readdirSync('.').filter((file) => file.endsWith('.md')),
	...readdirSync('docs', {recursive: true, encoding: 'utf8'})
		.filter((file) => file.endsWith('.md'))
		.map((file) => path.join('docs', file)),
];
const texts = new Map(pages.map((page) => [page, readFileSync(page, 'utf8')]));
const textOf = (page: string): string => texts.get(page) ?? '';

// The page of commands

const GROUP_TITLES: Readonly<Partial<Record<Command['facts']['group'], string>>> = {
	string: 'Strings',
	bitmap: 'Bitmaps',
	generic: 'Keys of any type',
	connection: 'Connection',
	server: 'Server',
	cluster: 'Cluster',
};

const topCommands = allCommands.filter(({name}) => !name.includes('|'));
const subcommandCount = allCommands.length - topCommands.length;

function commandsPage(): string {
	const groups = [...new Set(allCommands.map(({facts}) => facts.group))];
	const sections = groups.map((group) => {
		const commands = allCommands.filter(({facts}) => facts.group === group);
		const rows = commands.toSorted((a, b) => (a.name < b.name ? -1 : 1)).map(rowOf);
		return `## ${GROUP_TITLES[group] ?? group}\n\n${table(['Command', 'Since', 'What it does'], rows)}`;
	});
	const head = [
		'# Commands',
		'',
		`${topCommands.length} commands (what COMMAND COUNT replies) and ${subcommandCount} subcommands. "Since" is the version of Redis that brought the command; details are in Redis's own documentation of it, which applies here.`,
		'',
		'This page is made from the command table: `UPDATE=1 npm test -- build/test/docs.test.js` writes it anew, and a test fails when it is stale.',
	];
	return [head.join('\n'), ...sections].join('\n\n') + '\n';
}

function rowOf({name, facts}: Command): string[] {
	const {since, summary, deprecatedSince, replacedBy} = facts;
	// Redis marks tokens in its own notation: `!GET`.
	const instead = replacedBy === undefined ? '' : `; use ${replacedBy.replaceAll('`!', '`')}`;
	const deprecation = deprecatedSince === undefined ? '' : ` (deprecated since ${deprecatedSince}${instead})`;
	return [
		`\`${name.toUpperCase().replace('|', ' ')}\``,
		since,
		`${summary}${deprecation}`.replaceAll('|', String.raw`\|`),
	];
}

/** In the form that the formatter leaves alone: cells padded to the width of their column. */
function table(head: readonly string[], rows: readonly string[][]): string {
	const widths = head.map((cell, column) => Math.max(cell.length, ...rows.map((row) => row[column]!.length)));
	const line = (cells: readonly string[]): string =>
		`| ${cells.map((cell, column) => cell.padEnd(widths[column]!)).join(' | ')} |`;
	return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
}

test('the page of commands is that of the command table', (t) => {
	const expected = commandsPage();
	if (process.env['UPDATE'] === '1') writeFileSync(COMMANDS_PAGE, expected);
	else t.is(readFileSync(COMMANDS_PAGE, 'utf8'), expected);
	t.pass();
});

test('the README counts the commands right', (t) => {
	t.regex(
		textOf('README.md'),
		new RegExp(String.raw`\b${topCommands.length} commands and ${subcommandCount} subcommands\b`),
	);
});

// What pages speak of

test('links between pages lead to a file, and to a heading that it has', (t) => {
	const broken = [...texts].flatMap(([page, text]) =>
		[...withoutCode(text).matchAll(/\]\((?!https?:)([^)#\s]*)(?:#([^)\s]*))?\)/g)]
			.filter(([, file = '', anchor]) => {
				const target = file === '' ? page : path.normalize(path.join(path.dirname(page), file));
				if (!existsSync(target)) return true;
				return anchor !== undefined && !anchorsOf(readFileSync(target, 'utf8')).includes(anchor);
			})
			.map(([link]) => `${page}: ${link}`),
	);
	t.deepEqual(broken, []);
});

/** As GitHub makes them of headings. */
const anchorsOf = (text: string): string[] =>
	[...withoutCode(text).matchAll(/^#+ (.+)$/gm)].map(([, title = '']) =>
		title
			.toLowerCase()
			.replaceAll(/[^\w\- ]/g, '')
			.replaceAll(' ', '-'),
	);

const withoutCode = (text: string): string => text.replaceAll(/^```[\s\S]*?^```/gm, '');

test('files that pages name are there', (t) => {
	const broken = [...texts]
		// History may name what is gone.
		.filter(([page]) => page !== 'CHANGELOG.md')
		.flatMap(([page, text]) =>
			[...text.matchAll(/`((?:src|test|bench|scripts|docs)\/[\w./-]*)`/g)]
				.filter(([, file = '']) => !existsSync(file))
				.map(([, file]) => `${page}: ${file}`),
		);
	t.deepEqual(broken, []);
});

test('npm scripts that pages name are in package.json', (t) => {
	const {scripts} = JSON.parse(readFileSync('package.json', 'utf8')) as {
		scripts: Readonly<Record<string, string>>;
	};
	const broken = [...texts].flatMap(([page, text]) =>
		[...text.matchAll(/\bnpm (?:run ([\w-]+)|(start|test)\b)/g)]
			.map(([, script, short]) => script ?? short ?? '')
			.filter((script) => !(script in scripts))
			.map((script) => `${page}: ${script}`),
	);
	t.deepEqual(broken, []);
});

test('the README names every key of cluster.yaml', (t) => {
	const missing = [...Object.keys(FIELDS), 'config', 'nodes'].filter(
		(key) => !textOf('README.md').includes(`\`${key}\``),
	);
	t.deepEqual(missing, []);
});

test('ARCHITECTURE.md has a place for every folder of src', (t) => {
	const folders = readdirSync('src').filter((name) => statSync(path.join('src', name)).isDirectory());
	t.deepEqual(
		folders.filter((folder) => !textOf('ARCHITECTURE.md').includes(`\`${folder}/\``)),
		[],
	);
});
