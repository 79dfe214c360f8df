// VS Code's server, tied to whoever started it: when the other end of stdin is gone (a killed test run, say), so is
// the whole group of processes. argv: this file, server-main.js, its arguments. Started as a group's leader.
const { pathToFileURL } = require('node:url');

process.stdin.on('end', () => process.kill(-process.pid, 'SIGKILL')).resume();
process.argv.splice(1, 1);
import(pathToFileURL(process.argv[1]).href);
