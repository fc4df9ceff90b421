/** Finds the server that `engine:` names, on the PATH or by its path, and asks it for its version. */
import {execFile} from 'node:child_process';
import {accessSync, constants, statSync} from 'node:fs';
import * as path from 'node:path';
import {LaunchError, messageOf} from './errors.ts';

export interface ServerBinary {
	/** Absolute. */
	readonly path: string;
	/** `redis-server`, as the file is called. */
	readonly name: string;
	/** `7.0.15`. */
	readonly version: string;
}

/** The first with the words of redis.conf that our configurations are written in (`replica-...`). */
const OLDEST_MAJOR = 5;
const VERSION_TIMEOUT_MS = 15_000;

/**
 * @param searchPath directories as in the environment variable PATH
 * @throws LaunchError when it is not there, is no such server, or is too old
 */
export async function findServerBinary(
	engine: string,
	searchPath = process.env['PATH'] ?? '',
): Promise<ServerBinary> {
	const found = locate(engine, searchPath);
	const said = await askVersion(found);
	// `Redis server v=7.0.15 sha=...`, `Valkey server v=8.1.0 ...`
	const version = /\bserver v=(\d+\.\d+(?:\.\d+)?)/i.exec(said)?.[1];
	if (version === undefined)
		throw new LaunchError(
			`engine: ${found} is no Redis or Valkey server: asked for its version, it says ${JSON.stringify(said.slice(0, 100).trim())}`,
		);
	if (Number.parseInt(version, 10) < OLDEST_MAJOR)
		throw new LaunchError(`engine: ${found} is of version ${version}; ${OLDEST_MAJOR}.0 or newer is needed`);
	return {path: found, name: path.basename(found), version};
}

function locate(engine: string, searchPath: string): string {
	if (engine.includes('/')) {
		const file = path.resolve(engine);
		if (isExecutable(file)) return file;
		throw new LaunchError(`engine: ${engine}: there is no such program, or it may not be executed`);
	}
	for (const directory of searchPath.split(path.delimiter)) {
		const file = path.resolve(directory, engine);
		if (directory !== '' && isExecutable(file)) return file;
	}
	throw new LaunchError(
		`engine: ${engine} is not on the PATH (${searchPath}); install it (Debian: apt-get install ${engine}), or name its path: engine: /opt/bin/${engine}`,
	);
}

function isExecutable(file: string): boolean {
	try {
		accessSync(file, constants.X_OK);
		return statSync(file).isFile();
	} catch {
		return false;
	}
}

function askVersion(file: string): Promise<string> {
	return new Promise((resolve, reject) => {
		execFile(file, ['--version'], {timeout: VERSION_TIMEOUT_MS, encoding: 'utf8'}, (error, stdout) => {
			if (error === null) resolve(stdout);
			else reject(new LaunchError(`engine: ${file} does not tell its version: ${messageOf(error).trim()}`));
		});
	});
}
