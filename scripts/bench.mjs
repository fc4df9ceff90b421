/** `npm run bench [-- name ...]`: sets up what is missing, then runs the benchmarks of those names, or all of them. */
import {ensureBundled, ensureCompiled, ensureInstalled, requireNode, root} from './setup.mjs';
import {join} from 'node:path';
import {pathToFileURL} from 'node:url';

requireNode();
ensureInstalled();
await ensureCompiled();
await ensureBundled();
await import(pathToFileURL(join(root, 'build', 'bench', 'main.js')).href);
