/** The `shoal` command with scripted threads behind it. */
import {runProgram} from '../../../src/cli/program.ts';
import {scriptedThreads} from '../../launcher/helpers/scratch.ts';

process.exitCode = await runProgram(process.argv.slice(2), scriptedThreads);
