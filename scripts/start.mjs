/** `npm start [-- options]`: sets up what is missing, then `shoal up`. */
import {ensureBundled, ensureInstalled, requireNode, root} from './setup.mjs';
import {join} from 'node:path';
import {pathToFileURL} from 'node:url';

requireNode();
ensureInstalled();
await ensureBundled();
// What was set up before does not count as the boot of the cluster.
performance.mark('shoal-set-up');
const cli = join(root, 'dist', 'cli.js');
process.argv.splice(1, 1, cli, 'up');
await import(pathToFileURL(cli).href);
