#!/usr/bin/env node
/** The `shoal` command. Looks at the Node that runs it before it loads anything that an old one could not read. */
import {threadFilesBeside} from './launcher/thread-files.ts';

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
	console.error(`shoal needs Node.js 20.19 or newer; this is ${process.version} (${process.execPath})`);
	process.exitCode = 1;
} else {
	const {runProgram} = await import('./cli/program.ts');
	process.exitCode = await runProgram(process.argv.slice(2), threadFilesBeside(import.meta.url));
}
