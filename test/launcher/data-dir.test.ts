import {spawnSync} from 'node:child_process';
import {chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import test from 'ava';
import {DataDir, readControl} from '../../src/launcher/data-dir.ts';
import {LaunchError} from '../../src/launcher/errors.ts';
import {scratchDirectory} from './helpers/scratch.ts';

/** The number of a process that has ended. */
const deadPid = (): number => spawnSync(process.execPath, ['-e', '']).pid;

test('two launchers cannot have one directory', (t) => {
	const directory = scratchDirectory(t);
	const first = new DataDir(directory);
	t.throws(() => new DataDir(directory), {
		instanceOf: LaunchError,
		message: new RegExp(`in use by process ${process.pid}`),
	});
	first.close();
	new DataDir(directory).close();
	t.deepEqual(readdirSync(directory), []);
});

test('the lock of a dead launcher is taken over', (t) => {
	const directory = scratchDirectory(t);
	writeFileSync(join(directory, 'launcher.lock'), JSON.stringify({pid: deadPid(), startedAt: ''}));
	const taken = new DataDir(directory);
	t.like(JSON.parse(readFileSync(join(directory, 'launcher.lock'), 'utf8')), {pid: process.pid});
	t.deepEqual(readdirSync(directory), ['launcher.lock']);
	taken.close();
});

test('the lock of a dead launcher whose number another process has by now is taken over', (t) => {
	if (process.platform !== 'linux') return t.pass('only Linux tells when a process began');
	const directory = scratchDirectory(t);
	writeFileSync(join(directory, 'launcher.lock'), JSON.stringify({pid: process.pid, startedAt: '1'}));
	new DataDir(directory).close();
	return t.pass();
});

test('a lock that was half written is taken over', (t) => {
	const directory = scratchDirectory(t);
	writeFileSync(join(directory, 'launcher.lock'), '{"pid":');
	new DataDir(directory).close();
	t.pass();
});

test('undo removes what this start made and leaves what was there', (t) => {
	const directory = scratchDirectory(t);
	mkdirSync(join(directory, '7000'));
	const data = new DataDir(directory);
	t.is(data.nodeDirectory(7000).fresh, true);
	data.nodeDirectory(7001);
	writeFileSync(join(directory, '7001', 'nodes.conf'), '');
	t.deepEqual(data.nodePorts(), [7001]);
	t.is(data.nodeDirectory(7001).fresh, false);
	data.undo();
	t.deepEqual(readdirSync(directory), ['7000']);
});

test('what has come to use stays when something later fails', (t) => {
	const directory = scratchDirectory(t);
	const data = new DataDir(directory);
	data.nodeDirectory(7000);
	data.keep();
	data.nodeDirectory(7001);
	data.removeMade();
	t.deepEqual(readdirSync(directory).toSorted(), ['7000', 'launcher.lock']);
	data.undo();
	t.deepEqual(readdirSync(directory), ['7000']);
});

test('only directories that are named as a port with its bus port can be are nodes', (t) => {
	const directory = scratchDirectory(t);
	for (const name of ['7001', '700', '0700', '55535', '55536', '123456', 'x7000']) {
		mkdirSync(join(directory, name));
		writeFileSync(join(directory, name, 'nodes.conf'), '');
	}
	const data = new DataDir(directory);
	t.deepEqual(data.nodePorts(), [700, 7001, 55_535]);
	data.close();
});

test('a directory that cannot be made or written is one clear line', (t) => {
	const directory = scratchDirectory(t);
	writeFileSync(join(directory, 'file'), '');
	t.throws(() => new DataDir(join(directory, 'file', 'data')), {
		instanceOf: LaunchError,
		message: /cannot be made: .*; name another with --data-dir$/,
	});
	if (process.getuid?.() === 0) return;
	chmodSync(directory, 0o500);
	t.throws(() => new DataDir(directory), {instanceOf: LaunchError, message: /is not writable/});
	chmodSync(directory, 0o700);
});

test('control.json is for its owner alone, and that of a dead launcher is not believed', (t) => {
	const directory = scratchDirectory(t);
	const data = new DataDir(directory);
	const address = {pid: process.pid, host: '127.0.0.1', port: 1, secret: 's'};
	data.writeControl(address);
	t.is(statSync(join(directory, 'control.json')).mode & 0o777, 0o600);
	t.deepEqual(readControl(directory), address);
	data.writeControl({...address, pid: deadPid()});
	t.is(readControl(directory), null);
	writeFileSync(join(directory, 'control.json'), 'no JSON');
	t.is(readControl(directory), null);
	data.close();
	t.false(existsSync(join(directory, 'control.json')));
});
