/**
 * What every npm script needs before it can run, done once and only when something changed. Knows no packages: it runs
 * before they are installed. Used by start, test, check, bench and the packing of the tarball.
 */
import {spawnSync} from 'node:child_process';
import {createHash} from 'node:crypto';
import {existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync} from 'node:fs';
import {dirname, join} from 'node:path';
import {fileURLToPath} from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

const MINIMUM_NODE = [20, 19];

/** Ends the process with one clear line when this Node is too old to run shoal. */
export function requireNode() {
	const [major, minor] = process.versions.node.split('.').map(Number);
	if (major > MINIMUM_NODE[0] || (major === MINIMUM_NODE[0] && minor >= MINIMUM_NODE[1])) return;
	fail(
		`shoal needs Node.js ${MINIMUM_NODE.join('.')} or newer; this is ${process.version} (${process.execPath})`,
	);
}

/** `npm ci`, unless node_modules already holds what package-lock.json asks for. */
export function ensureInstalled() {
	const stampFile = join(root, 'node_modules', '.shoal-installed');
	const wanted = hashOf(['package-lock.json']);
	if (readStamp(stampFile) === wanted) return;
	if (!installedByNpm()) {
		note('installing packages (npm ci)');
		npm(['ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error']);
	}
	writeFileSync(stampFile, wanted);
}

/** True when somebody ran `npm install` after the lock was last changed: npm leaves a copy of the lock behind. */
function installedByNpm() {
	const copy = statSync(join(root, 'node_modules', '.package-lock.json'), {throwIfNoEntry: false});
	return copy !== undefined && copy.mtimeMs >= statSync(join(root, 'package-lock.json')).mtimeMs;
}

/**
 * The bundles that users run: dist/*.js. Declarations are for the package alone and are made when it is packed.
 * @param {{force?: boolean}} options
 */
export async function ensureBundled({force = false} = {}) {
	const sources = [...filesUnder('src'), 'scripts/bundle.mjs', 'package-lock.json', 'package.json'];
	await ensure('dist', sources, force, async () => (await import('./bundle.mjs')).bundle());
}

/** Everything compiled for the tests and benchmarks, file by file: build/src, build/test, build/bench. */
export async function ensureCompiled() {
	const sources = [
		...filesUnder('src'),
		...filesUnder('test'),
		...filesUnder('bench'),
		'tsconfig.json',
		'package-lock.json',
	];
	await ensure('build', sources, false, () => runTool('typescript', 'tsc', ['-p', '.']));
}

async function ensure(directory, sources, force, make) {
	const stampFile = join(root, directory, '.stamp');
	const wanted = hashOf(sources);
	if (!force && readStamp(stampFile) === wanted) return;
	note(`building ${directory}/`);
	// Nothing of an earlier build may stay: a test of a deleted file would go on passing.
	rmSync(join(root, directory), {recursive: true, force: true});
	mkdirSync(join(root, directory));
	await make();
	writeFileSync(stampFile, wanted);
}

/** Runs the command of an installed package with this Node; ends the process with its exit code when it fails. */
export function runTool(packageName, command, args) {
	const code = tryTool(packageName, command, args);
	if (code !== 0) process.exit(code);
}

/** As runTool, but returns the exit code. */
export function tryTool(packageName, command, args) {
	const home = join(root, 'node_modules', packageName);
	const {bin} = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8'));
	const script = join(home, typeof bin === 'string' ? bin : bin[command]);
	return exitCodeOf(spawnSync(process.execPath, [script, ...args], {cwd: root, stdio: 'inherit'}));
}

function npm(args) {
	// npm tells its scripts where it is: then no shell is needed to find it, on any system.
	const script = process.env.npm_execpath;
	const options = {cwd: root, stdio: ['ignore', 2, 2]};
	const result = script?.endsWith('.js')
		? spawnSync(process.execPath, [script, ...args], options)
		: spawnSync('npm', args, {...options, shell: process.platform === 'win32'});
	if (result.error) fail(`npm could not be started: ${result.error.message}`);
	if (result.status !== 0) fail(`npm ${args[0]} failed; its messages are above`);
}

function exitCodeOf(result) {
	if (result.error) fail(result.error.message);
	return result.status ?? 1;
}

function filesUnder(directory) {
	if (!existsSync(join(root, directory))) return [];
	return readdirSync(join(root, directory), {recursive: true, withFileTypes: true})
		.filter((entry) => entry.isFile())
		.map((entry) => join(entry.parentPath ?? entry.path, entry.name).slice(root.length + 1))
		.toSorted();
}

/** By content and not by time: a checkout, a copy and a restored cache all keep their build. */
function hashOf(files) {
	const hash = createHash('sha256').update(process.version);
	for (const file of files)
		hash
			.update(file)
			.update('\0')
			.update(readFileSync(join(root, file)))
			.update('\0');
	return hash.digest('hex');
}

function readStamp(file) {
	try {
		return readFileSync(file, 'utf8');
	} catch {
		return undefined;
	}
}

function note(text) {
	console.error(`shoal: ${text}`);
}

function fail(text) {
	console.error(`shoal: ${text}`);
	process.exit(1);
}
