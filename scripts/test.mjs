/** `npm test [-- ava's options and files]`: sets up what is missing, then runs the tests. */
import {ensureBundled, ensureCompiled, ensureInstalled, requireNode, tryTool} from './setup.mjs';

requireNode();
ensureInstalled();
await ensureCompiled();
await ensureBundled();
process.exitCode = tryTool('ava', 'ava', process.argv.slice(2));
